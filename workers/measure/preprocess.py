"""What every later stage starts from: packed colors, the change mask, and the path to take.

A screenshot that was never compressed consists of areas of exactly one color, so equality of
neighbours is the sharpest edge detector there is. Codecs and cameras destroy that equality in
different ways; how far, is measured here and decides how the pixels are read. The file's format
says nothing reliable: PNGs that were JPEGs are common.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Path
from workers.measure.scene import Mask, Packed, Rgb

# Codec noise alternates in sign at steps of 2 to 12 levels. Skia's gradient dither steps by 1
# and antialiased edges by more, so neither is counted.
NOISE_STEP_MIN = 2
NOISE_STEP_MAX = 12
# Pixels in a row that show whether a step is taken back.
TURN_PX = 3
# A step of more than this many levels is content; noise gathers around content.
CONTENT_STEP = 24
# Tile sides in pixels of the half-height sample: 32 x 32 of the image.
TILE_WIDTH, TILE_HEIGHT = 32, 16
# Of 255, after averaging over a tile: more than 0.4 % of its pixels.
TILE_SHARE_LEVEL = 1
# Clean PNGs stay below .1 of noisy content tiles, JPEGs of quality 95 lie above .5.
NOISY_TILES = 0.3
# Codecs leave flat areas alone (share of alternating pixels under .03), sensors do not.
SENSOR_SHARE = 0.06


@dataclass(frozen=True, slots=True)
class Noise:
    """How noisy an image is.

    ``tiles`` is the share of tiles with content in which small steps alternate, ``alternating``
    the share of all pixels that do so; both 0 to 1.
    """

    tiles: float
    alternating: float


def pack(rgb: Rgb) -> Packed:
    """Return each pixel as one number, ``red << 16 | green << 8 | blue``.

    Args:
        rgb: (height, width, 3) uint8.

    Returns:
        (height, width) uint32.
    """
    bgra = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA)
    packed = bgra.view("<u4")[..., 0]
    return cast("Packed", np.bitwise_and(packed, np.uint32(0xFFFFFF), out=packed))


def unpack(color: int) -> NDArray[np.int32]:
    """Return red, green and blue of one packed color, shape (3,)."""
    return np.array([color >> 16 & 255, color >> 8 & 255, color & 255], dtype=np.int32)


def hex_of(color: int) -> str:
    """Return a packed color as ``#rrggbb`` in lower case."""
    return f"#{color:06x}"


def find_changes(packed: Packed) -> Mask:
    """Return 255 where a pixel differs from its right or its lower neighbour.

    Unchanged 4-connected areas are single-colored by construction. Each lacks the last column
    and the last row of the area it stands for, unless that lies at the image's edge.
    """
    changed = np.zeros(packed.shape, np.uint8)
    # OpenCV takes no empty arrays, which a single row or column would leave.
    if packed.shape[1] > 1:
        changed[:, :-1] = cv2.compare(packed[:, 1:], packed[:, :-1], cv2.CMP_NE)
    if packed.shape[0] > 1:
        changed[:-1] |= cast("Mask", cv2.compare(packed[1:], packed[:-1], cv2.CMP_NE))
    return changed


def measure_noise(rgb: Rgb) -> Noise:
    """Measure how often small steps alternate in sign along the rows of the green channel."""
    green = cast("Mask", cv2.extractChannel(rgb[::2], 1))
    # OpenCV takes no empty arrays, which fewer columns would leave.
    if green.shape[1] < TURN_PX:
        return Noise(0.0, 0.0)
    size = cv2.absdiff(green[:, 1:], green[:, :-1])
    rises = cv2.compare(green[:, 1:], green[:, :-1], cv2.CMP_GT)
    turns = cv2.compare(rises[:, 1:], rises[:, :-1], cv2.CMP_NE)
    enough = cv2.inRange(cv2.min(size[:, 1:], size[:, :-1]), NOISE_STEP_MIN, 255)
    small = cv2.inRange(cv2.max(size[:, 1:], size[:, :-1]), 0, NOISE_STEP_MAX)
    alternating = cast("Mask", cv2.min(cv2.min(enough, small), turns))
    noisy = _tile_levels(alternating) > TILE_SHARE_LEVEL
    steep = cast("Mask", cv2.inRange(size[:, :-1], CONTENT_STEP + 1, 255))
    content = _tile_levels(steep) > TILE_SHARE_LEVEL
    tiles = float((noisy & content).sum() / max(1, content.sum()))
    return Noise(tiles, cv2.countNonZero(alternating) / alternating.size)


def choose_path(rgb: Rgb) -> Path:
    """Return the way to read these pixels, from their noise alone."""
    noise = measure_noise(rgb)
    if noise.alternating >= SENSOR_SHARE:
        return Path.PHOTO
    return Path.EXACT if noise.tiles < NOISY_TILES else Path.PALETTE


def _tile_levels(mask: Mask) -> Mask:
    """Average a mask, 0 or 255, over whole tiles."""
    down, across = mask.shape[0] // TILE_HEIGHT, mask.shape[1] // TILE_WIDTH
    if not (down and across):
        return np.zeros((0, 0), np.uint8)
    levels = mask[: down * TILE_HEIGHT, : across * TILE_WIDTH]
    return cast("Mask", cv2.resize(levels, (across, down), interpolation=cv2.INTER_AREA))
