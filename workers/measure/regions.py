"""Single-colored regions of an image, and which of them are boxes.

A box is told by its outline: the rows of the region span its bounding box, but for rounded
corners, and a hard step in color lies outside most of its sides. What lies inside, text or other
boxes, does not matter. Bands of gradients and shadows fail the hard step.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box
from workers.measure.preprocess import find_changes
from workers.measure.scene import Packed, Rgb

Labels = NDArray[np.int32]
Sides = tuple[bool, bool, bool, bool]  # top, right, bottom, left

# Below this a region is a letter's counter or a speck.
MIN_SIDE = 8
MIN_AREA = 40
# The smallest thing that is told from a letter by its outline alone.
MIN_BOX_SIDE = 10
# Shadows and dithered gradients change by 1 or 2 levels a pixel.
HARD_STEP = 3
# Rows looked at in one region; outlines of boxes are straight, so a sample tells.
SAMPLED_ROWS = 96
# Of its bounding box, how much the row spans of a rectangle cover. Small letters in bold are
# almost rectangles too, so the smaller the region, the stricter.
RECTANGLE_FILL = ((24, 0.93), (14, 0.96), (0, 0.985))
# Each side of a rectangle lies on the bounding box for at least this part: corners take the rest.
RECTANGLE_SUPPORT = 0.28
# Part of the bounding box that is the region itself: a box full of text still shows that much.
RECTANGLE_AREA = 0.12
# A circle covers pi/4 of its bounding box.
CIRCLE_FILL, CIRCLE_TOLERANCE, CIRCLE_MIN_SIDE = np.pi / 4, 0.06, 14
# A pill has straight long sides and touches its bounding box at the tips of the short ones.
PILL_FILL, PILL_ASPECT, PILL_MIN_HEIGHT = 0.8, 1.3, 12
PILL_LONG_SUPPORT, PILL_TIP_SUPPORT = 0.25, 0.03
# An irregular region this large is worth a place on the background map.
IRREGULAR_SHARE = 0.002


@dataclass(frozen=True, slots=True)
class Region:
    """One single-colored area.

    ``box`` is its bounding box, ``pixels`` its size; ``hard`` tells where a step in color was
    seen outward, top, right, bottom, left, and ``open_sides`` where the image ends instead.
    """

    label: int
    box: Box
    color: int
    pixels: int
    hard: Sides
    open_sides: Sides
    is_box: bool


def find_regions(rgb: Rgb, packed: Packed) -> tuple[Labels, list[Region]]:
    """Find the single-colored regions that are boxes, or large.

    Args:
        rgb: (height, width, 3) uint8.
        packed: the same pixels, packed.

    Returns:
        The label image (0 where a pixel differs from its right or lower neighbour), and the
        regions, largest bounding box first.
    """
    still = cv2.bitwise_not(find_changes(packed))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(still, connectivity=4)
    height, width = packed.shape
    wide = (stats[:, 2] >= MIN_SIDE - 1) & (stats[:, 3] >= MIN_SIDE - 1)
    keep = np.flatnonzero(wide & (stats[:, 4] >= MIN_AREA))
    regions = []
    for label in keep[keep != 0]:
        region = _describe(rgb, packed, cast("Labels", labels), int(label), stats[label])
        if region.is_box or region.pixels >= IRREGULAR_SHARE * width * height:
            regions.append(region)
    regions.sort(key=lambda region: -region.box.area)
    return cast("Labels", labels), regions


def level_distance(rgb: Rgb, color: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the largest difference over the channels, in levels, of each pixel to a color."""
    return np.asarray(np.abs(rgb.astype(np.int32) - color).max(axis=-1), np.int32)


def _describe(
    rgb: Rgb, packed: Packed, labels: Labels, label: int, stats: NDArray[np.int32]
) -> Region:
    x, y, core_width, core_height, pixels = (int(value) for value in stats)
    height, width = packed.shape
    core = labels[y : y + core_height, x : x + core_width]
    box = Box(
        x,
        y,
        core_width + (x + core_width < width),
        core_height + (y + core_height < height),
    )
    sides = _side_masks(core, label)
    color = packed[y, x + int(sides[0].argmax())]
    open_sides = (y == 0, box.right >= width, box.bottom >= height, x == 0)
    hard = _hard_sides(rgb, rgb[y, x + int(sides[0].argmax())].astype(np.int32), box, sides)
    closed = sum(seen or is_open for seen, is_open in zip(hard, open_sides, strict=True))
    is_box = closed >= 3 and any(hard) and _is_box_shape(core, label, box, pixels, sides)  # noqa: PLR2004
    return Region(label, box, int(color), pixels, hard, open_sides, is_box)


def _side_masks(core: Labels, label: int) -> tuple[NDArray[np.bool_], ...]:
    """Return where the region touches its bounding box: top, right, bottom, left."""
    return core[0] == label, core[:, -1] == label, core[-1] == label, core[:, 0] == label


def _hard_sides(
    rgb: Rgb, color: NDArray[np.int32], box: Box, sides: tuple[NDArray[np.bool_], ...]
) -> Sides:
    """Tell for each side whether the median step outward is hard."""
    height, width = rgb.shape[:2]
    across = slice(box.x, box.x + len(sides[0]))
    down = slice(box.y, box.y + len(sides[1]))
    outside = (
        rgb[box.y - 1, across] if box.y > 0 else None,
        rgb[down, box.right] if box.right < width else None,
        rgb[box.bottom, across] if box.bottom < height else None,
        rgb[down, box.x - 1] if box.x > 0 else None,
    )
    hard = [
        strip is not None and float(np.median(level_distance(strip[side], color))) >= HARD_STEP
        for strip, side in zip(outside, sides, strict=True)
    ]
    return hard[0], hard[1], hard[2], hard[3]


def _is_box_shape(
    core: Labels, label: int, box: Box, pixels: int, sides: tuple[NDArray[np.bool_], ...]
) -> bool:
    """Tell whether the outline is a rectangle with any corners, a circle or a pill."""
    smaller = min(box.width, box.height)
    if smaller < MIN_BOX_SIDE:
        return False
    fill = _span_fill(core, label)
    top, right, bottom, left = (float(side.mean()) for side in sides)
    needed = next(share for side, share in RECTANGLE_FILL if smaller >= side)
    if fill > needed and min(top, right, bottom, left) > RECTANGLE_SUPPORT:
        return pixels > RECTANGLE_AREA * box.area
    if abs(box.width - box.height) <= 1 and abs(fill - CIRCLE_FILL) < CIRCLE_TOLERANCE:
        return smaller >= CIRCLE_MIN_SIDE
    return (
        fill > PILL_FILL
        and box.width > PILL_ASPECT * box.height
        and box.height >= PILL_MIN_HEIGHT
        and min(top, bottom) > PILL_LONG_SUPPORT
        and min(left, right) > PILL_TIP_SUPPORT
    )


def _span_fill(core: Labels, label: int) -> float:
    """Return the part of the box between the first and the last pixel of each row."""
    rows = np.unique(np.linspace(0, core.shape[0] - 1, SAMPLED_ROWS).astype(np.intp))
    mask = core[rows] == label
    first = mask.argmax(axis=1)
    last = mask.shape[1] - mask[:, ::-1].argmax(axis=1)
    return float(np.where(mask.any(axis=1), last - first, 0).sum() / mask.size)
