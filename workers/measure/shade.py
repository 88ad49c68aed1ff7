"""The shape of a shadow, fitted to the depths beside an element's sides.

A shape is x, y, blur and spread in pixels. What a shape shades is exact for long sides; the
shadow's color follows by least squares, so that only the shape is searched: on a coarse grid and
then by moves that get smaller.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from workers.measure.blur import OUTWARD, Kernel, fall_off
from workers.measure.penumbra import FADED_LEVELS, Penumbra, Side

Floats = NDArray[np.float64]

# With fewer sides offset, blur and spread are not told apart.
MIN_SIDES = 2
# Blurs to start from, in pixels; between them the fit is refined.
START_BLURS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 16.0, 22.0, 32.0, 44.0, 64.0, 90.0)
# Offsets and spreads to start from, as parts of the blur.
START_OFFSETS = (0.0, 0.25, 0.5, 0.75, 1.0)
START_SPREADS = (0.0, -0.2, -0.4)
# A blur reaches about as far as its radius; starts outside these parts of the reach are futile.
LEAST_REACH, MOST_REACH, REACH_PX = 0.4, 2.2, 2
# Steps in which a fit is refined, in pixels, as long as they are below half the blur.
STEPS = (4.0, 2.0, 1.0, 0.5)
MAX_MOVES = 12
# Rounding leaves .3 levels.
ENOUGH_RMS_LEVELS = 0.29
# What even the best start leaves of the squared depths tells that no shadow explains them.
HOPELESS_SHARE = 0.25
# A spread or a sideways offset must bring the misfit down to this part.
EXTRA_GAIN = 0.92
# Blur radii below a pixel are steps. A shadow lies no farther off than this part of its blur.
MIN_BLUR = 0.5
FARTHEST = 1.5
MOST_ASIDE = 0.5
# A spread beyond this part of the blur would show as a step.
MOST_SPREAD = 0.35
# Less than this, summed in squares, is no shade.
NO_SHADE = 1e-9
# Stands for the length of a side whose end cannot be seen, in pixels.
ENDLESS = 10_000


def _moves(numbers: Sequence[int]) -> Floats:
    """Return unit moves of some of x, y, blur and spread: one of them, or two at once."""
    single = [sign * np.eye(4)[number] for number in numbers for sign in (-1.0, 1.0)]
    double = [one + two for one, two in combinations(single, 2) if (one + two).any()]
    return np.array(single + double)


PLAIN, WITH_SPREAD, WITH_X = _moves((1, 2)), _moves((1, 2, 3)), _moves((0, 1, 2, 3))


class Samples:
    """Depths of all sides in one list, ready to be compared with shadows of any shape."""

    def __init__(self, seen: Penumbra, kernel: Kernel) -> None:
        self._kernel = kernel
        self.depths = np.concatenate(list(seen.depths.values()))
        self.total = float((self.depths**2).sum())
        counts = [len(depth) for depth in seen.depths.values()]
        sides = list(seen.depths)
        self._outward = np.concatenate([np.arange(count) for count in counts])
        self._side = np.repeat(sides, counts)
        self._opposite = (self._side + 2) % 4
        self._gap = np.repeat([seen.gaps.get(side, -1) for side in sides], counts)
        length = [seen.box.height, seen.box.width, seen.box.height, seen.box.width]
        # What goes on beyond a joined side has no end that could be seen from here.
        deep = [ENDLESS if Side((s + 2) % 4) in seen.joined else length[s] for s in sides]
        wide = [
            ENDLESS if {Side((s + 1) % 4), Side((s + 3) % 4)} & seen.joined else length[s - 1]
            for s in sides
        ]
        self._deep, self._wide = np.repeat(deep, counts), np.repeat(wide, counts)
        self._beside = self._gap >= 0

    def shade(self, shapes: Floats) -> Floats:
        """Return the share of each shadow at each sample.

        Args:
            shapes: x, y, blur and spread, shape (m, 4).

        Returns:
            Shape (m, samples), 0 to 1.
        """
        x, y, blur, spread = shapes.T
        grow = np.stack([spread - y, spread + x, spread + y, spread - x], axis=1)
        near, far = grow[:, self._side], grow[:, self._opposite]
        at = _tables(blur, self._kernel)
        shade = at(self._outward - near) - at(self._outward + self._deep + far)
        if self._beside.any():
            # The neighbour's shadow comes from the other end of the gap.
            shade += at(self._gap - 1.0 - self._outward - far) * self._beside
        across = 1 - 2 * at(self._wide / 2 + spread[:, None])
        return np.asarray(shade * np.clip(across, 0, 1))

    def misfits(self, shapes: Floats) -> Floats:
        """Return the squared levels each shape leaves, its color the best there is, shape (m,)."""
        shade = self.shade(shapes)
        weight = np.maximum(np.einsum("ms,ms->m", shade, shade), NO_SHADE)
        explained = ((shade @ self.depths) ** 2).sum(axis=1) / weight
        return np.asarray(np.maximum(self.total - explained, 0))

    def depth_of(self, shape: Floats) -> Floats:
        """Return the levels that a full shadow of a shape takes off, shape (3,)."""
        shade = self.shade(shape[None])[0]
        depth = shade @ self.depths / max(float(shade @ shade), NO_SHADE)
        return np.asarray(depth, np.float64)


@dataclass(frozen=True, slots=True)
class ShapeFit:
    """A shape, (4,): x, y, blur and spread in pixels; and the squared levels it leaves."""

    samples: Samples
    shape: Floats
    misfit: float

    @property
    def rms_levels(self) -> float:
        """What is left at each sample and channel."""
        return float(np.sqrt(self.misfit / self.samples.depths.size))

    @property
    def hopeless(self) -> bool:
        """Whether no shape near this one explains the depths."""
        return self.misfit > HOPELESS_SHARE * self.samples.total

    @property
    def depth(self) -> Floats:
        """The levels that the full shadow takes off, shape (3,)."""
        return self.samples.depth_of(self.shape)


def fit_shape(seen: Penumbra) -> ShapeFit:
    """Find the plainest shape that fits: without a spread or a sideways offset if possible."""
    fit = _fit_plain(Samples(seen, Kernel.THREE_BOXES), seen)
    if fit.rms_levels > ENOUGH_RMS_LEVELS and not fit.hopeless:
        other = _fit_plain(Samples(seen, Kernel.GAUSSIAN), seen)
        fit = min(fit, other, key=lambda one: one.rms_levels)
    if fit.rms_levels <= ENOUGH_RMS_LEVELS or fit.hopeless:
        return fit
    samples, plain = fit.samples, fit.shape
    ways = []
    if len(seen.depths) > MIN_SIDES:
        ways.append((_start(samples, seen, START_SPREADS), WITH_SPREAD))
    if Side.LEFT in seen.depths and Side.RIGHT in seen.depths:
        ways.append((plain, WITH_X))
    for start, free in ways:
        other = _refine(samples, start, free)
        if other.rms_levels < EXTRA_GAIN * fit.rms_levels:
            fit = other
    return fit


def _fit_plain(samples: Samples, seen: Penumbra) -> ShapeFit:
    """Fit offset and blur alone."""
    start = _start(samples, seen, START_SPREADS[:1])
    misfit = float(samples.misfits(start[None])[0])
    if misfit > HOPELESS_SHARE * samples.total:
        return ShapeFit(samples, start, misfit)
    return _refine(samples, start, PLAIN)


def _start(samples: Samples, seen: Penumbra, spreads: Sequence[float]) -> Floats:
    """Return the best of a coarse grid of shapes."""
    sizes = [np.abs(depth).max(axis=1) for depth in seen.depths.values()]
    reach = max(int((size > FADED_LEVELS).sum()) for size in sizes)
    blurs = [
        b
        for b in START_BLURS
        if LEAST_REACH * reach - REACH_PX <= b <= MOST_REACH * reach + REACH_PX
    ]
    shapes = np.array(
        [
            (0.0, offset * blur, blur, spread * blur)
            for blur in blurs
            for offset in START_OFFSETS
            for spread in spreads
        ]
    )
    return np.asarray(shapes[int(np.argmin(samples.misfits(shapes)))])


def _refine(samples: Samples, shape: Floats, moves: Floats) -> ShapeFit:
    """Move a shape in ever smaller steps as long as the fit gets better."""
    misfit = float(samples.misfits(shape[None])[0])
    for step in STEPS:
        if step > max(STEPS[-1], shape[2] / 2):
            continue
        for _ in range(MAX_MOVES):
            moved = shape + step * moves
            moved = moved[_are_plausible(moved)]
            if not len(moved):
                break
            misfits = samples.misfits(moved)
            best = int(np.argmin(misfits))
            if misfits[best] >= misfit:
                break
            shape, misfit = moved[best], float(misfits[best])
    return ShapeFit(samples, shape, misfit)


def _are_plausible(shapes: Floats) -> NDArray[np.bool_]:
    """Tell which shapes soften an edge rather than move a box."""
    x, y, blur, spread = shapes.T
    aside = np.abs(x) <= MOST_ASIDE * blur
    soft = (blur >= MIN_BLUR) & (np.abs(spread) <= MOST_SPREAD * blur + 1)
    return np.asarray(soft & aside & (np.abs(y) <= FARTHEST * blur + 1))


def _tables(blurs: Floats, kernel: Kernel) -> Callable[[Floats], Floats]:
    """Return a function from places outward, shape (m, n), to shares, row m blurred by blurs[m].

    The tables of all blurs stand one behind the other, so that one look-up serves them all.
    """
    values, which = np.unique(blurs, return_inverse=True)
    length = len(OUTWARD)
    table = np.concatenate([fall_off(float(value), kernel) for value in values])
    starts = (which * length - OUTWARD[0])[:, None]
    index = np.arange(len(table))

    def at(places: Floats) -> Floats:
        inside = np.clip(places, OUTWARD[0], OUTWARD[-1])
        return np.asarray(np.interp(inside + starts, index, table))

    return at
