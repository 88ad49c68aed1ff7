"""Rows of glyphs: which may be text, in which color, and how far each pixel is covered.

What stands in a row but does not look like letters (too few pieces, too solid, too faint) is left
to the other stages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.galley import Galley, Indices, Plane, make_galley, part_rows
from workers.measure.glyphs import Glyphs
from workers.measure.measurements import Box
from workers.measure.scene import Packed
from workers.measure.stems import COVERED, Stems, measure_stems

# A line of text has at least this many letters (pieces this tall for the line), is this tall and
# this wide for its height.
LINE_MIN_GLYPHS = 2
LETTER_MIN_HEIGHT = 0.4
LINE_MIN_HEIGHT = 5
LINE_MIN_ASPECT = 0.9
# Contrast below this (8-bit levels) is no text a reader could see.
TEXT_MIN_CONTRAST = 24
# The text color is the mode of the pixels within this part of the strongest contrast.
STRONGEST = 0.93
# Words of one line may differ in color. A word (pieces nearer than this part of the row's height)
# of this many pieces reaches its own full contrast somewhere; if that is less than this part of
# the row's, it is set in a paler color.
WORD_GAP = 0.2
WORD_MIN_GLYPHS = 3
PALE = 0.88
# Letters cover at most this part of their box; pictures and buttons more.
INK_MAX_SHARE = 0.75
# Packed colors have so many bits.
COLOR_BITS = 24


@dataclass(frozen=True, slots=True)
class Row:
    """A row of glyphs with what was measured of it."""

    box: Box
    parent: int
    glyphs: NDArray[np.int32]
    stems: Stems
    color: int
    color_confidence: float
    background: int | None


@dataclass(frozen=True, slots=True)
class Planes:
    """The image as rows are cut from it, each (height, width): see ``find_lines``."""

    contrast: Plane
    packed: Packed
    background: Packed


@dataclass(frozen=True, slots=True)
class _Set:
    """Rows set in a galley: their boxes (n, 4) of x, y, width, height, and each one's pieces."""

    galley: Galley
    boxes: NDArray[np.int32]
    glyphs: Sequence[NDArray[np.int32]]
    contrast: Plane
    labels: NDArray[np.int32]
    peaks: Plane


def measure_rows(planes: Planes, glyphs: Glyphs, groups: Sequence[Indices]) -> list[Row]:
    """Measure the groups of glyphs that may be lines of text.

    Args:
        planes: the image.
        glyphs: its pieces of ink.
        groups: the pieces of each row, from left to right.

    Returns:
        The rows, in the order of the groups.
    """
    if not groups:
        return []
    boxes = _bounds(glyphs, groups)
    chosen = np.flatnonzero(_may_be_text(glyphs, groups, boxes))
    rows: list[tuple[int, Row | None]] = []
    for some in part_rows(*boxes[chosen, 2:].T.astype(np.intp)):
        which = chosen[some]
        pieces = [groups[index] for index in which]
        made = _set(planes, glyphs, pieces, boxes[which])
        owners = [int(glyphs.owners[piece[0]]) for piece in pieces]
        rows += zip(which.tolist(), _measure(planes, made, owners), strict=True)
    rows.sort(key=lambda entry: entry[0])
    return [row for _, row in rows if row is not None]


def _bounds(glyphs: Glyphs, groups: Sequence[Indices]) -> NDArray[np.int32]:
    """Return the box around each group, (groups, 4)."""
    starts = _starts(groups)
    x, y, wide, tall = glyphs.boxes[np.concatenate(groups)].T
    left, top = np.minimum.reduceat(x, starts), np.minimum.reduceat(y, starts)
    right, bottom = np.maximum.reduceat(x + wide, starts), np.maximum.reduceat(y + tall, starts)
    return np.stack([left, top, right - left, bottom - top], axis=1)


def _starts(groups: Sequence[NDArray[np.generic]]) -> Indices:
    """Return where each group starts when all are laid end to end."""
    lengths = np.array([len(group) for group in groups], np.intp)
    return np.cumsum(lengths) - lengths


