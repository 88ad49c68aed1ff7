"""The background map: for each pixel the color that lies behind its ink.

Painted from large boxes to small. What is no ink although it differs from the fill (borders,
rounded corners, pictures) is painted with the pixels themselves.
"""

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.corners import corner_reach
from workers.measure.measurements import Box, GradientKind
from workers.measure.regions import SOFT_STEP, Segmentation
from workers.measure.scene import Border, Element, GradientRegion, Mask, Packed, Rgb

# A pixel this many levels from the gradient's model is ink over it; dither and rounding are less.
GRADIENT_INK_LEVELS = 14
# Background is looked for on this lattice; what it misses is too small to hold a shadow.
SEED_STEP = 3


def paint_fill(background: Packed, packed: Packed, element: Element) -> None:
    """Paint one element of a single color: its fill, and its own pixels at edge and corners."""
    paint_pixels(background, packed, element.box)
    if element.fill is None:
        return
    inner = shrink(element.box, element.border)
    background[inner.y : inner.bottom, inner.x : inner.right] = element.fill
    reach = min(corner_reach(element.radii_px), element.box.width // 2, element.box.height // 2)
    for x in (element.box.x, element.box.right - reach):
        for y in (element.box.y, element.box.bottom - reach):
            square = np.s_[y : y + reach, x : x + reach]
            background[square] = packed[square]


def paint_pixels(background: Packed, packed: Packed, box: Box) -> None:
    """Declare everything in a box to be background: nothing in it is ink."""
    area = np.s_[box.y : box.bottom, box.x : box.right]
    background[area] = packed[area]


def paint_gradient(background: Packed, packed: Packed, rgb: Rgb, region: GradientRegion) -> None:
    """Paint a gradient: the model's color where a pixel is far from it, else the pixel's own."""
    area = np.s_[region.box.y : region.box.bottom, region.box.x : region.box.right]
    model = render_gradient(region)
    ink = np.abs(rgb[area].astype(np.int16) - model).max(axis=2) > GRADIENT_INK_LEVELS
    red, green, blue = (model[..., channel].astype(np.uint32) for channel in range(3))
    background[area] = np.where(ink, red << 16 | green << 8 | blue, packed[area])


def absorb_soft(background: Packed, packed: Packed, soft: Segmentation) -> None:
    """Declare shadows to be background: what no hard step parts from background is no ink.

    Args:
        background: painted so far.
        packed: the image's pixels.
        soft: the areas without a hard step.
    """
    mask = cast("Mask", cv2.compare(packed, background, cv2.CMP_NE))
    ink = np.flatnonzero(mask)
    seeds = soft.labels[::SEED_STEP, ::SEED_STEP][mask[::SEED_STEP, ::SEED_STEP] == 0]
    reached = np.zeros(soft.count, np.bool_)
    reached[seeds] = True
    reached[0] = False
    labels, pixels = soft.labels.ravel(), packed.ravel()
    own = labels[ink]
    shadow = [ink[reached[own]]]
    # A pixel beside a hard step has no label of its own; its left or upper neighbour speaks.
    unlabeled = ink[own == 0]
    for back in (1, packed.shape[1]):
        before = np.maximum(unlabeled - back, 0)
        beside = reached[labels[before]]
        here, there = unlabeled[beside], before[beside]
        shadow.append(here[_level_distance(pixels[here], pixels[there]) <= SOFT_STEP])
    for found in shadow:
        background.ravel()[found] = pixels[found]


def _level_distance(first: Packed, second: Packed) -> NDArray[np.int32]:
    """Return the largest difference over the channels of packed colors, in levels."""
    channels = [
        np.abs((first >> shift & 255).astype(np.int32) - (second >> shift & 255).astype(np.int32))
        for shift in (0, 8, 16)
    ]
    return np.maximum(np.maximum(channels[0], channels[1]), channels[2])


def render_gradient(region: GradientRegion) -> NDArray[np.int16]:
    """Draw a gradient region as CSS would, shape (height, width, 3), levels 0 to 255.

    Source: CSS Images Level 3, 3.1 (the gradient line's length) and 3.2 (farthest corner).
    """
    box = region.box
    across = np.arange(box.width, dtype=np.float32)[None] + 0.5 - box.width / 2
    down = np.arange(box.height, dtype=np.float32)[:, None] + 0.5 - box.height / 2
    if region.kind is GradientKind.LINEAR and region.angle_deg is not None:
        angle = np.deg2rad(region.angle_deg)
        toward_x, toward_y = np.sin(angle), -np.cos(angle)
        length = abs(box.width * toward_x) + abs(box.height * toward_y)
        along = (across * toward_x + down * toward_y) / length + 0.5
    else:
        along = np.hypot(across, down) / np.hypot(box.width / 2, box.height / 2)
    positions = [stop.position for stop in region.stops]
    levels = [[int(stop.hex[at : at + 2], 16) for at in (1, 3, 5)] for stop in region.stops]
    channels = [np.interp(along, positions, [rgb[c] for rgb in levels]) for c in range(3)]
    return np.stack(channels, axis=2).round().astype(np.int16)


def shrink(box: Box, border: Border | None) -> Box:
    """Return the area inside an element's border."""
    if border is None:
        return box
    return Box(
        box.x + border.left,
        box.y + border.top,
        box.width - border.left - border.right,
        box.height - border.top - border.bottom,
    )


def order_by_area(elements: Sequence[Element]) -> list[Element]:
    """Return elements from large to small, the order of painting."""
    return sorted(elements, key=lambda element: -element.box.area)
