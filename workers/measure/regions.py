"""Single-colored regions of an image, and which of them are boxes.

A box is told by its outline: the rows of the region span its bounding box, but for rounded
corners, and a hard step in color lies outside most of its sides. What lies inside, text or other
boxes, does not matter. Bands of gradients and shadows fail the hard step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import compress

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.components import Components, View, label_components
from workers.measure.glyphs import GLYPH_MAX_HEIGHT
from workers.measure.measurements import Box
from workers.measure.nesting import corners_of, overlap
from workers.measure.scene import Mask, Packed, Rgb
from workers.measure.spurs import without_spurs
from workers.measure.steps import Steps, select_steps

Pixels = NDArray[np.uint8]
Sides = tuple[bool, bool, bool, bool]  # top, right, bottom, left

# Below this a region is a letter's counter or a speck.
MIN_SIDE = 8
MIN_AREA = 40
# The smallest thing that is told from a letter by its outline alone.
MIN_BOX_SIDE = 10
# Shadows and dithered gradients change by 1 or 2 levels a pixel.
HARD_STEP = 3
# Of the four sides of a box, as many show that step or lie at the image's edge; a neighbour's
# shadow may hide one.
CLOSED_SIDES = 3
# Pixels looked at along one side.
SIDE_SAMPLE = 128
# Rows looked at in one region; outlines of boxes are straight, so a sample tells.
SAMPLED_ROWS = 48
# Of its bounding box, how much the row spans of a rectangle cover. Small letters in bold are
# almost rectangles too, so the smaller the region, the stricter.
RECTANGLE_FILL = ((24, 0.93), (14, 0.96), (0, 0.985))
# Each side of a rectangle lies on the bounding box for at least this part: corners take the rest.
RECTANGLE_SUPPORT = 0.28
# Boxes touch each of their sides in one run. Letters such as u, n and H leave a gap of this part
# of a side or more, between their strokes.
OPEN_SHARE = 0.15
# Part of the bounding box that is the region itself: a box full of text still shows that much.
RECTANGLE_AREA = 0.12
# A circle covers pi/4 of its bounding box.
CIRCLE_FILL, CIRCLE_TOLERANCE, CIRCLE_MIN_SIDE = np.pi / 4, 0.06, 14
# A pill has straight long sides and touches its bounding box at the tips of the short ones.
PILL_FILL, PILL_ASPECT, PILL_MIN_HEIGHT = 0.8, 1.3, 12
PILL_LONG_SUPPORT, PILL_TIP_SUPPORT = 0.25, 0.03
# An irregular region this large is worth a place on the background map.
IRREGULAR_SHARE = 0.002
# A color holds at least this part of a softly bounded region, else the region is a gradient.
MODE_SHARE = 0.5
# Intersection over union from which two regions are one box.
SAME_BOX = 0.7
# Pixels sampled for a region's most common color.
MODE_SAMPLE = 1000
# Below this part of the pixels, steps too soft for an edge are not worth a second look.
SOFT_SHARE = 0.002
SOFT_STEP = HARD_STEP - 1


NO_SIDES = (False, False, False, False)


@dataclass(frozen=True, slots=True)
class Region:
    """One single-colored area.

    ``box`` is its bounding box, ``pixels`` its size; ``hard`` tells where a step in color was
    seen outward, top, right, bottom, left (of shapes of boxes alone), and ``open_sides`` where the
    image ends instead.
    """

    label: int
    box: Box
    color: int
    pixels: int
    hard: Sides
    open_sides: Sides
    is_box: bool


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What is connected (0 where a pixel differs from its right or lower neighbour).

    ``regions`` holds those that are boxes, or large, the largest bounding box first; ``seen`` all
    that were looked at, by their statistics, None where it is neither.
    """

    found: Components
    regions: tuple[Region, ...]
    seen: Mapping[tuple[int, ...], Region | None]


def find_regions(rgb: Rgb, packed: Packed, steps: Steps, *, snapped: bool = False) -> Segmentation:
    """Find the areas of exactly one color.

    Args:
        rgb: (height, width, 3) uint8.
        packed: the same pixels, packed.
        steps: how far they lie from their neighbours.
        snapped: whether noise was snapped away, which leaves sides ragged.
    """
    return _segment(rgb, packed, select_steps(steps, 0), {}, snapped=snapped)


