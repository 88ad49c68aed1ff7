"""How far each pixel lies from its right and its lower neighbour: one plane for all stages.

Equal neighbours make the areas of one color, small steps make gradients and shadows, and large
ones are edges. All of that is asked of the same differences, so they are taken once.
"""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.scene import Mask, Rgb

Steps = NDArray[np.uint8]  # (height, width), levels

# Rows taken at a time: what they need stays in the processor's cache.
STRIP_ROWS = 64


def measure_steps(rgb: Rgb) -> Steps:
    """Return the largest difference over the channels to the right and lower neighbour.

    Args:
        rgb: (height, width, 3) uint8.

    Returns:
        (height, width) levels. The last column and row have one neighbour, their corner none: 0.
    """
    height, width = rgb.shape[:2]
    steps = np.zeros((height, width), np.uint8)
    for top in range(0, height, STRIP_ROWS):
        bottom = min(height, top + STRIP_ROWS)
        largest = _steps_of(rgb[top : min(height, bottom + 1)], bottom - top)
        write_largest(largest, steps[top:bottom])
    return steps


def write_largest(levels: Rgb, out: Mask) -> None:
    """Write the largest of each pixel's three channels, (rows, width, 3), to (rows, width)."""
    # OpenCV itself takes four times as long when it has to make the planes.
    planes = [np.empty(out.shape, np.uint8) for _ in range(3)]
    first, second, third = cv2.split(levels, planes)
    cv2.max(cv2.max(first, second, dst=first), third, dst=out)


def _steps_of(strip: Rgb, rows: int) -> Rgb:
    """Return the difference of each channel in the first rows of a strip, (rows, width, 3)."""
    steps = np.zeros((rows, *strip.shape[1:]), np.uint8)
    # OpenCV takes no empty arrays, which a single row or column would leave.
    if strip.shape[1] > 1:
        cv2.absdiff(strip[:rows, 1:], strip[:rows, :-1], dst=steps[:, :-1])
    if len(strip) > 1:
        below = cv2.absdiff(strip[1:], strip[:-1])
        cv2.max(steps[: len(below)], below, dst=steps[: len(below)])
    return steps


def select_steps(steps: Steps, most: int) -> Mask:
    """Return 255 where a step is at most so many levels."""
    return cast("Mask", cv2.threshold(steps, most, 255, cv2.THRESH_BINARY_INV)[1])
