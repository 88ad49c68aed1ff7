"""How the edge of a blurred box falls off, as browsers draw it.

CSS asks for a Gaussian whose standard deviation is half the blur radius. Skia, which draws for
Chrome and Android, runs three box filters instead once that deviation reaches 2 pixels. Boxes are
whole pixels wide, so only so many blurs differ: one look-up table holds them all.

Source: CSS Backgrounds and Borders Level 3, 6.1; Skia, src/core/SkMaskBlurFilter.cpp; the box
width is that of SVG 1.1, 15.17 (feGaussianBlur).
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Table = NDArray[np.float32]
Places = NDArray[np.int64]

# Pixels to both sides of an edge for which the fall is tabled; blurs reach less far.
REACH_PX = 400
# Below this deviation Skia takes a true Gaussian.
BOX_MIN_SIGMA = 2.0
BOX_WIDTH_PER_SIGMA = 3 * math.sqrt(2 * math.pi) / 4
# An unblurred edge would be a step; this stands for it.
LEAST_SIGMA = 0.05
# Skia's blurs: small Gaussians, and box widths, in pixels; finer ones are not told apart.
SMALL_BLURS_PX = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5)
BOX_WIDTHS_PX = range(4, 160)
SKIA_BLURS_PX = (*SMALL_BLURS_PX, *(2 * width / BOX_WIDTH_PER_SIGMA for width in BOX_WIDTHS_PX))
# Blurs drawn as Gaussians, as Safari and drawing programs do.
GAUSSIAN_BLURS_PX = tuple(float(blur) for blur in np.arange(4, 96, 0.5))
FAMILY = len(SKIA_BLURS_PX)
BLURS_PX: Floats = np.array(SKIA_BLURS_PX + GAUSSIAN_BLURS_PX)
# Half of what lies between one blur and the next, in pixels.
BLUR_STEP_PX = 1 / BOX_WIDTH_PER_SIGMA
# Places are told in halves of a pixel; place 0 is the first pixel outside.
HALVES = 2

OUTWARD = np.arange(-REACH_PX, REACH_PX + 1, dtype=np.float64)


def fall_off(blur_px: float, *, boxes: bool = True) -> Floats:
    """Return the share of a shadow at the pixels of OUTWARD.

    Args:
        blur_px: blur radius in pixels, as in CSS.
        boxes: whether box filters stand for a Gaussian that is not small, as in Skia.

    Returns:
        For each pixel, counted outward from the first one beyond a long straight edge, how much
        of the shadow's color is there: from 1 far inside to 0 far outside.
    """
    sigma = max(blur_px / 2, LEAST_SIGMA)
    if sigma < BOX_MIN_SIGMA or not boxes:
        far = (OUTWARD + 0.5) / (sigma * math.sqrt(2))
        return np.array([0.5 * math.erfc(value) for value in far])
    width = int(sigma * BOX_WIDTH_PER_SIGMA + 0.5)
    # An even width would move the picture by half a pixel: the third box is one wider.
    passes = [np.full(size, 1 / size) for size in (width, width, width | 1)]
    spread = np.convolve(np.convolve(passes[0], passes[1]), passes[2])
    inside = np.zeros(len(OUTWARD))
    middle = REACH_PX - len(spread) // 2
    inside[middle : middle + len(spread)] = spread
    return np.asarray(1 - np.cumsum(inside))


@cache
def table() -> Table:
    """Return the falls of all of BLURS_PX, one behind the other; a row has ROW places.

    Between pixels the fall is straight: that is what a box cut off within a pixel gives.
    """
    halves = np.arange(OUTWARD[0], OUTWARD[-1] + 0.25, 1 / HALVES)
    falls = [fall_off(blur) for blur in SKIA_BLURS_PX]
    falls += [fall_off(blur, boxes=False) for blur in GAUSSIAN_BLURS_PX]
    rows = [np.interp(halves, OUTWARD, fall) for fall in falls]
    return np.concatenate(rows).astype(np.float32)


ROW = HALVES * 2 * REACH_PX + 1


@cache
def slopes() -> Table:
    """Return how far the falls of all of BLURS_PX go down over the pixel before each place.

    A row has HALVES places more than in ``table``: over the last pixel it still falls.
    """
    falls = table().reshape(-1, ROW)
    before = np.pad(falls, ((0, 0), (HALVES, 0)), "edge")
    return np.asarray((before - np.pad(falls, ((0, 0), (0, HALVES)), "edge")).ravel())


def shares_at(places: Places, blurs: Places) -> Table:
    """Return the shares at places outward.

    Args:
        places: in halves of a pixel from the first pixel outside, any shape.
        blurs: indices into BLURS_PX, of a shape that goes with that of the places.
    """
    return _look_up(table(), ROW, places, blurs)


def slopes_at(places: Places, blurs: Places) -> Table:
    """Return by how much the shares fall over the pixel that ends at places; as ``shares_at``."""
    return _look_up(slopes(), ROW + HALVES, places, blurs)


def _look_up(values: Table, row: int, places: Places, blurs: Places) -> Table:
    """Return what rows of values have at places, and at their ends for those beyond."""
    middle = HALVES * REACH_PX
    inside = np.maximum(places, -middle)
    np.minimum(inside, row - 1 - middle, out=inside)
    return np.asarray(values.take(inside + (blurs * row + middle)))