def find_soft_regions(
    rgb: Rgb, packed: Packed, steps: Steps, exact: Segmentation, *, snapped: bool = False
) -> Segmentation | None:
    """Find the areas without a hard step inside; None where they would be the exact ones.

    The shadow of a neighbour, falling on a box, changes its color by a level or two: not one
    color any more, and still one box. Most areas are the same as the ``exact`` ones.
    """
    if min(packed.shape) < MIN_SIDE:
        return None
    soft = select_steps(steps, SOFT_STEP)
    soft_count = cv2.countNonZero(soft) + cv2.countNonZero(steps) - soft.size
    if soft_count < SOFT_SHARE * soft.size:
        return None
    return _segment(rgb, packed, soft, exact.seen, snapped=snapped)


def merge_boxes(exact: Segmentation, soft: Segmentation | None, max_area: float) -> list[Region]:
    """Return the box regions of both segmentations, each box once, largest first.

    Of two that are nearly the same box the soft one is larger and right: the other stops where
    a neighbour's shadow begins.
    """
    kept = [region for region in exact.regions if region.is_box and region.box.area < max_area]
    edges = corners_of([region.box for region in kept])
    for region in soft.regions if soft is not None else ():
        if region.is_box and region.box.area < max_area:
            other = overlap(region.box, edges) < SAME_BOX
            kept = [*compress(kept, other), region]
            edges = np.vstack([edges[other], corners_of([region.box])])
    return sorted(kept, key=lambda region: -region.box.area)


def _segment(
    rgb: Rgb,
    packed: Packed,
    still: Mask,
    known: Mapping[tuple[int, ...], Region | None],
    *,
    snapped: bool,
) -> Segmentation:
    """Label connected still pixels and describe the components worth it.

    A component with the box and the pixels of one that is known is that one.
    """
    found = label_components(still, connectivity=4)
    height, width = packed.shape
    x, y, wide, tall, pixels = found.stats.T
    # A region lacks its last column and row, unless the image ends there.
    across, down = wide + (x + wide < width), tall + (y + tall < height)
    worth = (pixels > RECTANGLE_AREA * wide * tall) & (pixels >= MIN_AREA)
    worth &= np.minimum(across, down) >= MIN_BOX_SIDE
    large = (pixels >= IRREGULAR_SHARE * packed.size) & (np.minimum(wide, tall) >= MIN_SIDE - 1)
    worth |= large
    seen: dict[tuple[int, ...], Region | None] = {}
    for label in found.largest(worth).tolist():
        stats = tuple(found.stats[label].tolist())
        if stats in known:
            region = known[stats]
            seen[stats] = region and replace(region, label=label)
        else:
            core = without_spurs(found, label) if snapped else stats[:4]
            seen[stats] = _describe(rgb, packed, found, label, core)
    regions = [region for region in seen.values() if region is not None]
    regions.sort(key=lambda region: -region.box.area)
    return Segmentation(found, tuple(regions), seen)


def _describe(
    rgb: Rgb, packed: Packed, found: Components, label: int, bounds: tuple[int, ...]
) -> Region | None:
    """Describe a component; None for one that is neither a box nor large."""
    x, y, core_width, core_height = bounds
    pixels = int(found.stats[label][4])
    is_large = pixels >= IRREGULAR_SHARE * packed.size
    height, width = packed.shape
    core = found.view(Box(x, y, core_width, core_height))
    box = Box(
        x,
        y,
        core_width + (x + core_width < width),
        core_height + (y + core_height < height),
    )
    sides = _side_masks(core, label)
    open_sides = (y == 0, box.right >= width, box.bottom >= height, x == 0)
    is_box = _is_box_shape(core, (label, box, pixels), sides, open_sides)
    if not (is_box or is_large):
        return None
    hard = _hard_sides(rgb, box, sides) if is_box else NO_SIDES
    closed = sum(seen or is_open for seen, is_open in zip(hard, open_sides, strict=True))
    color, mode_share = _mode(packed[y : y + core_height, x : x + core_width], core, label)
    is_box = is_box and closed >= CLOSED_SIDES and any(hard) and mode_share >= MODE_SHARE
    region = Region(label, box, color, pixels, hard, open_sides, is_box)
    return region if is_box or is_large else None


def _side_masks(core: View, label: int) -> tuple[NDArray[np.bool_], ...]:
    """Return where the region touches its bounding box: top, right, bottom, left."""
    labels, rows = core
    left, right = (labels[:, side] == label for side in (0, -1))
    return labels[0] == label, right[rows], labels[-1] == label, left[rows]


