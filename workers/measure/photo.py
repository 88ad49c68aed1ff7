"""Photographs of screens: boxes by their edges, colors from a smoothed image.

Sensor noise leaves no two neighbours equal, and its peaks are too wide to snap to, so boxes are
found the classic way: grayscale, bilateral filter, CLAHE, Canny, contours. The bilateral filter
is what keeps noise from becoming boxes; CLAHE lifts the weak edges of low-contrast photographs.
"""

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np

from workers.measure.measurements import Box
from workers.measure.nesting import corners_of
from workers.measure.scene import Mask, Rgb

# Bilateral filter: neighbourhood in pixels, and how far levels and pixels may differ to count.
BILATERAL_SIDE, BILATERAL_LEVELS, BILATERAL_PX = 9, 28.0, 9.0
# CLAHE: how much contrast a tile may gain, and tiles across and down.
CLAHE_LIMIT, CLAHE_TILES = 3.0, (8, 8)
# Canny's thresholds on the gradient of 8-bit levels: edges start at the high one.
CANNY_LOW, CANNY_HIGH = 24, 60
# Gaps this wide in an edge are closed.
CLOSE_SIDE = 5
# A contour is a box when it fills its bounding box; round corners take the rest.
BOX_FILL = 0.9
MIN_SIDE_PX = 16
# The two sides of one edge give two contours: boxes whose sides all lie this near are one.
SAME_SIDE_PX = 8


def smooth(rgb: Rgb) -> Rgb:
    """Return the image without sensor noise, its edges kept."""
    return cast("Rgb", cv2.bilateralFilter(rgb, BILATERAL_SIDE, BILATERAL_LEVELS, BILATERAL_PX))


def find_outlines(rgb: Rgb) -> list[Box]:
    """Find the boxes whose outline shows as an edge.

    Args:
        rgb: (height, width, 3) uint8, as photographed.

    Returns:
        Boxes in pixels, largest first.
    """
    edges = find_edges(rgb)
    contours, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in contours:
        x, y, width, height = cv2.boundingRect(contour)
        if min(width, height) < MIN_SIDE_PX:
            continue
        if cv2.contourArea(contour) >= BOX_FILL * (width - 1) * (height - 1):
            boxes.append(Box(x, y, width, height))
    return _unite_twins(boxes)


def find_edges(rgb: Rgb) -> Mask:
    """Return 255 on edges: grayscale, bilateral filter, CLAHE, Canny, small gaps closed.

    Source:
        C. Tomasi, R. Manduchi, "Bilateral filtering for gray and color images", ICCV 1998;
        K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994;
        J. Canny, "A computational approach to edge detection", IEEE PAMI 8(6), 1986.
    """
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    quiet = cv2.bilateralFilter(gray, BILATERAL_SIDE, BILATERAL_LEVELS, BILATERAL_PX)
    lifted = cv2.createCLAHE(CLAHE_LIMIT, CLAHE_TILES).apply(quiet)
    edges = cv2.Canny(lifted, CANNY_LOW, CANNY_HIGH)
    kernel = np.ones((CLOSE_SIDE, CLOSE_SIDE), np.uint8)
    return cast("Mask", cv2.morphologyEx(edges, cv2.MORPH_CLOSE, kernel))


def _unite_twins(boxes: Sequence[Box]) -> list[Box]:
    """Return one box for all that are nearly equal, their sides averaged, largest first."""
    groups: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: -box.area):
        group = next((group for group in groups if _is_twin(box, group[0])), None)
        if group is None:
            groups.append([box])
        else:
            group.append(box)
    united = []
    for group in groups:
        left, top, right, bottom = corners_of(group).mean(axis=0).round().astype(int).tolist()
        united.append(Box(left, top, right - left, bottom - top))
    return united


def _is_twin(first: Box, second: Box) -> bool:
    return (
        abs(first.x - second.x) <= SAME_SIDE_PX
        and abs(first.y - second.y) <= SAME_SIDE_PX
        and abs(first.right - second.right) <= SAME_SIDE_PX
        and abs(first.bottom - second.bottom) <= SAME_SIDE_PX
    )
