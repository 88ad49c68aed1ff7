"""The stops of a gradient: the fewest that draw its colors."""

from itertools import product

import numpy as np

from workers.measure.measurements import Box, GradientKind, GradientStop
from workers.measure.slopes import Floats, Line, Profile, direction_of

# With less than this left beside the noise nothing hints at a further stop, which must gain that
# much and keep a distance: a sharp turn, averaged over its place, looks like two.
SMALL_STOP_ERROR_LEVELS = 0.1
MIN_STOP_DISTANCE = 0.06
# Averaged over its place a sharp turn leaves this part of the gradient's span.
TURN_SHARE = 0.003
STOP_GAIN_LEVELS = 0.1
# Stops between the ends: at most so many, one for every so many pixels, tried on a grid and
# refined by hundredths.
MAX_INNER_STOPS = 2
PX_PER_INNER_STOP = 24
STOP_GRID = tuple(round(0.05 * step, 2) for step in range(1, 20))
STOP_OFFSETS = tuple(
    tuple(round(size * step, 3) for step in range(-4, 5)) for size in (0.01, 0.002)
)


def fit_stops(profile: Profile, box: Box, most_error: float) -> tuple[GradientStop, ...] | None:
    """Return the fewest stops that draw a profile on a box, from position 0 to 1.

    Args:
        profile: the colors to draw.
        box: where they were seen.
        most_error: what the stops may leave of the profile, in levels.

    Returns:
        Two to four stops, or None where that many do not explain the profile.
    """
    start, length = _css_line(profile.line, box)
    at = (profile.at - start) / length
    inner: tuple[float, ...] = ()
    colors, error = _fit_knots(at, profile.levels, inner)
    for _ in range(min(MAX_INNER_STOPS, int(length / PX_PER_INNER_STOP))):
        if error <= SMALL_STOP_ERROR_LEVELS + profile.noise_levels:
            break
        more = _add_knot(at, profile.levels, inner)
        more_colors, more_error = _fit_knots(at, profile.levels, more)
        close = len(more) > 1 and min(np.diff(more)) < MIN_STOP_DISTANCE
        if close or more_error > error - STOP_GAIN_LEVELS:
            break
        inner, colors, error = more, more_colors, more_error
    if error > most_error + TURN_SHARE * np.ptp(profile.levels, axis=0).max():
        return None
    return tuple(
        GradientStop(_hex(color), position)
        for position, color in zip((0.0, *inner, 1.0), colors, strict=True)
    )


def _css_line(line: Line, box: Box) -> tuple[float, float]:
    """Return where a box's gradient line starts, as a place, and its length in pixels."""
    if line.kind is GradientKind.RADIAL:
        return 0.0, float(np.hypot(box.width / 2, box.height / 2))
    toward = direction_of(line.angle_deg)
    length = float(np.abs(toward) @ (box.width, box.height))
    center = (box.x + box.width / 2, box.y + box.height / 2)
    return float(toward @ center) - length / 2, length


def _add_knot(at: Floats, levels: Floats, inner: tuple[float, ...]) -> tuple[float, ...]:
    """Return the inner stop positions with the best further one, all of them refined."""

    def error(knots: tuple[float, ...]) -> float:
        return _fit_knots(at, levels, knots)[1]

    low, high = float(at[0]), float(at[-1])
    grid = (position for position in STOP_GRID if low < position < high and position not in inner)
    best = min((tuple(sorted((*inner, one))) for one in grid), key=error, default=inner)
    for offsets, turn in product(STOP_OFFSETS, range(len(best))):
        moved = (
            (*best[:turn], round(best[turn] + offset, 3), *best[turn + 1 :]) for offset in offsets
        )
        best = min(moved, key=error)
    return best


def _fit_knots(at: Floats, levels: Floats, inner: tuple[float, ...]) -> tuple[Floats, float]:
    """Return the colors of stops at 0, ``inner`` and 1, and what they leave, in levels."""
    knots = np.array((0.0, *inner, 1.0))
    weights = np.stack([np.interp(at, knots, unit) for unit in np.eye(len(knots))], axis=1)
    colors, *_ = np.linalg.lstsq(weights, levels, rcond=None)
    error = float(np.sqrt(np.mean((levels - weights @ colors) ** 2)))
    return np.asarray(colors, np.float64), error


def _hex(color: Floats) -> str:
    red, green, blue = (int(level) for level in np.clip(np.round(color), 0, 255))
    return f"#{red:02x}{green:02x}{blue:02x}"
