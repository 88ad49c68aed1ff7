"""Where the first letter of a line has its origin, and where the last one's advance ends.

Ink begins off the origin by the side bearing, which depends on the letter's shape: a straight
stem stands about .08 em off, a bow less. All ends of all lines are read at once: their pixels
stand in one row, end by end, from outside in, column by column.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.scene import Scene, TextLine

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.intp]

# Where red, green and blue stand in a packed color.
SHIFTS = np.array([16, 8, 0])
# A column of pixels belongs to a letter from this much coverage on.
INK_COVERAGE = 0.25
# Coverage at which a column is as good as full.
FULL_COVERAGE = 0.97
# A letter's edge reaches its full coverage within so many columns.
EDGE_COLUMNS = 3
# Columns looked at on each end at least, for the smallest text.
MIN_END_PX = 6
# Side bearings in em by the share of the ink's height that the first columns cover: a stem
# (Arial H .079, Roboto .083, Inter .089), a bow or a short letter, a tip (Arial o .04, T .02).
STEM_SHARE, STEM_BEARING = 0.85, 0.08
BOW_SHARE, BOW_BEARING = 0.4, 0.055
TIP_BEARING = 0.04


@dataclass(frozen=True, slots=True)
class _Ends:
    """Ends of lines: ``columns`` of pixels, ``rows`` high; the outermost pixel on top is at x, y.

    ``inward`` is 1 for left ends and -1 for right ones; ``colors`` are packed. Shape (n,) each.
    """

    x: Ints
    y: Ints
    inward: Ints
    columns: Ints
    rows: Ints
    colors: Ints

    def first(self) -> Ints:
        """Return the place of each end's first pixel in the row of all."""
        return _starts(self.columns * self.rows)


def find_ends(scene: Scene, lines: Sequence[TextLine]) -> tuple[Floats, Floats]:
    """Return where lines start and end with their side bearings, in fractions of device pixels.

    Args:
        scene: the page.
        lines: shape (n,).

    Returns:
        Two arrays of shape (n,).
    """
    if not lines:
        return np.empty(0), np.empty(0)
    boxes = np.array([(each.box.x, each.box.y, each.box.right, each.box.bottom) for each in lines])
    sizes = np.array([line.size_px for line in lines])
    colors = np.array([line.color for line in lines], np.intp)
    extent = np.maximum(1, boxes[:, 2:] - boxes[:, :2])
    columns = np.minimum(extent[:, 0], np.maximum(MIN_END_PX, sizes.astype(np.intp)))
    ends = _Ends(
        x=np.concatenate([boxes[:, 0], boxes[:, 2] - 1]),
        y=np.tile(boxes[:, 1], 2),
        inward=np.repeat([1, -1], len(lines)),
        columns=np.tile(columns, 2),
        rows=np.tile(extent[:, 1], 2),
        colors=np.tile(colors, 2),
    )
    off, bearing = _read(_coverage(scene, ends), ends)
    off, bearing = off.reshape(2, -1), bearing.reshape(2, -1) * sizes
    return boxes[:, 0] + off[0] - bearing[0], boxes[:, 2] - off[1] + bearing[1]


def _starts(counts: Ints) -> Ints:
    """Return where each of some runs begins."""
    return np.asarray(np.cumsum(counts) - counts, np.intp)


def _numbers(counts: Ints) -> tuple[Ints, Ints]:
    """Return for each member of runs of some lengths its run and its place in it."""
    run = np.repeat(np.arange(len(counts)), counts)
    return run, np.arange(len(run)) - np.repeat(_starts(counts), counts)


def _coverage(scene: Scene, ends: _Ends) -> Singles:
    """Return how much of each pixel the text covers, 0 to 1.

    The channel in which text and background differ most tells it.
    """
    width = scene.background.shape[1]
    end, column = _numbers(ends.columns)
    top = ends.y[end] * width + ends.x[end] + ends.inward[end] * column
    rows = ends.rows[end]
    _, row = _numbers(rows)
    at = np.repeat(top, rows) + row * width
    papers = scene.background.ravel()[at]
    counts = ends.columns * ends.rows
    paper = papers[ends.first()].astype(np.intp)
    contrasts = np.abs((ends.colors[:, None] >> SHIFTS & 255) - (paper[:, None] >> SHIFTS & 255))
    channel = contrasts.argmax(axis=1)
    shift = SHIFTS[channel]
    behind = (papers >> np.repeat(shift.astype(np.uint32), counts) & 255).astype(np.float32)
    ink = (ends.colors >> shift & 255).astype(np.float32)
    toward = np.repeat(ink, counts) - behind
    toward[toward == 0] = 1
    shown = scene.rgb.ravel()[3 * at + np.repeat(channel, counts)]
    covered: Singles = np.clip((shown - behind) / toward, 0, 1)
    return covered


def _read(covered: Singles, ends: _Ends) -> tuple[Floats, Floats]:
    """Return how far inside each end its ink starts, in pixels, and its side bearing in em."""
    end, number = _numbers(ends.columns)
    tops = _starts(ends.rows[end])
    columns = np.maximum.reduceat(covered, tops)
    begin = _starts(ends.columns)
    inked = np.where(columns >= INK_COVERAGE, number, len(columns))
    start = np.minimum.reduceat(inked, begin)
    found = start < ends.columns
    start[~found] = 0
    near = np.zeros((EDGE_COLUMNS, len(start)))
    for step in range(EDGE_COLUMNS):
        inside = start + step < ends.columns
        near[step, inside] = columns[(begin + start + step)[inside]]
    partial = (near[1:].max(axis=0) > near[0]) & (near[0] < FULL_COVERAGE)
    share = _stem_shares(covered, ends, start)
    bearing = np.where(share > BOW_SHARE, BOW_BEARING, TIP_BEARING)
    bearing[share > STEM_SHARE] = STEM_BEARING
    off = start + np.where(partial, 1 - near[0], 0.0)
    return np.where(found, off, 0.0), np.where(found, bearing, BOW_BEARING)


def _stem_shares(covered: Singles, ends: _Ends, start: Ints) -> Floats:
    """Return which part of the ink's height the first two inked columns cover, for each end."""
    end, row = _numbers(ends.rows)
    above = _starts(ends.rows)
    at = (ends.first() + start * ends.rows)[end] + row
    beside = np.where(start + 1 < ends.columns, ends.rows, 0)[end] + at
    stem = np.maximum(covered[at], covered[beside])
    half = np.maximum.reduceat(stem, above) / 2
    long = np.add.reduceat((stem > half[end]).astype(np.intp), above)
    tall = np.zeros(len(row), np.bool_)
    some = np.flatnonzero(covered > INK_COVERAGE)
    pixel_end = np.searchsorted(ends.first(), some, side="right") - 1
    tall[above[pixel_end] + (some - ends.first()[pixel_end]) % ends.rows[pixel_end]] = True
    height = np.add.reduceat(tall.astype(np.intp), above)
    share: Floats = long / np.maximum(1, height)
    return share
