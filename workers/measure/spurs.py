"""The bounding boxes of areas without the spurs that noise leaves on their sides.

Where noise was snapped away, single pixels beside a side may have got its color, and one of them
widens the bounding box of the whole area.
"""

import numpy as np
from numpy.typing import NDArray

from workers.measure.components import Components
from workers.measure.measurements import Box

# A line of spurs is that much shorter than the side, at most so many pixels away from it; the
# first line of a circle is .45 of the third.
SPUR_SHARE, SPUR_PX = 0.35, 2
# The side itself lies on at least this part of the box, as in boxes with round corners.
SIDE_SHARE = 0.28


def without_spurs(found: Components, label: int) -> tuple[int, int, int, int]:
    """Return the bounding box of a component but for spurs: x, y, width and height in pixels."""
    x, y, width, height, _ = found.stats[label].tolist()
    labels, at = found.view(Box(x, y, width, height))
    mask = labels == label
    rows = np.count_nonzero(mask, axis=1)[at]
    top, bottom = _spur(rows, width), _spur(rows[::-1], width)
    columns = np.bincount(at[top : height - bottom], minlength=len(mask)) @ mask
    left, right = _spur(columns, height), _spur(columns[::-1], height)
    return x + left, y + top, width - left - right, height - top - bottom


def _spur(counts: NDArray[np.intp], length: int) -> int:
    """Return how many of the outermost lines hold spurs only."""
    for depth in range(min(SPUR_PX, len(counts) // 4), 0, -1):
        side = int(counts[depth])
        if side > SIDE_SHARE * length and counts[:depth].max() < SPUR_SHARE * side:
            return depth
    return 0
