"""The four sides of a box: what lies beside each is looked at as if it were the top."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box
from workers.measure.scene import Rgb

# The part of a side that is looked at: its corners differ.
MIDDLE = 0.5
# Lines of pixels along a side that are looked at; shadows vary across, not along.
ALONG_POINTS = 24


class Side(IntEnum):
    """The sides in the order of CSS."""

    TOP = 0
    RIGHT = 1
    BOTTOM = 2
    LEFT = 3


# Which of them look up or down.
IS_UPRIGHT = np.array([[side % 2 == 0] for side in Side])


def turn(edges: NDArray[np.int64], side: Side) -> NDArray[np.int64]:
    """Turn boxes so that a side becomes their top: rows of start, top, end and bottom, (4, n)."""
    x, y, right, bottom = edges.T
    rows = {
        Side.TOP: (x, y, right, bottom),
        Side.RIGHT: (y, -right, bottom, -x),
        Side.BOTTOM: (x, -bottom, right, -y),
        Side.LEFT: (y, x, bottom, right),
    }
    return np.stack(rows[side])


def strip_beside(rgb: Rgb, box: Box, side: Side, free: int) -> NDArray[np.int16]:
    """Return the pixels beside the middle of a side, shape (outward, along, 3)."""
    cut_x, cut_y = int(box.width * (1 - MIDDLE) / 2), int(box.height * (1 - MIDDLE) / 2)
    columns, rows = (
        slice(box.x + cut_x, box.right - cut_x),
        slice(box.y + cut_y, box.bottom - cut_y),
    )
    if side is Side.TOP:
        strip = rgb[box.y - free : box.y, columns][::-1]
    elif side is Side.BOTTOM:
        strip = rgb[box.bottom : box.bottom + free, columns]
    elif side is Side.LEFT:
        strip = rgb[rows, box.x - free : box.x][:, ::-1].swapaxes(0, 1)
    else:
        strip = rgb[rows, box.right : box.right + free].swapaxes(0, 1)
    thin = max(1, strip.shape[1] // ALONG_POINTS)
    return strip[:, ::thin].astype(np.int16)
