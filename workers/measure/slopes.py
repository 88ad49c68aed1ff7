"""Fits of CSS gradients to points with colors.

A linear gradient is a plane in each channel, so least squares over x and y give its direction:
the first singular vector of the slopes. With more than two stops the direction is the one along
which the colors are a function of one variable alone; a radial gradient is such a function of
the distance from its center. Source: CSS Images Level 3, sections 3.1 and 3.2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box, GradientKind

Floats = NDArray[np.float64]
Average = Callable[..., Floats]

# Rounding and dither keep a gradient's own pixels within 1.5 levels of its model; farther ones
# are ink or shadows over it.
OUTLIER_LEVELS = 1.8
# At least this part of the points must follow the model.
MIN_INLIERS = 0.6
# Fewer points than this fix no plane surely.
MIN_POINTS = 20
TRIM_ROUNDS = 4
# Rounding to whole levels leaves .29 levels and a dither .4 to .5; photographs leave more.
MAX_RMS_LEVELS = 0.6
# Ends must differ by this many levels in one channel: less is seen by nobody.
MIN_SPAN_LEVELS = 5.0
# Bins along the gradient line of which the profile is made.
BINS = 96
SEARCH_BINS = 48
# Beyond its outermost bins a gradient goes on as it does over this part of its line at that end:
# less would take rounding for a slope, more would reach past a stop.
END_SHARE = 0.125
MIN_BIN_POINTS = 4
# Directions tried where no plane fits, and the steps that refine the best of them, in degrees.
COARSE_STEP_DEG = 6.0
FINE_STEPS_DEG = (2.0, 0.7, 0.25)
SEARCH_POINTS = 600
# Mean squared levels, over the channels: colors farther than this from their course along every
# direction tried are no function of a direction. Half of it for every finer step.
MAX_SCATTER = 150.0
# A point counts no more than this, or text would outweigh the gradient below it.
MAX_SQUARED_LEVELS = 400.0
# Cells leave the center of a box uncertain by this much; so far off, the scatter stays below that.
CENTER_OFFSETS_PX = (-1.0, -0.5, 0.0, 0.5, 1.0)
MAX_RADIAL_SCATTER = 25.0
# Smaller ones are icons.
MIN_RADIAL_PX = 40


@dataclass(frozen=True, slots=True)
class Line:
    """What a gradient's color depends on.

    For a linear gradient the way along ``angle_deg`` from the image's origin, for a radial one
    the distance from ``center``; both in pixels.
    """

    kind: GradientKind
    angle_deg: float = 0.0
    center: tuple[float, float] = (0.0, 0.0)

    def places_of(self, points: Floats) -> Floats:
        """Return the places on the line of points (n, 2), shape (n,)."""
        if self.kind is GradientKind.LINEAR:
            return points @ direction_of(self.angle_deg)
        return np.asarray(np.hypot(*(points - self.center).T))


@dataclass(frozen=True, slots=True)
class Profile:
    """Colors along a gradient line.

    ``at`` are ascending places, shape (n,), ``levels`` the mean colors there, shape (n, 3);
    ``rms_levels`` is what they leave unexplained of the points they were made from, each of
    ``bin_points`` points.
    """

    line: Line
    at: Floats
    levels: Floats
    rms_levels: float
    bin_points: int

    @property
    def noise_levels(self) -> float:
        """How far the mean colors may be off."""
        return float(self.rms_levels / np.sqrt(self.bin_points))

    def colors_of(self, points: Floats) -> Floats:
        """Return the colors at points (n, 2), continued straight beyond both ends."""
        places = self.line.places_of(points)
        colors = np.stack([np.interp(places, self.at, one) for one in self.levels.T], axis=1)
        for end, inner in zip((0, -1), _inner_of(self.at), strict=True):
            slope = (self.levels[inner] - self.levels[end]) / (self.at[inner] - self.at[end])
            beyond = places - self.at[end]
            beyond = np.minimum(beyond, 0) if end == 0 else np.maximum(beyond, 0)
            colors += beyond[:, None] * slope
        return colors


def _inner_of(at: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return for lines of bins (…, n) which bins end the slopes of their two ends, shape (…)."""
    from_start, to_end = at - at[..., :1], at[..., -1:] - at
    reach = END_SHARE * from_start[..., -1:]
    first = np.argmax(from_start >= reach, axis=-1)
    last = at.shape[-1] - 1 - np.argmax(to_end[..., ::-1] >= reach, axis=-1)
    return first, last


