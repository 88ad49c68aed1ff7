"""From ink to lines of text: glyphs, rows of glyphs, and each row's color and font.

Lines never cross an element's edge. What stands in a row but does not look like letters (too few
pieces, too solid, too faint) is left to the other stages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.blocks import with_line_heights
from workers.measure.faces import weight_of
from workers.measure.fonts import Font, fit_fonts
from workers.measure.glyphs import Glyphs, find_glyphs, group_rows, measure_contrast
from workers.measure.measurements import Box, FamilyClass
from workers.measure.pitch import is_monospaced
from workers.measure.preprocess import unpack
from workers.measure.scene import Element, Packed, Rgb, TextLine
from workers.measure.stems import COVERED, Stems, measure_stems, middle

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


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of glyphs with what was measured of it."""

    box: Box
    parent: int
    glyphs: NDArray[np.int32]
    stems: Stems
    color: int
    color_confidence: float
    background: int | None


def find_lines(
    rgb: Rgb, packed: Packed, background: Packed, elements: Sequence[Element]
) -> tuple[TextLine, ...]:
    """Find the lines of text and each one's font and color, from the top of the image down.

    A line's ``box`` holds all its ink and nothing else: from the tallest letter there is (an
    ascender, or an x-height where no letter rises above it) to the deepest (the baseline, where
    none descends), an icon before the text left out. ``baseline_y`` is the row on which letters
    stand, the first without their ink: the whole pixel where browsers put it. What CSS calls the
    content area reaches about .95 to .97 ``size_px`` above it and .2 to .25 below. Neither depends
    on the ``line_height_px``, which is known only where a block shows it.

    Words that stand an em or more apart are lines of their own. ``size_sd_px`` over 5 % of
    ``size_px`` means the line is there but its font can hardly be told (few or odd letters).

    Args:
        rgb: (height, width, 3), as decoded, unsnapped.
        packed: (height, width), the same colors packed.
        background: (height, width), the color behind each pixel's ink.
        elements: painted boxes, the page first.

    Returns:
        Lines in device pixels, ordered by the top of their box, then by its left.
    """
    contrast = measure_contrast(rgb, background)
    glyphs = find_glyphs(contrast, elements)
    rows = [
        row
        for indices in group_rows(glyphs)
        if (row := _measure_row(contrast, packed, background, glyphs, indices)) is not None
    ]
    fonts = fit_fonts([row.stems for row in rows])
    lines = [_line(row, font) for row, font in zip(rows, fonts, strict=True) if font is not None]
    lines.sort(key=lambda line: (line.box.y, line.box.x))
    return with_line_heights(lines)


def _measure_row(
    contrast: NDArray[np.uint8],
    packed: Packed,
    background: Packed,
    glyphs: Glyphs,
    indices: NDArray[np.intp],
) -> _Row | None:
    boxes = glyphs.boxes[indices]
    box = _around(boxes)
    letters = np.count_nonzero(boxes[:, 3] >= LETTER_MIN_HEIGHT * box.height)
    if letters < LINE_MIN_GLYPHS or box.height < LINE_MIN_HEIGHT:
        return None
    if box.width < LINE_MIN_ASPECT * box.height:
        return None
    area = np.s_[box.y : box.bottom, box.x : box.right]
    here = contrast[area]
    peak = int(here.max())
    if peak < TEXT_MIN_CONTRAST:
        return None
    color, confidence = _strongest_color(packed[area], here, peak)
    behind = background[area]
    plain = int(behind[0, 0]) if (behind == behind[0, 0]).all() else None
    full = _contrast_of(color, behind) if plain is None else _word_peaks(here, boxes, box.x)
    coverage = np.minimum(here / full, np.float32(1))
    if float((coverage > COVERED).mean()) > INK_MAX_SHARE:
        return None
    lightness = float(unpack(color).mean()) / 255
    stems = measure_stems(coverage, glyphs.labels[area], lightness)
    return _Row(box, int(glyphs.owners[indices[0]]), boxes, stems, color, confidence, plain)


def _around(boxes: NDArray[np.int32]) -> Box:
    left, top = boxes[:, 0].min(), boxes[:, 1].min()
    right, bottom = (boxes[:, 0] + boxes[:, 2]).max(), (boxes[:, 1] + boxes[:, 3]).max()
    return Box(int(left), int(top), int(right - left), int(bottom - top))


def _strongest_color(packed: Packed, contrast: NDArray[np.uint8], peak: int) -> tuple[int, float]:
    """Return the mode of the strongest pixels and its part among them."""
    strong = packed[contrast >= STRONGEST * peak]
    colors, counts = np.unique(strong, return_counts=True)
    first = int(counts.argmax())
    return int(colors[first]), float(counts[first] / counts.sum())


def _word_peaks(here: NDArray[np.uint8], boxes: NDArray[np.int32], x: int) -> NDArray[np.float32]:
    """Return each column's full contrast, so that a pale word beside a dark one is not thin.

    Args:
        here: contrast of the row, (height, width).
        boxes: pieces from left to right.
        x: the row's left edge.
    """
    columns = here.max(axis=0)
    peak = float(columns.max())
    peaks = np.full(len(columns), peak, np.float32)
    starts = boxes[:, 0] - x
    ends = np.maximum.accumulate(starts + boxes[:, 2])
    first = np.flatnonzero(starts[1:] - ends[:-1] >= WORD_GAP * len(here)) + 1
    for word in np.split(np.arange(len(boxes)), first):
        left, right = int(starts[word[0]]), int(ends[word[-1]])
        own = float(columns[left:right].max())
        if len(word) >= WORD_MIN_GLYPHS and own < PALE * peak:
            peaks[left:right] = own
    return peaks


def _contrast_of(color: int, behind: Packed) -> NDArray[np.float32]:
    """Return the contrast that a color has where it covers a pixel, for every pixel."""
    channels = [
        np.abs(((behind >> shift) & 255).astype(np.float32) - (color >> shift & 255))
        for shift in (16, 8, 0)
    ]
    strongest = np.maximum(np.maximum(channels[0], channels[1]), channels[2])
    return np.asarray(np.maximum(strongest, TEXT_MIN_CONTRAST), np.float32)


def _line(row: _Row, font: Font) -> TextLine:
    stem = middle(row.stems.widths) / font.size_px
    return TextLine(
        box=row.box,
        parent=row.parent,
        baseline_y=float(row.box.y + row.stems.baseline),
        size_px=font.size_px,
        size_sd_px=font.size_sd_px,
        weight=weight_of(font.face, stem),
        family=FamilyClass.MONO if is_monospaced(row.glyphs, font.size_px) else font.face.family,
        line_height_px=None,
        color=row.color,
        color_confidence=row.color_confidence,
        background=row.background,
        glyphs=row.glyphs,
    )