def _mode(packed: Packed, core: View, label: int) -> tuple[int, float]:
    """Return a region's most common color and the share of the region that has it."""
    labels, rows = core
    step = 1 + int(np.sqrt(packed.size / MODE_SAMPLE))
    inside = packed[::step, ::step][labels[rows[::step], ::step] == label]
    if not len(inside):
        inside = packed[labels[rows] == label]
    color = int(inside[len(inside) // 2])
    count = np.count_nonzero(inside == color)
    if 2 * count > len(inside):
        return color, count / len(inside)
    colors, counts = np.unique(inside, return_counts=True)
    return int(colors[counts.argmax()]), float(counts.max() / counts.sum())


def _hard_sides(rgb: Rgb, box: Box, sides: tuple[NDArray[np.bool_], ...]) -> Sides:
    """Tell for each side whether the median step outward is hard."""
    height, width = rgb.shape[:2]
    across = slice(box.x, box.x + len(sides[0]))
    down = slice(box.y, box.y + len(sides[1]))
    return (
        box.y > 0 and _is_hard(rgb[box.y, across], rgb[box.y - 1, across], sides[0]),
        box.right < width and _is_hard(rgb[down, box.right - 1], rgb[down, box.right], sides[1]),
        box.bottom < height
        and _is_hard(rgb[box.bottom - 1, across], rgb[box.bottom, across], sides[2]),
        box.x > 0 and _is_hard(rgb[down, box.x], rgb[down, box.x - 1], sides[3]),
    )


def _is_hard(inside: Pixels, outside: Pixels, touched: NDArray[np.bool_]) -> bool:
    """Tell whether the median step over one side, where the region touches it, is hard."""
    at = np.flatnonzero(touched)
    if not len(at):
        return False
    at = at[:: len(at) // SIDE_SAMPLE + 1]
    steps = cv2.absdiff(inside[at], outside[at])
    soft = cv2.countNonZero(cv2.inRange(steps[None], (0, 0, 0), (HARD_STEP - 1,) * 3))
    return 2 * soft <= len(at)


def _is_box_shape(
    core: View,
    region: tuple[int, Box, int],
    sides: tuple[NDArray[np.bool_], ...],
    open_sides: Sides,
) -> bool:
    """Tell whether the outline is a rectangle with any corners, a circle or a pill.

    What lies at the image's edge may be cut off there, so such sides need no support.
    """
    label, box, pixels = region
    smaller = min(box.width, box.height)
    if smaller < MIN_BOX_SIDE:
        return False
    top, right, bottom, left = (
        1.0 if is_open else np.count_nonzero(side) / len(side)
        for side, is_open in zip(sides, open_sides, strict=True)
    )
    rectangle = min(top, right, bottom, left) > RECTANGLE_SUPPORT
    square = abs(box.width - box.height) <= 1
    pill = (
        box.width > PILL_ASPECT * box.height
        and box.height >= PILL_MIN_HEIGHT
        and min(top, bottom) > PILL_LONG_SUPPORT
        and min(left, right) > PILL_TIP_SUPPORT
    )
    if not (rectangle or square or pill):
        return False
    fill = _span_fill(core, label, sides[1] & sides[3])
    needed = next(share for side, share in RECTANGLE_FILL if smaller >= side)
    if rectangle and fill > needed:
        may_be_letter = max(box.width, box.height) <= GLYPH_MAX_HEIGHT
        if may_be_letter and any(_is_open(side) for side in sides):
            return False
        return pixels > RECTANGLE_AREA * box.area
    if square and abs(fill - CIRCLE_FILL) < CIRCLE_TOLERANCE:
        return smaller >= CIRCLE_MIN_SIDE
    return pill and fill > PILL_FILL


def _is_open(side: NDArray[np.bool_]) -> bool:
    """Tell whether a region leaves a gap between its first and its last touch of a side."""
    gap = bytes(int(OPEN_SHARE * len(side)) + 1)
    return gap in side.tobytes().strip(b"\0")


def _span_fill(core: View, label: int, whole: NDArray[np.bool_]) -> float:
    """Return the part of the box between the first and the last pixel of each row.

    Args:
        core: the labels in the box.
        label: of the region.
        whole: which rows reach from side to side.
    """
    labels, rows = core
    if len(rows) > SAMPLED_ROWS:
        sampled = np.arange(SAMPLED_ROWS) * (len(rows) - 1) // (SAMPLED_ROWS - 1)
        rows, whole = rows[sampled], whole[sampled]
    width = labels.shape[1]
    mask = labels[rows[~whole]] == label
    first, last = mask.argmax(axis=1), mask[:, ::-1].argmax(axis=1)
    spans = np.where(mask.any(axis=1), width - last - first, 0)
    return float((spans.sum() + np.count_nonzero(whole) * width) / (len(rows) * width))
