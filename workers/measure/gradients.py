"""Gradients: areas whose pixels a CSS gradient explains, and what they have in common."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box, GradientKind, GradientMeasurement
from workers.measure.precision import tell
from workers.measure.ramps import CELL_PX, Ramp, find_ramps
from workers.measure.scene import GradientRegion, Packed, Rgb, Scene
from workers.measure.slopes import MAX_RMS_LEVELS, Profile, fit_linear, fit_radial
from workers.measure.steps import Steps
from workers.measure.stops import fit_stops

# A gradient smaller than this in either direction shows too little of its line.
MIN_SIDE_PX = 4
MIN_AREA_PX = 150
# A line of pixels belongs to the box when this part of it follows the model: the first line of
# a circle is a quarter of its diameter.
MIN_LINE_SHARE = 0.08
MIN_LINE_PIXELS = 3
# Pixels this near the model follow it.
FOLLOWS_LEVELS = 2.5
# How far, in pixels, a box's sides may lie outside the cells that were found.
REACH_PX = 2 * CELL_PX
# A box is looked at on a lattice of this many points each way.
FILL_SAMPLES = 30
# The second line of a circle is over a quarter of its diameter, and the one opposite too; a circle
# covers .785 of its box, of which text takes some.
MIN_SIDE_SHARE = 0.25
EVEN_SIDES = 0.6
# Text and icons may lie in a corner, but no box fills a corner, of this part of its sides, by so
# much more than another.
CORNER_PART, CORNER_SHARE = 0.25, 0.5
# The ground outside a corner changes by no more levels to what shows of it inside.
GROUND_LEVELS = 8
MIN_BOX_SHARE = 0.6
# A box this large, as a part of the image each way, is the page: cards may hide most of it.
PAGE_SHARE = 0.95
MIN_PAGE_SHARE = 0.15
# What stops may leave of a profile; shadows, seen as gradients, leave more. On a page they only
# add to what is left.
BOX_ERROR_LEVELS = 0.4
PAGE_ERROR_LEVELS = 0.6
# Gradients whose colors differ by fewer levels and whose angles by fewer degrees are one.
SAME_LEVELS = 8
SAME_ANGLE_DEG = 6.0
HALF_TURN_DEG = 180.0
# How far a fitted angle strays on drawn gradients.
ANGLE_SD_DEG = 0.3
# Confidence falls from 1 with what the model leaves, down to this at the limit.
LEAST_CONFIDENCE = 0.6
# Small gradients are seldom whole boxes of their own.
SURE_AREA_PX = 400


@dataclass(frozen=True, slots=True)
class _Fit:
    """A region and the colors it was made from."""

    region: GradientRegion
    profile: Profile


def find_gradients(rgb: Rgb, packed: Packed, steps: Steps) -> tuple[GradientRegion, ...]:
    """Find the boxes that a linear or radial gradient fills.

    Args:
        rgb: (height, width, 3) uint8.
        packed: the same pixels, packed.
        steps: how far they lie from their neighbours.

    Returns:
        The regions in device pixels, largest first.
    """
    ramps = find_ramps(rgb, packed, steps)
    fits = [fit for ramp in ramps if (fit := _fit(rgb, ramp)) is not None]
    fits.sort(key=lambda fit: -fit.region.box.area)
    seen: list[_Fit] = []
    for fit in fits:
        if not any(_shows_through(outer, fit) for outer in seen):
            seen.append(fit)
    return tuple(fit.region for fit in seen)


def measure_gradients(scene: Scene) -> tuple[GradientMeasurement, ...]:
    """Sum up gradient regions: those with the same angle and colors are one gradient.

    Returns:
        The gradients by the area they fill, largest first; the largest box gives the values.
    """
    groups: list[list[GradientRegion]] = []
    for region in scene.gradients:
        group = next((group for group in groups if _are_same(group[0], region)), None)
        if group is None:
            groups.append([region])
        else:
            group.append(region)
    groups.sort(key=lambda group: -sum(region.box.area for region in group))
    return tuple(_sum_up(group) for group in groups)


def _fit(rgb: Rgb, ramp: Ramp) -> _Fit | None:
    """Return the gradient that explains an area and fills a box; None where none does."""
    profile = fit_linear(ramp.points, ramp.levels)
    if profile is None:
        profile = fit_radial(ramp.points, ramp.levels, ramp.box)
    if profile is None:
        return None
    box = _find_sides(rgb, profile, ramp.box)
    if min(box.width, box.height) < MIN_SIDE_PX or box.area < MIN_AREA_PX:
        return None
    if not _fills(rgb, profile, box):
        return None
    is_page = _is_page(rgb, box)
    stops = fit_stops(profile, box, PAGE_ERROR_LEVELS if is_page else BOX_ERROR_LEVELS)
    if stops is None:
        return None
    kind = profile.line.kind
    angle = round(profile.line.angle_deg, 1) if kind is GradientKind.LINEAR else None
    return _Fit(GradientRegion(box, kind, angle, stops, profile.rms_levels), profile)


def _fills(rgb: Rgb, profile: Profile, box: Box) -> bool:
    """Tell whether a gradient has the shape of a box, and not of an icon or a part of a chart.

    Rectangles, pills and circles alike reach a line of some length on each side, as long as the
    one opposite, fill all corners alike, and cover most of their box. A page is covered by what
    stands on it.
    """
    height, width = rgb.shape[:2]
    across, down = np.meshgrid(_spaced(box.x, box.right), _spaced(box.y, box.bottom))
    points = np.column_stack([across.ravel(), down.ravel()]).astype(np.float64) + 0.5
    colors = profile.colors_of(points)
    distance = np.abs(rgb[down.ravel(), across.ravel()] - colors).max(axis=1)
    follows = (distance <= FOLLOWS_LEVELS).reshape(across.shape)
    if _is_page(rgb, box):
        return bool(follows.mean() >= MIN_PAGE_SHARE)
    cut = (box.y == 0, box.right == width, box.bottom == height, box.x == 0)
    sides = (follows[0], follows[:, -1], follows[-1], follows[:, 0])
    shares = [float(side.mean()) for side in sides]
    for one, other in ((0, 2), (1, 3)):
        if min(shares[one], shares[other]) < MIN_SIDE_SHARE:
            return False
        even = min(shares[one], shares[other]) >= EVEN_SIDES * max(shares[one], shares[other])
        if not even and not cut[one] and not cut[other]:
            return False
    return bool(follows.mean() >= MIN_BOX_SHARE) and (any(cut) or _are_corners_alike(follows))


def _are_corners_alike(follows: NDArray[np.bool_]) -> bool:
    """Tell whether an area fills its four corners alike, as boxes with round corners do."""
    height, width = (max(1, int(CORNER_PART * length)) for length in follows.shape)
    halves = follows[:height], follows[-height:]
    shares = [
        float(part.mean()) for half in halves for part in (half[:, :width], half[:, -width:])
    ]
    return max(shares) - min(shares) <= CORNER_SHARE


def _is_page(rgb: Rgb, box: Box) -> bool:
    height, width = rgb.shape[:2]
    return bool(box.width > PAGE_SHARE * width and box.height > PAGE_SHARE * height)


def _spaced(start: int, end: int) -> NDArray[np.int64]:
    """Return pixels spread over a length, less its first and last, which are antialiased."""
    count = min(FILL_SAMPLES, end - start - 2)
    return np.linspace(start + 1, end - 2, count).astype(np.int64)


def _shows_through(outer: _Fit, inner: _Fit) -> bool:
    """Tell whether a region is a larger one, seen through a hole in what stands on it."""
    box, around = inner.region.box, outer.region.box
    if box.x < around.x or box.right > around.right:
        return False
    if box.y < around.y or box.bottom > around.bottom:
        return False
    corners = np.array([[box.x, box.y], [box.right, box.y], [box.x, box.bottom]], np.float64)
    apart = np.abs(inner.profile.colors_of(corners) - outer.profile.colors_of(corners))
    return bool(apart.max() <= SAME_LEVELS)


def _find_sides(rgb: Rgb, profile: Profile, box: Box) -> Box:
    """Move the sides of an area found on cells to the last lines that follow the model."""
    rows, columns = np.arange(box.y, box.bottom), np.arange(box.x, box.right)
    top = _reach(rgb, profile, box.y - 1, -1, columns, upright=False)
    bottom = _reach(rgb, profile, box.bottom, 1, columns, upright=False)
    left = _reach(rgb, profile, box.x - 1, -1, rows, upright=True)
    right = _reach(rgb, profile, box.right, 1, rows, upright=True)
    return Box(box.x - left, box.y - top, box.width + left + right, box.height + top + bottom)


def _reach(
    rgb: Rgb, profile: Profile, start: int, step: int, span: NDArray[np.int_], *, upright: bool
) -> int:
    """Return how many lines from ``start`` on, in steps of 1 or -1, follow a model.

    Args:
        rgb: the image.
        profile: the model.
        start: row of the first line, or its column if ``upright``.
        step: 1 or -1.
        span: the line's columns, or its rows if ``upright``.
        upright: whether the lines are columns.
    """
    limit = rgb.shape[1] if upright else rgb.shape[0]
    needed = max(MIN_LINE_PIXELS, MIN_LINE_SHARE * len(span))
    for count in range(REACH_PX):
        line = start + step * count
        if not 0 <= line < limit:
            return count
        fixed = np.full(len(span), line)
        x, y = (fixed, span) if upright else (span, fixed)
        colors = profile.colors_of(np.column_stack([x, y]).astype(np.float64) + 0.5)
        follows = np.abs(rgb[y, x] - colors).max(axis=1) <= FOLLOWS_LEVELS
        if follows.sum() < needed:
            return count
    return REACH_PX


def _are_same(first: GradientRegion, second: GradientRegion) -> bool:
    """Tell whether two regions show one gradient, on boxes of any size."""
    if first.kind is not second.kind or len(first.stops) != len(second.stops):
        return False
    turn = abs((first.angle_deg or 0.0) - (second.angle_deg or 0.0))
    # 2 and 180 degrees are near each other, with the stops the other way round.
    opposite = turn > HALF_TURN_DEG / 2
    stops = second.stops[::-1] if opposite else second.stops
    near = max(
        abs(int(one.hex[at : at + 2], 16) - int(other.hex[at : at + 2], 16))
        for one, other in zip(first.stops, stops, strict=True)
        for at in (1, 3, 5)
    )
    return min(turn, HALF_TURN_DEG - turn) <= SAME_ANGLE_DEG and near <= SAME_LEVELS


def _sum_up(group: Sequence[GradientRegion]) -> GradientMeasurement:
    """Return the measurement of regions that show one gradient."""
    best = max(group, key=lambda region: region.box.area)
    unexplained = min(1.0, best.rms_levels / MAX_RMS_LEVELS) ** 4
    confidence = 1 - (1 - LEAST_CONFIDENCE) * unexplained
    if best.box.area < SURE_AREA_PX:
        confidence *= LEAST_CONFIDENCE
    boxes = tuple(region.box for region in group)
    angle = None if best.angle_deg is None else tell(best.angle_deg, ANGLE_SD_DEG)
    return GradientMeasurement(
        best.kind, angle, best.stops, len(group), boxes, round(confidence, 3)
    )
