"""Corner radii, from the area that a rounded corner leaves out.

A quarter circle of radius r covers all but (1 - pi/4) r^2 of its square. Antialiasing is honest
about area, so the missing coverage of a corner gives r to a tenth of a pixel, where looking for
the arc's first pixel is off by one as soon as contrast is low. The profile of the rows then says
whether the shape is an arc at all.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box, RadiusMeasurement
from workers.measure.preprocess import unpack
from workers.measure.scene import ROOT, Element, ElementKind, Rgb, Scene

Floats = NDArray[np.float32]

MISSING_SHARE = 1 - np.pi / 4
# Corners are read in squares of these sides, the next larger where the arc fills the square.
PATCH_SIDES = (12, 32, 96)
# An arc wider than this part of its square wants a larger square.
PATCH_ROOM = 0.9
# Missing area in pixels below which a corner is square: a radius of 1.2 px leaves .31.
SQUARE_AREA = 0.31
# A pixel at least half covered, with no better one after it, is where the shape begins.
HALF_COVERED = 0.5
COVERAGE_SLACK = 0.02
# Mean distance of the rows to the arc's rows, in pixels, that still is an arc: rounding of
# 8-bit coverage at low contrast moves a row by a quarter of a pixel.
ARC_TOLERANCE = 0.35
# Relative part of that tolerance: CSS corners are circles, measured ones within 3 %.
ARC_RELATIVE = 0.03
# The outside must differ from the shape by as many levels, or coverage means nothing.
MIN_CONTRAST = 3.0
# A corner whose radius is this near to half the shorter side makes a pill.
PILL_SLACK_PX = 1.2
# Boxes smaller than this, in CSS pixels, are dots and checks.
MIN_BOX_PX = 10.0
# Radii this close, in CSS pixels, are one value.
SAME_RADIUS_PX = 0.5
# The unit radii are reported in, in CSS pixels: finer than this is noise of the rasteriser.
RADIUS_UNIT_PX = 0.25


def measure_corners(rgb: Rgb, boxes: Sequence[Box], colors: Sequence[int]) -> NDArray[np.float32]:
    """Measure the radius of every corner of some boxes.

    Args:
        rgb: (height, width, 3) uint8.
        boxes: outer boxes in pixels, borders included.
        colors: for each box the packed color along its edge.

    Returns:
        (n, 4) radii in pixels, clockwise from the top left; NaN where a corner is at the image's
        edge, hidden, or no arc.
    """
    radii = np.full((len(boxes) * 4,), np.nan, np.float32)
    if not boxes:
        return radii.reshape(-1, 4)
    x, y, step_x, step_y, half = (np.repeat(part, 1) for part in _corner_origins(boxes))
    edge = np.repeat(np.array([unpack(color) for color in colors], np.float32), 4, axis=0)
    height, width = rgb.shape[:2]
    inside = (x > 0) & (y > 0) & (x < width - 1) & (y < height - 1)
    pending = np.flatnonzero(inside)
    for side in PATCH_SIDES:
        if not len(pending):
            break
        reach = np.minimum(side, half[pending])
        patch = _cut(rgb, x[pending], y[pending], step_x[pending], step_y[pending], side)
        found, again = _fit_arcs(patch, edge[pending], reach)
        radii[pending] = found
        pending = pending[again & (half[pending] > side)]
    return radii.reshape(-1, 4)


def measure_radii(scene: Scene) -> tuple[RadiusMeasurement, ...]:
    """Sum up the corners of all boxes, most used radius first; pills are left out."""
    found: list[tuple[float, Box]] = []
    for element in scene.elements[ROOT + 1 :]:
        radius = _radius_of(element, scene.dpr)
        if radius is not None:
            found.append((radius / scene.dpr, element.box))
    groups: list[list[tuple[float, Box]]] = []
    for entry in sorted(found, key=lambda item: item[0]):
        if groups and entry[0] - groups[-1][-1][0] <= SAME_RADIUS_PX:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    measured = [_sum_up(group) for group in groups]
    return tuple(sorted(measured, key=lambda radius: -radius.count))


def _radius_of(element: Element, dpr: float) -> float | None:
    """Return the radius an element shows, None for square ones, pills and unclear ones."""
    smaller = min(element.box.width, element.box.height)
    if element.kind not in {ElementKind.CONTAINER, ElementKind.GRADIENT, ElementKind.PICTURE}:
        return None
    if smaller < MIN_BOX_PX * dpr:
        return None
    known = [radius for radius in element.radii_px if radius]
    if not known:
        return None
    radius = float(np.median(known))
    return None if radius >= smaller / 2 - PILL_SLACK_PX else radius


def _sum_up(group: list[tuple[float, Box]]) -> RadiusMeasurement:
    """Make one measurement of boxes whose radii agree."""
    radii = np.array([radius for radius, _ in group])
    px = round(float(np.median(radii)) / RADIUS_UNIT_PX) * RADIUS_UNIT_PX
    spread = float(np.abs(radii - px).mean())
    # One box alone may be an accident of what lies in its corners; three agreeing are not.
    confidence = min(0.98, 1 - 0.5 / (1 + len(group))) * max(0.3, 1 - spread)
    boxes = tuple(box for _, box in group)
    return RadiusMeasurement(px, len(group), boxes, round(confidence, 3))


def _corner_origins(boxes: Sequence[Box]) -> tuple[NDArray[np.intp], ...]:
    """Return each corner's pixel, the directions inward and half the shorter side."""
    left = np.array([box.x for box in boxes], np.intp)
    top = np.array([box.y for box in boxes], np.intp)
    right = np.array([box.right - 1 for box in boxes], np.intp)
    bottom = np.array([box.bottom - 1 for box in boxes], np.intp)
    half = np.array([(min(box.width, box.height) + 1) // 2 for box in boxes], np.intp)
    count = len(boxes)
    return (
        np.stack([left, right, right, left], 1).ravel(),
        np.stack([top, top, bottom, bottom], 1).ravel(),
        np.tile(np.array([1, -1, -1, 1], np.intp), count),
        np.tile(np.array([1, 1, -1, -1], np.intp), count),
        np.repeat(half, 4),
    )


def _cut(
    rgb: Rgb,
    x: NDArray[np.intp],
    y: NDArray[np.intp],
    step_x: NDArray[np.intp],
    step_y: NDArray[np.intp],
    side: int,
) -> Floats:
    """Cut squares that begin one pixel outside each corner, turned so that all look alike.

    Returns:
        (n, side + 1, side + 1, 3) float32; [:, 0, 0] is the pixel diagonally outside.
    """
    offsets = np.arange(-1, side)
    columns = np.clip(x[:, None] + step_x[:, None] * offsets, 0, rgb.shape[1] - 1)
    rows = np.clip(y[:, None] + step_y[:, None] * offsets, 0, rgb.shape[0] - 1)
    return np.asarray(rgb[rows[:, :, None], columns[:, None, :]], np.float32)


def _fit_arcs(
    patch: Floats, edge: Floats, reach: NDArray[np.intp]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Fit a radius to each corner; also tell where the arc needs a larger square."""
    side = patch.shape[1] - 1
    outside = patch[:, 0, 0]
    axis = edge - outside
    contrast = np.abs(axis).max(axis=1)
    scale = np.maximum((axis * axis).sum(axis=1), 1e-6)
    offset = patch[:, 1:, 1:] - outside[:, None, None]
    coverage = np.einsum("nijc,nc->nij", offset, axis) / scale[:, None, None]
    missing = _missing_per_row(np.clip(coverage, 0, 1))
    index = np.arange(side)
    missing = np.where(index[None] < reach[:, None], missing, 0)
    radius = np.sqrt(missing.sum(axis=1) / MISSING_SHARE)
    height = np.clip(radius[:, None] - index[None] - 0.5, 0, None)
    arc = radius[:, None] - np.sqrt(np.maximum(radius[:, None] ** 2 - height**2, 0))
    error = np.abs(missing - arc).sum(axis=1) / np.maximum(radius, 1)
    good = (error <= ARC_TOLERANCE + ARC_RELATIVE * radius) & (contrast >= MIN_CONTRAST)
    good &= radius <= reach + PILL_SLACK_PX
    square = (missing.sum(axis=1) < SQUARE_AREA) & (contrast >= MIN_CONTRAST)
    found = np.where(square, 0, np.where(good, radius, np.nan)).astype(np.float32)
    return found, np.asarray(radius > PATCH_ROOM * side, np.bool_)


def _missing_per_row(coverage: Floats) -> Floats:
    """Return how many pixels of each row lie before the shape begins, partial ones in part.

    A thin border's coverage falls again past its crest, so a row ends at its first crest.
    """
    following = np.concatenate([coverage[:, :, 1:], coverage[:, :, -1:]], axis=2)
    begun = (coverage >= HALF_COVERED) & (following <= coverage + COVERAGE_SLACK)
    before = np.cumsum(begun, axis=2) == 0
    return np.asarray(((1 - coverage) * before).sum(axis=2), np.float32)


def corner_reach(radii: tuple[float | None, ...]) -> int:
    """Return the side of the squares that hold an element's corners, in whole pixels."""
    known = [radius for radius in radii if radius]
    return int(np.ceil(max(known))) if known else 0