def _may_be_text(
    glyphs: Glyphs, groups: Sequence[Indices], boxes: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Tell which groups have the size of a line and enough letters."""
    starts = _starts(groups)
    tall = glyphs.boxes[np.concatenate(groups), 3]
    whole = np.repeat(boxes[:, 3], np.diff(starts, append=len(tall)))
    letters = np.add.reduceat((tall >= LETTER_MIN_HEIGHT * whole).astype(np.intp), starts)
    enough = (letters >= LINE_MIN_GLYPHS) & (boxes[:, 3] >= LINE_MIN_HEIGHT)
    return np.asarray(enough & (boxes[:, 2] >= LINE_MIN_ASPECT * boxes[:, 3]), np.bool_)


def _set(
    planes: Planes, glyphs: Glyphs, groups: Sequence[Indices], boxes: NDArray[np.int32]
) -> _Set:
    """Copy rows onto one canvas."""
    galley = make_galley(boxes[:, 2], boxes[:, 3])
    contrast, labels = np.zeros(galley.shape, np.uint8), np.zeros(galley.shape, np.int32)
    for index, (x, y, width, height) in enumerate(boxes.tolist()):
        here = galley.cut(index)
        contrast[here] = planes.contrast[y : y + height, x : x + width]
        labels[here] = glyphs.pieces.cut(Box(x, y, width, height))
    peaks = np.maximum.reduceat(contrast.max(axis=0), galley.starts)
    return _Set(galley, boxes, [glyphs.boxes[group] for group in groups], contrast, labels, peaks)


def _measure(planes: Planes, made: _Set, owners: Sequence[int]) -> list[Row | None]:
    """Measure rows that are set in one galley; None for those that are no text."""
    galley = made.galley
    colors, confidences = _strongest_colors(planes.packed, made)
    plain = [_plain_background(planes.background, box) for box in made.boxes.tolist()]
    coverage = np.asarray(made.contrast / _full_contrast(made), np.float32)
    for index, behind in enumerate(plain):
        if behind is None:
            x, y, width, height = made.boxes[index].tolist()
            full = _contrast_of(colors[index], planes.background[y : y + height, x : x + width])
            coverage[galley.cut(index)] = made.contrast[galley.cut(index)] / full
    np.minimum(coverage, np.float32(1), out=coverage)
    light = np.asarray([_lightness_of(color) for color in colors], np.float32)
    stems = measure_stems(galley, coverage, made.labels, light)
    inked = np.add.reduceat(np.count_nonzero(coverage > COVERED, axis=0), galley.starts)
    text = (inked <= INK_MAX_SHARE * galley.widths * galley.heights).tolist()
    return [
        Row(Box(*made.boxes[at].tolist()), owners[at], made.glyphs[at], stems[at],
            colors[at], confidences[at], plain[at])
        if text[at] and made.peaks[at] >= TEXT_MIN_CONTRAST
        else None
        for at in range(len(owners))
    ]  # fmt: skip


def _lightness_of(color: int) -> float:
    """Return the mean of a packed color's channels, 0 to 1."""
    return ((color >> 16) + (color >> 8 & 255) + (color & 255)) / (3 * 255)


def _strongest_colors(packed: Packed, made: _Set) -> tuple[list[int], list[float]]:
    """Return the mode of each row's strongest pixels and its part among them."""
    galley, count = made.galley, len(made.boxes)
    limits = np.ceil(STRONGEST * made.peaks).astype(np.uint8)
    rows, columns = np.nonzero(made.contrast >= np.maximum(limits, 1)[galley.row])
    line = galley.row[columns]
    shown = packed[rows + made.boxes[line, 1], galley.column[columns] + made.boxes[line, 0]]
    keys, counts = np.unique(line << COLOR_BITS | shown, return_counts=True)
    whose = keys >> COLOR_BITS
    order = np.lexsort((-counts, whose))
    first = order[np.searchsorted(whose[order], np.arange(count))]
    colors = keys[first] & ((1 << COLOR_BITS) - 1)
    shares = counts[first] / np.bincount(line, minlength=count)
    return colors.tolist(), shares.tolist()


def _plain_background(background: Packed, box: Sequence[int]) -> int | None:
    """Return the one color behind a row, None where there are several."""
    x, y, width, height = box
    behind = background[y : y + height, x : x + width]
    return int(behind[0, 0]) if (behind == behind[0, 0]).all() else None


def _full_contrast(made: _Set) -> NDArray[np.float32]:
    """Return each column's full contrast, so that a pale word beside a dark one is not thin."""
    galley = made.galley
    full = made.peaks.astype(np.float32)[galley.row]
    line = np.repeat(np.arange(len(made.glyphs)), [len(some) for some in made.glyphs])
    glyphs = np.concatenate(made.glyphs)
    left = glyphs[:, 0] - made.boxes[line, 0] + galley.starts[line]
    right = np.maximum.accumulate(left + glyphs[:, 2])
    begins = np.ones(len(line), np.bool_)
    begins[1:] = left[1:] - right[:-1] >= WORD_GAP * galley.heights[line[1:]]
    begins[1:] |= line[1:] != line[:-1]
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(line)) - 1
    spans = np.stack([left[first], right[last]], axis=1)
    own = np.maximum.reduceat(made.contrast.max(axis=0), spans.ravel())[::2]
    pale = (last - first + 1 >= WORD_MIN_GLYPHS) & (own < PALE * made.peaks[line[first]])
    for word in np.flatnonzero(pale).tolist():
        full[spans[word, 0] : spans[word, 1]] = own[word]
    return np.maximum(full, np.float32(1))


def _contrast_of(color: int, behind: Packed) -> NDArray[np.float32]:
    """Return the contrast that a color has where it covers a pixel, for every pixel."""
    channels = [
        np.abs(((behind >> shift) & 255).astype(np.float32) - (color >> shift & 255))
        for shift in (16, 8, 0)
    ]
    strongest = np.maximum(np.maximum(channels[0], channels[1]), channels[2])
    return np.asarray(np.maximum(strongest, TEXT_MIN_CONTRAST), np.float32)
