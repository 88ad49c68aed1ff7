"""Which box lies in which, and how much of two is shared."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box

# Neighbours share antialiased edges: a box may stick out of its parent by this many pixels.
OVERHANG_PX = 1


def corners_of(boxes: Sequence[Box]) -> NDArray[np.int32]:
    """Return left, top, right and bottom of each box, shape (n, 4)."""
    rows = [(box.x, box.y, box.right, box.bottom) for box in boxes]
    return np.array(rows, np.int32).reshape(-1, 4)


def find_parents(boxes: Sequence[Box], holders: Sequence[int] | None = None) -> list[int]:
    """Return for each box the index of the smallest box around it, -1 where there is none.

    Args:
        boxes: any order.
        holders: the indices that may hold others; all by default.

    Returns:
        One index a box. Of two equal boxes the earlier holds the later.
    """
    edges = corners_of(boxes)
    areas = np.array([box.area for box in boxes], np.int64)
    candidates = np.array(range(len(boxes)) if holders is None else list(holders), np.intp)
    parents = []
    for index in range(len(boxes)):
        around = candidates[_holds(edges[candidates], edges[index])]
        larger = (areas[around] > areas[index]) | (
            (areas[around] == areas[index]) & (around < index)
        )
        around = around[larger]
        parents.append(int(around[areas[around].argmin()]) if len(around) else -1)
    return parents


def overlap(box: Box, edges: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the intersection over union, 0 to 1, of a box with each of some by their edges."""
    across = np.minimum(box.right, edges[:, 2]) - np.maximum(box.x, edges[:, 0])
    down = np.minimum(box.bottom, edges[:, 3]) - np.maximum(box.y, edges[:, 1])
    shared = np.maximum(across, 0) * np.maximum(down, 0)
    areas = (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1])
    return np.asarray(shared / (box.area + areas - shared), np.float64)


def _holds(outer: NDArray[np.int32], inner: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell which of the outer boxes hold the inner one."""
    held = (
        (outer[:, 0] <= inner[0] + OVERHANG_PX)
        & (outer[:, 1] <= inner[1] + OVERHANG_PX)
        & (outer[:, 2] >= inner[2] - OVERHANG_PX)
        & (outer[:, 3] >= inner[3] - OVERHANG_PX)
    )
    return np.asarray(held, np.bool_)
