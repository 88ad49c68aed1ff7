"""The background map: for each pixel the color that lies behind its ink.

Painted from large boxes to small. What is no ink although it differs from the fill (borders,
rounded corners, pictures) is painted with the pixels themselves.
"""

from functools import lru_cache
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.components import BAND_ROWS, SMALL_LABELS, Labels
from workers.measure.corners import Four, corner_reach
from workers.measure.glyphs import GLYPH_MAX_HEIGHT
from workers.measure.measurements import Box, GradientKind
from workers.measure.regions import SOFT_STEP, Segmentation
from workers.measure.scene import Border, Element, GradientRegion, Mask, Packed
from workers.measure.steps import STRIP_ROWS

# A pixel this many levels from the gradient's model is ink over it; dither and rounding are less.
GRADIENT_INK_LEVELS = 14
# Places on a gradient line whose colors are worked out, in one pixel: no gradient changes by more
# than a level between two.
PLACES_PER_PX = 32
# Gradients whose colors are kept, since each is drawn strip by strip: as many as one page shows.
DRAWN_GRADIENTS = 16
# Holes of an area that are larger than this part of it are what it surrounds, as a shadow does.
HOLE_SHARE = 0.25
# An arc as wide as half a box, the widest there is, has its middle so far from the two sides, as a
# part of the box's shorter side.
CORNER_INSET = 0.15
# Background is looked for on this lattice; what it misses is too small to hold a shadow.
SEED_STEP = 3


