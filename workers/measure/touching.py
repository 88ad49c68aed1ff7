"""Rectangles that touch, and what hangs together through them.

Painting rectangles on a canvas and labelling it costs as much as the canvas is large; comparing
those that can touch at all costs as much as there are rectangles.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Indices = NDArray[np.intp]

# Pairs compared at a time: 16 MB of what is worked out for them.
PAIRS_AT_ONCE = 200_000


def unite_touching(left: Ints, top: Ints, right: Ints, bottom: Ints) -> Indices:
    """Group rectangles that overlap or share a part of a side, directly or through others.

    Args:
        left: first columns, shape (n,).
        top: first rows.
        right: columns past the last ones.
        bottom: rows past the last ones.

    Returns:
        Each rectangle's group, shape (n,); groups are numbered by their topmost rectangles.
    """
    order = np.lexsort((left, top))
    left, top, right, bottom = (edge[order] for edge in (left, top, right, bottom))
    group = np.arange(len(order))
    for first, second in _candidates(left, top, right, bottom):
        across = np.minimum(right[first], right[second]) - np.maximum(left[first], left[second])
        down = np.minimum(bottom[first], bottom[second]) - np.maximum(top[first], top[second])
        # Rectangles that meet at a corner alone do not touch.
        touch = (across >= 0) & (down >= 0) & ((across > 0) | (down > 0))
        _unite(group, first[touch], second[touch])
    groups = np.empty_like(group)
    groups[order] = group
    return groups


def _candidates(
    left: Ints, top: Ints, right: Ints, bottom: Ints
) -> Iterator[tuple[Indices, Indices]]:
    """Yield pairs whose columns meet, or whose rows do, whichever are fewer."""
    by_column = np.argsort(left, kind="stable")
    across = _count_after(left[by_column], right[by_column])
    by_row = np.argsort(top, kind="stable")
    down = _count_after(top[by_row], bottom[by_row])
    order, counts = (by_column, across) if across.sum() < down.sum() else (by_row, down)
    total = np.cumsum(counts)
    start = 0
    while start < len(counts):
        done = int(total[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(total, done + PAIRS_AT_ONCE)))
        first = np.repeat(np.arange(start, min(end, len(counts))), counts[start:end])
        before = total[first] - counts[first] - done
        second = first + 1 + np.arange(len(first)) - before
        yield order[first], order[second]
        start = end


def _count_after(starts: Ints, ends: Ints) -> Indices:
    """Return how many of the following intervals, by rising start, each one reaches."""
    return np.searchsorted(starts, ends, side="right") - np.arange(1, len(starts) + 1)


def _unite(group: Indices, first: Indices, second: Indices) -> None:
    """Give both of each pair, and all that belong with them, the smaller of their groups."""
    while True:
        one, other = group[first], group[second]
        apart = one != other
        if not apart.any():
            return
        first, second, one, other = first[apart], second[apart], one[apart], other[apart]
        np.minimum.at(group, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(closer := group[group], group):
            group[:] = closer
