"""Rows of text side by side on one canvas, so that all are measured at once.

A page has a hundred rows of a few hundred pixels each; what numpy needs for one call on one of
them suffices for the whole page.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Indices = NDArray[np.intp]
Plane = NDArray[np.uint8]  # (height, width)

# Rows on one canvas differ in height by no more than this factor, and it is no wider than this.
MAX_RATIO = 2.0
MAX_WIDTH = 16_384


@dataclass(frozen=True, slots=True)
class Galley:
    """Rows from left to right on one canvas, tops aligned, a blank column after each.

    ``starts``, ``widths`` and ``heights`` hold one number a row, shape (n,). ``row`` and
    ``column`` tell for each column of the canvas which row it belongs to and its place there.
    """

    starts: Indices
    widths: Indices
    heights: Indices
    row: Indices
    column: Indices

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the canvas; a blank row ends it."""
        return int(self.heights.max()) + 1, len(self.row)

    def cut(self, index: int) -> tuple[slice, slice]:
        """Return where one row lies on the canvas."""
        start = int(self.starts[index])
        return np.s_[: int(self.heights[index]), start : start + int(self.widths[index])]


def make_galley(widths: ArrayLike, heights: ArrayLike) -> Galley:
    """Lay out rows of some sizes in pixels, in the order given."""
    wide = np.asarray(widths, np.intp)
    starts = np.cumsum(wide + 1) - wide - 1
    row = np.repeat(np.arange(len(wide)), wide + 1)
    column = np.arange(len(row)) - starts[row]
    return Galley(starts, wide, np.asarray(heights, np.intp), row, column)


def part_rows(widths: Indices, heights: Indices) -> Iterator[Indices]:
    """Yield the indices of rows that go on one canvas, without wasting much of it."""
    order = np.argsort(heights, kind="stable")
    start = 0
    total = np.cumsum(widths[order] + 1)
    while start < len(order):
        limit = MAX_RATIO * heights[order[start]]
        tall = np.searchsorted(heights[order], limit, side="right")
        done = total[start - 1] if start else 0
        wide = np.searchsorted(total, done + MAX_WIDTH, side="right")
        end = max(start + 1, int(min(tall, wide)))
        yield order[start:end]
        start = end