def direction_of(angle_deg: float) -> Floats:
    """Return the unit vector, x to the right and y down, of a CSS angle."""
    angle = np.deg2rad(angle_deg)
    return np.array([np.sin(angle), -np.cos(angle)])


def fit_linear(points: Floats, levels: Floats) -> Profile | None:
    """Fit a linear gradient of two or more stops.

    Args:
        points: x and y, shape (n, 2), pixels.
        levels: red, green and blue, shape (n, 3), 0 to 255.

    Returns:
        The profile along the direction found, or None where no linear gradient explains the
        points to MAX_RMS_LEVELS.
    """
    angle = _fit_plane(points, levels)
    if angle is None:
        angle = _search_angle(points, levels)
    if angle is None:
        return None
    return _fit_along(points, levels, Line(GradientKind.LINEAR, angle))


def fit_radial(points: Floats, levels: Floats, box: Box) -> Profile | None:
    """Fit a circular gradient around the center of a box; None where it does not explain it."""
    if min(box.width, box.height) < MIN_RADIAL_PX:
        return None
    x, y = box.x + box.width / 2, box.y + box.height / 2
    few = slice(None, None, max(1, len(points) // SEARCH_POINTS))
    middle = Line(GradientKind.RADIAL, center=(x, y))
    if _scatters(points[few], levels[few], [middle])[0] > MAX_RADIAL_SCATTER:
        return None
    offsets = product(CENTER_OFFSETS_PX, CENTER_OFFSETS_PX)
    lines = [Line(GradientKind.RADIAL, center=(x + right, y + down)) for right, down in offsets]
    best = lines[int(np.argmin(_scatters(points[few], levels[few], lines)))]
    return _fit_along(points, levels, best)


def _fit_plane(points: Floats, levels: Floats) -> float | None:
    """Return the angle of the plane that most points lie on, None where most lie off it."""
    design = np.column_stack([np.ones(len(points)), points - points.mean(axis=0)])
    # Normal equations are exact enough for three columns, and far quicker than the rows.
    kept = np.ones(len(points), np.bool_)
    for _ in range(TRIM_ROUNDS):
        some = design[kept]
        plane, *_ = np.linalg.lstsq(some.T @ some, some.T @ levels[kept], rcond=None)
        residual = np.abs(levels - design @ plane).max(axis=1)
        limit = max(OUTLIER_LEVELS, 2.5 * float(np.median(residual)))
        if np.array_equal(residual <= limit, kept):
            break
        kept = residual <= limit
        if kept.sum() < max(MIN_POINTS, MIN_INLIERS * len(points)):
            return None
    if float(np.sqrt(np.mean(residual[kept] ** 2))) > 2 * MAX_RMS_LEVELS:
        return None
    return _angle_of(plane[1:])


def _angle_of(slopes: Floats) -> float:
    """Return the CSS angle, above 0 to 180, of slopes of shape (2, 3)."""
    x, y = np.linalg.svd(slopes)[0][:, 0]
    return _canonical(float(np.rad2deg(np.arctan2(x, -y))))


def _canonical(angle_deg: float) -> float:
    """Return the one of two opposite angles that lies above 1 and up to 181: 180, never 0."""
    return 181.0 - (1.0 - angle_deg) % 180.0


def _search_angle(points: Floats, levels: Floats) -> float | None:
    """Return the angle along which the colors are a function of one variable, if there is one."""
    few = slice(None, None, max(1, len(points) // SEARCH_POINTS))
    # Angles to a quarter of a degree need no more than single precision.
    points, levels = points[few].astype(np.float32), levels[few].astype(np.float32)
    tried = np.arange(COARSE_STEP_DEG, 180.1, COARSE_STEP_DEG)
    limit = MAX_SCATTER
    for finer in (*FINE_STEPS_DEG, 0.0):
        lines = [Line(GradientKind.LINEAR, float(angle)) for angle in tried]
        scatter = _scatters(points, levels, lines)
        if min(scatter) > limit:
            return None
        best = float(tried[int(np.argmin(scatter))])
        tried, limit = best + finer * np.arange(-2, 3), limit / 2
    return _canonical(best)


def _scatters(points: Floats, levels: Floats, lines: Sequence[Line]) -> Floats:
    """Return how far colors are from their course along lines, in mean squared levels."""
    places = np.stack([line.places_of(points) for line in lines])
    order = np.argsort(places, axis=1, kind="stable")
    places, levels = np.take_along_axis(places, order, axis=1), levels[order]
    bins = min(SEARCH_BINS, len(points) // MIN_BIN_POINTS)
    each = len(points) // bins
    cut = (len(lines), bins, each)
    at = places[:, : bins * each].reshape(cut).mean(axis=2) + np.arange(bins) * 1e-6
    means = levels[:, : bins * each].reshape(*cut, 3).mean(axis=2)
    # In order, a point lies between the middle of its own bin and that of one beside it.
    own = np.minimum(np.arange(len(points)) // each, bins - 1)
    left = np.clip(own - (places < at[:, own]), 0, bins - 2)
    line = np.arange(len(lines))[:, None]
    start = at[line, left]
    part = np.clip((places - start) / (at[line, left + 1] - start), 0, 1)[..., None]
    colors = means[line, left] * (1 - part) + means[line, left + 1] * part
    for end, inner in zip((0, -1), _inner_of(at), strict=True):
        rise = means[line[:, 0], inner] - means[:, end]
        slope = rise / (at[line[:, 0], inner] - at[:, end])[:, None]
        beyond = places - at[:, end, None]
        beyond = np.minimum(beyond, 0) if end == 0 else np.maximum(beyond, 0)
        colors += beyond[..., None] * slope[:, None]
    off = np.minimum((levels - colors) ** 2, MAX_SQUARED_LEVELS)
    return np.asarray(off.sum(axis=2).mean(axis=1), np.float64)


def _fit_along(points: Floats, levels: Floats, line: Line) -> Profile | None:
    """Average the colors along a line, outliers left out; None where that is no gradient."""
    kept = np.ones(len(points), np.bool_)
    # Medians find the outliers; means of the rest are exact to fractions of a level.
    for average in (np.median, np.mean, np.mean):
        if kept.sum() < max(MIN_POINTS, MIN_INLIERS * len(points)):
            return None
        profile = _average(points[kept], levels[kept], line, BINS, average)
        residual = levels - profile.colors_of(points)
        kept = np.abs(residual).max(axis=1) <= OUTLIER_LEVELS
    rms = float(np.sqrt(np.mean(residual[kept] ** 2))) if kept.any() else np.inf
    span = np.ptp(profile.levels, axis=0).max()
    if rms > MAX_RMS_LEVELS or kept.mean() < MIN_INLIERS or span < MIN_SPAN_LEVELS:
        return None
    return replace(profile, rms_levels=rms)


def _average(points: Floats, levels: Floats, line: Line, most: int, average: Average) -> Profile:
    """Cut points into bins of equal count along a line, ``most`` or fewer, and average each."""
    places = line.places_of(points)
    bins = min(most, len(points) // MIN_BIN_POINTS)
    each = len(points) // bins
    order = np.argsort(places, kind="stable")[: bins * each]
    at = places[order].reshape(bins, each).mean(axis=1)
    # Points on one place only, such as a row of pixels, may fill more than one bin.
    at += np.arange(bins) * 1e-6
    return Profile(line, at, average(levels[order].reshape(bins, each, 3), axis=1), 0.0, each)