def paint_fill(background: Packed, packed: Packed, element: Element) -> None:
    """Paint one element of a single color: its fill, and its own pixels at edge and corners."""
    box = element.box
    if element.fill is None:
        paint_pixels(background, packed, box)
        return
    inner = shrink(box, element.border)
    background[inner.y : inner.bottom, inner.x : inner.right] = element.fill
    for edge in (
        Box(box.x, box.y, box.width, inner.y - box.y),
        Box(box.x, inner.bottom, box.width, box.bottom - inner.bottom),
        Box(box.x, inner.y, inner.x - box.x, inner.height),
        Box(inner.right, inner.y, box.right - inner.right, inner.height),
    ):
        paint_pixels(background, packed, edge)
    reach = min(corner_reach(element.radii_px), element.box.width // 2, element.box.height // 2)
    for x in (element.box.x, element.box.right - reach):
        for y in (element.box.y, element.box.bottom - reach):
            square = np.s_[y : y + reach, x : x + reach]
            background[square] = packed[square]


def paint_pixels(background: Packed, packed: Packed, box: Box) -> None:
    """Declare everything in a box to be background: nothing in it is ink."""
    area = np.s_[box.y : box.bottom, box.x : box.right]
    background[area] = packed[area]


def paint_area(background: Packed, area: Mask, box: Box, color: int) -> None:
    """Paint an area of one color and any outline, with the holes that text leaves in it.

    Args:
        background: painted so far.
        area: of the box, not 0 where the color shows.
        box: around the area.
        color: packed.
    """
    behind = background[box.y : box.bottom, box.x : box.right]
    if (behind == color).all():
        return
    largest = HOLE_SHARE * cv2.countNonZero(area)
    outlines, tree = cv2.findContours(area, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    holes = []
    for index in np.flatnonzero(tree[0, :, -1] >= 0).tolist():
        _, _, width, height = cv2.boundingRect(outlines[index])
        if height <= GLYPH_MAX_HEIGHT and width * height <= largest:
            holes.append(outlines[index])
    cv2.drawContours(area, holes, -1, 1, cv2.FILLED)
    behind[area != 0] = color


def paint_gradient(background: Packed, packed: Packed, region: GradientRegion) -> None:
    """Paint a gradient: the model's color where a pixel is far from it, else the pixel's own."""
    box = region.box
    for top in range(box.y, box.bottom, STRIP_ROWS):
        area = np.s_[top : min(box.bottom, top + STRIP_ROWS), box.x : box.right]
        model = render_gradient(region, top - box.y, len(background[area]))
        shown = np.ascontiguousarray(packed[area], "<u4")
        levels = (*model.shape, 4)
        apart = cv2.absdiff(
            model.view(np.uint8).reshape(levels), shown.view(np.uint8).reshape(levels)
        )
        near = cv2.inRange(apart, (0, 0, 0, 0), (GRADIENT_INK_LEVELS,) * 4)
        background[area] = np.where(near, shown, model)


def absorb_soft(background: Packed, packed: Packed, soft: Segmentation) -> None:
    """Declare shadows to be background: what no hard step parts from background is no ink.

    Args:
        background: painted so far.
        packed: the image's pixels.
        soft: the areas without a hard step.
    """
    labels, rows = soft.found.distinct, soft.found.rows
    seeded = packed[::SEED_STEP, ::SEED_STEP] == background[::SEED_STEP, ::SEED_STEP]
    reached = np.zeros(soft.found.count, np.uint8)
    reached[labels[:, ::SEED_STEP][rows[::SEED_STEP]][seeded]] = 255
    reached[0] = 0
    areas = _look_up(reached, labels)
    apart = np.equal(labels, 0).view(np.uint8)
    for top in range(0, len(packed), BAND_ROWS):
        first = max(0, top - 1)
        band, some = np.s_[first : top + BAND_ROWS], rows[first : top + BAND_ROWS]
        _absorb_band(background[band], packed[band], areas[some], apart[some])


def _absorb_band(background: Packed, packed: Packed, areas: Mask, apart: Mask) -> None:
    """Do as ``absorb_soft`` for some rows: in all areas reached, and what lies beside them."""
    ink = cv2.bitwise_and(apart, cv2.compare(packed, background, cv2.CMP_NE)).ravel()
    cv2.copyTo(packed, areas, background)
    pixels, behind, areas = packed.ravel(), background.ravel(), areas.ravel()
    # A pixel beside a hard step has no label of its own; its left or upper neighbour speaks.
    for back in (1, packed.shape[1]):
        here = np.flatnonzero(np.bitwise_and(ink[back:], areas[:-back]) != 0) + back
        colors = pixels.take(here)
        near = _are_near(colors, pixels.take(here - back))
        behind[here[near]] = colors[near]


def _look_up(flags: Mask, labels: Labels) -> Mask:
    """Return the flag of each label, 0 or 255, for all pixels."""
    if labels.dtype != np.uint16:
        return flags.take(labels)
    # OpenCV looks up two bytes three times as fast.
    table = np.zeros(SMALL_LABELS, np.uint8)
    table[: len(flags)] = flags
    return cast("Mask", cv2.LUT(labels, table))


def _are_near(first: Packed, second: Packed) -> NDArray[np.bool_]:
    """Tell which packed colors, (n,), differ by no hard step in any channel."""
    # OpenCV takes no empty arrays.
    if not len(first):
        return np.zeros(0, np.bool_)
    one, other = (
        colors.astype("<u4").view(np.uint8).reshape(1, -1, 4) for colors in (first, second)
    )
    near = cv2.inRange(cv2.absdiff(one, other), (0, 0, 0, 0), (SOFT_STEP,) * 4)
    return np.asarray(near[0] != 0, np.bool_)


def shades_near_corners(region: GradientRegion) -> Four:
    """Return the colors where arcs of round corners lie, packed, clockwise from the top left."""
    box = region.box
    inset = int(CORNER_INSET * min(box.width, box.height))
    top, bottom = (render_gradient(region, row, 1)[0] for row in (inset, box.height - 1 - inset))
    left, right = inset, box.width - 1 - inset
    return int(top[left]), int(top[right]), int(bottom[right]), int(bottom[left])


def render_gradient(region: GradientRegion, top: int, rows: int) -> Packed:
    """Draw some rows of a gradient region as CSS would, packed, shape (rows, width).

    Source: CSS Images Level 3, 3.1 (the gradient line's length) and 3.2 (farthest corner).
    """
    box = region.box
    across = np.arange(box.width, dtype=np.float32)[None] + np.float32(0.5 - box.width / 2)
    down = np.arange(rows, dtype=np.float32)[:, None] + np.float32(top + 0.5 - box.height / 2)
    if region.kind is GradientKind.LINEAR and region.angle_deg is not None:
        angle = np.deg2rad(region.angle_deg)
        toward_x, toward_y = float(np.sin(angle)), float(-np.cos(angle))
        length = abs(box.width * toward_x) + abs(box.height * toward_y)
        right, below = np.float32(toward_x * PLACES_PER_PX), np.float32(toward_y * PLACES_PER_PX)
        places = across * right + down * below
        places += np.float32(PLACES_PER_PX * length / 2)
    else:
        length = float(np.hypot(box.width / 2, box.height / 2))
        places = np.hypot(across, down) * np.float32(PLACES_PER_PX)
    colors = _colors_along(region, length)
    return colors[np.clip(places.astype(np.int32), 0, len(colors) - 1)]


@lru_cache(DRAWN_GRADIENTS)
def _colors_along(region: GradientRegion, length: float) -> Packed:
    """Return the packed colors at places along a gradient line of so many pixels."""
    count = int(np.ceil(length * PLACES_PER_PX)) + 1
    along = (np.arange(count) + 0.5) / (length * PLACES_PER_PX)
    positions = [stop.position for stop in region.stops]
    packed = np.zeros(count, np.uint32)
    for at, shift in ((1, 16), (3, 8), (5, 0)):
        levels = [int(stop.hex[at : at + 2], 16) for stop in region.stops]
        packed |= np.interp(along, positions, levels).round().astype(np.uint32) << np.uint32(shift)
    return packed


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
