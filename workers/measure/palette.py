"""Codec noise: snap every pixel to the picture's own peaks.

JPEG and its like move each pixel by a few levels, so no two neighbours are equal any more. The
areas they stand for still pile up in the histogram: its peaks are the page's colors.
"""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.preprocess import pack
from workers.measure.scene import Packed, Rgb

# Pixels whose neighbourhood spans no more levels than this lie in flat areas.
FLAT_LEVELS = 4
FLAT_SIDE = 3
# Lines are flat along themselves only: over so many pixels, spanning so many levels.
LINE_LENGTH = 9
LINE_LEVELS = 8
# Values within as many levels of a peak belong to it; the peak keeps its own exact value.
PEAK_LEVELS = 4
# So do values that differ in hue alone: codecs shift color more than lightness.
SAME_LUMA, SAME_LEVELS = 2.5, 14
# A peak holds at least this part of the flat pixels, of the lines' pixels; a value alone at
# least a fifth of that.
AREA_SHARE, LINE_SHARE = 1.5e-4, 4e-3
MODE_SHARE = 0.2
MAX_PEAKS, MAX_LINE_PEAKS = 96, 32
MAX_CANDIDATES = 3000
MAX_SAMPLE = 400_000
# A line's color differs from the areas' by more than ringing moves a pixel.
LINE_CONTRAST = 9
# Codecs keep lightness and blur color: a pixel is snapped to the nearest peak within so many
# levels of luma, and of the channel that is farthest off.
SNAP_LUMA, SNAP_LEVELS = 20, 64
# Color counts that much less than lightness when the nearest peak is looked for.
CHROMA_WEIGHT = 0.25
# Six bits a channel name a cell of the lookup table.
TABLE_BITS = 6
# A pixel with fewer equal ones among its eight neighbours is ringing, not a line.
MIN_EQUALS = 2
MEDIAN_SIDE = 3
# ITU-R BT.601, the luma of JPEG and WebP.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def snap_palette(rgb: Rgb) -> Rgb:
    """Return the image with codec noise snapped away.

    Args:
        rgb: (height, width, 3) uint8 with codec noise.

    Returns:
        The same shape; most pixels have exactly the color of a peak.
    """
    peaks = find_peaks(rgb)
    if not len(peaks):
        return cast("Rgb", cv2.medianBlur(rgb, MEDIAN_SIDE))
    cells = rgb >> np.uint8(8 - TABLE_BITS)
    nearest = _nearest_table(peaks)[cells[..., 0], cells[..., 1], cells[..., 2]]
    nearest = _without_specks(nearest)
    snapped = peaks[np.maximum(nearest, 1) - 1]
    return np.where((nearest > 0)[..., None], snapped, rgb).astype(np.uint8)


def find_peaks(rgb: Rgb) -> NDArray[np.uint8]:
    """Return the colors around which flat areas and lines pile up, shape (n, 3)."""
    packed = pack(rgb)
    flat = _span(rgb, FLAT_SIDE, FLAT_SIDE) <= FLAT_LEVELS
    areas = _pile_up(packed[flat], AREA_SHARE, MAX_PEAKS)
    along = np.minimum(_span(rgb, LINE_LENGTH, 1), _span(rgb, 1, LINE_LENGTH)) <= LINE_LEVELS
    lines = _pile_up(packed[along & ~flat], LINE_SHARE, MAX_LINE_PEAKS)
    luma = areas @ LUMA
    new = [np.abs(luma - line @ LUMA).min(initial=255) >= LINE_CONTRAST for line in lines]
    return np.concatenate([areas, lines[np.array(new, np.bool_)]])


def _pile_up(pixels: Packed, share: float, limit: int) -> NDArray[np.uint8]:
    """Return the values around which colors pile up, largest pile first, shape (n, 3)."""
    pixels = pixels[:: len(pixels) // MAX_SAMPLE + 1]
    colors, counts = np.unique(pixels, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MAX_CANDIDATES]
    colors, counts = colors[order], counts[order]
    levels = np.stack([colors >> 16 & 255, colors >> 8 & 255, colors & 255], 1).astype(np.int16)
    free = np.ones(len(colors), np.bool_)
    peaks: list[NDArray[np.int16]] = []
    for index in range(len(colors)):
        if counts[index] < MODE_SHARE * share * len(pixels) or len(peaks) == limit:
            break
        if not free[index]:
            continue
        offset = levels - levels[index]
        farthest = np.abs(offset).max(axis=1)
        near = (farthest <= PEAK_LEVELS) | (
            (np.abs(offset @ LUMA) <= SAME_LUMA) & (farthest <= SAME_LEVELS)
        )
        if counts[near & free].sum() >= share * len(pixels):
            peaks.append(levels[index])
            free &= ~near
    return np.array(peaks, np.uint8).reshape(-1, 3)


def _span(rgb: Rgb, width: int, height: int) -> NDArray[np.uint8]:
    """Return the levels that each pixel's neighbourhood spans, in the channel that spans most."""
    kernel = np.ones((height, width), np.uint8)
    span = cv2.subtract(cv2.dilate(rgb, kernel), cv2.erode(rgb, kernel))
    return np.asarray(cv2.max(cv2.max(span[..., 0], span[..., 1]), span[..., 2]), np.uint8)


def _without_specks(nearest: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give pixels that are like hardly any neighbour the label of their surroundings."""
    padded = np.pad(nearest, 1, mode="edge")
    height, width = nearest.shape
    equals = np.zeros(nearest.shape, np.uint8)
    for down in range(3):
        for across in range(3):
            if (down, across) != (1, 1):
                shifted = padded[down : down + height, across : across + width]
                equals += shifted == nearest
    around = cv2.medianBlur(nearest, MEDIAN_SIDE)
    return np.where(equals < MIN_EQUALS, around, nearest).astype(np.uint8)


def _nearest_table(peaks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return for each cell of the color cube its nearest peak plus 1, 0 where all are far."""
    cells = 1 << TABLE_BITS
    width = 256 // cells
    at = (np.arange(cells) * width + (width - 1) / 2).astype(np.float32)
    cube = np.stack(np.meshgrid(at, at, at, indexing="ij"), axis=-1)
    best = np.full(cube.shape[:3], np.inf, np.float32)
    nearest = np.zeros(cube.shape[:3], np.uint8)
    for index, peak in enumerate(peaks.astype(np.float32)):
        offset = cube - peak
        luma, farthest = np.abs(offset @ LUMA), np.abs(offset).max(axis=-1)
        off = luma + CHROMA_WEIGHT * farthest
        closer = (off < best) & (luma <= SNAP_LUMA) & (farthest <= SNAP_LEVELS)
        best[closer] = off[closer]
        nearest[closer] = index + 1
    return nearest
