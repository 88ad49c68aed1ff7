"""Codec noise: snap every pixel to the picture's own peaks.

JPEG and its like move each pixel by a few levels, so no two neighbours are equal any more. The
areas they stand for still pile up in the histogram: its peaks are the page's colors.
"""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.preprocess import pack
from workers.measure.scene import Mask, Rgb

# The median of 3 x 3 removes single ringing pixels and keeps straight edges.
MEDIAN_SIDE = 3
# Pixels within this many levels of all neighbours lie in flat areas, whose colors count.
FLAT_LEVELS = 2
FLAT_SIDE = 3
# Values within as many levels of a peak belong to it; the peak keeps its own exact value.
PEAK_LEVELS = 4
# A peak holds at least this part of the flat pixels; a value alone at least a fifth of that.
PEAK_SHARE, MODE_SHARE = 1.5e-4, 3e-5
MAX_PEAKS = 96
MAX_CANDIDATES = 3000
MAX_SAMPLE = 400_000
# Ringing beside edges reaches so far; pixels farther from all peaks stay as they are.
SNAP_LEVELS = 40
# Six bits a channel name a cell of the lookup table.
TABLE_BITS = 6


def snap_palette(rgb: Rgb) -> Rgb:
    """Return the image with codec noise snapped away.

    Args:
        rgb: (height, width, 3) uint8 with codec noise.

    Returns:
        The same shape; pixels within ``SNAP_LEVELS`` of a peak have exactly its color.
    """
    smooth = cast("Rgb", cv2.medianBlur(rgb, MEDIAN_SIDE))
    peaks = find_peaks(smooth)
    if not len(peaks):
        return smooth
    table = _nearest_table(peaks)
    shift = 8 - TABLE_BITS
    cells = smooth >> np.uint8(shift)
    nearest = table[cells[..., 0], cells[..., 1], cells[..., 2]]
    return np.where((nearest >= 0)[..., None], peaks[nearest], smooth).astype(np.uint8)


def find_peaks(rgb: Rgb) -> NDArray[np.uint8]:
    """Return the colors around which flat areas pile up, shape (n, 3), largest pile first."""
    flat = pack(rgb)[_flat_mask(rgb) > 0]
    flat = flat[:: len(flat) // MAX_SAMPLE + 1]
    colors, counts = np.unique(flat, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MAX_CANDIDATES]
    colors, counts = colors[order], counts[order]
    levels = np.stack([colors >> 16 & 255, colors >> 8 & 255, colors & 255], 1).astype(np.int16)
    free = np.ones(len(colors), np.bool_)
    peaks: list[NDArray[np.int16]] = []
    for index in range(len(colors)):
        if counts[index] < MODE_SHARE * len(flat) or len(peaks) == MAX_PEAKS:
            break
        if not free[index]:
            continue
        near = np.abs(levels - levels[index]).max(axis=1) <= PEAK_LEVELS
        if counts[near & free].sum() >= PEAK_SHARE * len(flat):
            peaks.append(levels[index])
            free &= ~near
    return np.array(peaks, np.uint8).reshape(-1, 3)


def _flat_mask(rgb: Rgb) -> Mask:
    """Return 255 where all pixels of the neighbourhood are within ``FLAT_LEVELS``."""
    kernel = np.ones((FLAT_SIDE, FLAT_SIDE), np.uint8)
    span = cv2.subtract(cv2.dilate(rgb, kernel), cv2.erode(rgb, kernel))
    widest = cv2.max(cv2.max(span[..., 0], span[..., 1]), span[..., 2])
    return cast("Mask", cv2.inRange(widest, 0, 2 * FLAT_LEVELS))


def _nearest_table(peaks: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return for each cell of the color cube its nearest peak, -1 where all are far."""
    cells = 1 << TABLE_BITS
    width = 256 // cells
    centers = (np.arange(cells) * width + (width - 1) / 2).astype(np.float32)
    red, green, blue = np.meshgrid(centers, centers, centers, indexing="ij", sparse=True)
    best = np.full((cells, cells, cells), SNAP_LEVELS, np.float32)
    nearest = np.full((cells, cells, cells), -1, np.int16)
    for index, peak in enumerate(peaks.astype(np.float32)):
        off = np.maximum(
            np.maximum(np.abs(red - peak[0]), np.abs(green - peak[1])), np.abs(blue - peak[2])
        )
        closer = off < best
        best[closer] = off[closer]
        nearest[closer] = index
    return nearest
