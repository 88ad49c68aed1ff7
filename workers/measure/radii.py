"""Corner radii, from where each row and each column of a corner begins.

Coverage of antialiased pixels places the outline in a row to a few hundredths of a pixel. The
rows of an arc's steep half are compared with those of circles of known radius; columns do the
same for its other half. A pixel's coverage is told from the color just outside it, so that a
shadow around the box, darker below than above, does not bend the arc.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box, RadiusMeasurement
from workers.measure.preprocess import unpack
from workers.measure.scene import ROOT, Element, ElementKind, Rgb, Scene

Floats = NDArray[np.float32]

# Corners are read in squares of these sides, the next larger where the arc fills the square.
PATCH_SIDES = (12, 32, 96)
# An arc wider than this part of its square wants a larger square.
PATCH_ROOM = 0.85
# Radii are tried in steps of this many pixels.
RADIUS_STEP = 0.125
# Rows below this part of the radius belong to the steep half of the arc: tangent over 45 degrees
# begins at 1 - 1/sqrt(2).
STEEP_FROM = 0.29
# Rows looked at past the arc's end, where the side must be straight.
ROWS_PAST = 1.5
# Samples a pixel, each way, of the drawn circles.
SUPERSAMPLING = 16
# A pixel at least half covered, with no better one after it, is where the shape begins.
HALF_COVERED = 0.5
COVERAGE_SLACK = 0.02
# Mean distance of the rows to the arc's rows, in pixels, that still is an arc: rounding of
# 8-bit coverage at low contrast moves a row by a tenth of a pixel.
ARC_TOLERANCE = 0.2
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
        reach = half[pending]
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
    """Fit a radius to each corner; also tell where the arc needs a larger square.

    Args:
        patch: (n, side + 1, side + 1, 3), from one pixel outside the corner.
        edge: (n, 3), the color along the box's edge.
        reach: (n,), how many rows and columns belong to the corner at most.
    """
    side = patch.shape[1] - 1
    contrast = np.abs(edge - patch[:, 0, 0]).max(axis=1)
    rows = _row_starts(patch[:, 1:], edge)
    columns = _row_starts(patch.transpose(0, 2, 1, 3)[:, 1:], edge)
    table, weights = _circles(side)
    fits = np.abs(rows[:, None] - table) + np.abs(columns[:, None] - table)
    errors = np.einsum("nri,ri->nr", fits, weights) / 2
    radii = np.arange(table.shape[0]) * RADIUS_STEP
    errors[radii[None] > reach[:, None] + PILL_SLACK_PX] = np.inf
    best = errors.argmin(axis=1)
    error = errors[np.arange(len(best)), best]
    good = (error <= ARC_TOLERANCE) & (contrast >= MIN_CONTRAST)
    radius = np.where(good, radii[best], np.nan).astype(np.float32)
    extent = np.minimum(rows.max(axis=1), columns.max(axis=1))
    return radius, np.asarray(extent > PATCH_ROOM * side, np.bool_)


def _row_starts(patch: Floats, edge: Floats) -> Floats:
    """Return where the shape begins in each row, in pixels and parts of one.

    A thin border's coverage falls again past its crest, so a row begins at its first crest.

    Args:
        patch: (n, rows, side + 1, 3); the first column lies outside the box.
        edge: (n, 3), the color along the edge.
    """
    first = _coverage(patch, patch[:, :, :1], edge)
    following = np.concatenate([first[:, :, 1:], first[:, :, -1:]], axis=2)
    begun = (first >= HALF_COVERED) & (following <= first + COVERAGE_SLACK)
    crest = np.where(begun.any(axis=2), begun.argmax(axis=2), patch.shape[2] - 1)
    index, row = np.ogrid[: patch.shape[0], : patch.shape[1]]
    # Steep outlines cross one or two pixels; the one before those shows the outside.
    outside = patch[index, row, np.maximum(crest - 2, 0)][:, :, None]
    partial = _coverage(patch[index, row, np.maximum(crest - 1, 0)][:, :, None], outside, edge)
    return np.asarray(np.maximum(crest - 1 - partial[..., 0], 0), np.float32)


def _coverage(colors: Floats, outside: Floats, edge: Floats) -> Floats:
    """Return how far colors lie on the way from outside to edge, 0 to 1, over the last axis."""
    axis = edge[:, None, None] - outside
    scale = np.maximum((axis * axis).sum(axis=-1), 1e-6)
    return np.asarray(np.clip(((colors - outside) * axis).sum(axis=-1) / scale, 0, 1), np.float32)


@cache
def _circles(side: int) -> tuple[Floats, Floats]:
    """Return the row starts of circles of rising radius, and the rows' weights for each.

    Returns:
        Two arrays (radii, rows): where each row begins in pixels, and weights that sum to 1 over
        the rows of the steep half and just past the arc.
    """
    radii = np.arange(0, side, RADIUS_STEP)[:, None]
    fine = (np.arange(side * SUPERSAMPLING) + 0.5) / SUPERSAMPLING
    height = np.clip(radii - fine, 0, None)
    start = radii - np.sqrt(np.maximum(radii**2 - height**2, 0))
    table = start.reshape(len(radii), side, SUPERSAMPLING).mean(axis=2)
    row = np.arange(side)[None] + 0.5
    steep = (row >= np.minimum(STEEP_FROM * radii, radii - 1)) & (row <= radii + ROWS_PAST)
    return table.astype(np.float32), (steep / steep.sum(axis=1, keepdims=True)).astype(np.float32)


def corner_reach(radii: tuple[float | None, ...]) -> int:
    """Return the side of the squares that hold an element's corners, in whole pixels."""
    known = [radius for radius in radii if radius]
    return int(np.ceil(max(known))) if known else 0
