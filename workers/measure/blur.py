"""How the edge of a blurred box falls off, as browsers draw it.

CSS asks for a Gaussian whose standard deviation is half the blur radius. Skia, which draws for
Chrome and Android, runs three box filters instead once that deviation reaches 2 pixels.

Source: CSS Backgrounds and Borders Level 3, 6.1; Skia, src/core/SkMaskBlurFilter.cpp; the box
width is that of SVG 1.1, 15.17 (feGaussianBlur).
"""

import math
from enum import Enum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Pixels to both sides of an edge for which the fall is tabled; blurs reach less far.
REACH_PX = 400
# Below this deviation Skia takes a true Gaussian.
BOX_MIN_SIGMA = 2.0
BOX_WIDTH_PER_SIGMA = 3 * math.sqrt(2 * math.pi) / 4
# An unblurred edge would be a step; this stands for it.
LEAST_SIGMA = 0.05


class Kernel(Enum):
    """What blurs an edge."""

    THREE_BOXES = "three boxes"  # Skia: Chrome, Edge, Android
    GAUSSIAN = "gaussian"  # as CSS says: Safari, drawing programs


OUTWARD = np.arange(-REACH_PX, REACH_PX + 1, dtype=np.float64)


@lru_cache(maxsize=512)
def fall_off(blur_px: float, kernel: Kernel) -> Floats:
    """Return the share of a shadow at the pixels of OUTWARD.

    Args:
        blur_px: blur radius in pixels, as in CSS.
        kernel: the filter.

    Returns:
        For each pixel, counted outward from the first one beyond a long straight edge, how much
        of the shadow's color is there: from 1 far inside to 0 far outside.
    """
    sigma = max(blur_px / 2, LEAST_SIGMA)
    if kernel is Kernel.GAUSSIAN or sigma < BOX_MIN_SIGMA:
        far = (OUTWARD + 0.5) / (sigma * math.sqrt(2))
        return np.array([0.5 * math.erfc(value) for value in far])
    width = int(sigma * BOX_WIDTH_PER_SIGMA + 0.5)
    # An even width would move the picture by half a pixel: the third box is one wider.
    boxes = [np.full(size, 1 / size) for size in (width, width, width | 1)]
    spread = np.convolve(np.convolve(boxes[0], boxes[1]), boxes[2])
    inside = np.zeros(len(OUTWARD))
    middle = REACH_PX - len(spread) // 2
    inside[middle : middle + len(spread)] = spread
    return np.asarray(1 - np.cumsum(inside))
