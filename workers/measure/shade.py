"""The shape of a shadow, fitted to the depths beside an element's sides.

A shape is four whole numbers: x and y in halves of a pixel, the blur as an index into BLURS_PX,
and the spread in halves. What a box of a shape shades is the product of what falls off outward
and along. The shadow's color follows by least squares, so that only the shape is searched: on a
coarse grid and then by moves that get smaller.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from workers.measure.blur import (
    BLURS_PX,
    FAMILY,
    GAUSSIAN_BLURS_PX,
    HALVES,
    SKIA_BLURS_PX,
    shares_at,
    slopes_at,
)
from workers.measure.penumbra import OFF_MIDDLE, Penumbra
from workers.measure.profiles import FADED_LEVELS
from workers.measure.sides import Side

Floats = NDArray[np.float64]
Shares = NDArray[np.float32]
Shapes = NDArray[np.int64]
Parts = tuple[float, ...]

X, Y, BLUR, SPREAD = range(4)
# With fewer sides offset, blur and spread are not told apart.
MIN_SIDES = 2
# Offsets and spreads to start from, as parts of the blur.
START_OFFSETS = (0.0, 0.25, 0.5, 0.75, 1.0)
START_SPREADS = (0.0, -0.2, -0.4)
# Every so-many-th part of a blur one to start from, between them the fit is refined.
START_RATIO = 1.35
# A blur reaches about as far as its radius; starts outside these parts of the reach are futile.
LEAST_REACH, MOST_REACH, REACH_PX = 0.4, 2.2, 2
# Steps in which a fit is refined, in halves of a pixel.
STEPS = (8, 4, 2, 1)
MAX_MOVES = 24
# Rounding leaves .29 levels, by chance a little more.
ENOUGH_RMS_LEVELS = 0.31
# What even the best start leaves of the squared depths tells that no shadow explains them.
HOPELESS_SHARE = 0.25
# A spread or a sideways offset must bring the misfit down to this part.
EXTRA_GAIN = 0.92
# Skia draws most screens; a Gaussian must bring the misfit down to this part to be believed.
GAUSSIAN_GAIN = 0.75
# Farther off than its blur, and a pixel, a shadow shows as a plateau with a step.
FARTHEST = 1.0
MOST_ASIDE = 0.5
# A spread beyond this part of the blur would show as a step.
MOST_SPREAD = 0.35
# Less than this, summed in squares, is no shade.
NO_SHADE = 1e-9
# A shadow does not tell the end of a side that is so many times longer than it reaches.
NO_END_REACHES = 4
# Grids to start from that are kept: those of all reaches there are, in three ways each.
KEPT_GRIDS = 512
# What a quarter circle leaves of its square, and how far in its middle lies.
CORNER_AREA = 1 - np.pi / 4
CORNER_PLACE = 0.223
# Stands for the length of a side whose end cannot be seen, in pixels.
ENDLESS = 10_000


def _moves(*numbers: int) -> Shapes:
    """Return steps of several sizes to all neighbours of a shape that differ in the numbers."""
    steps = np.array(list(product(*((-1, 0, 1) if n in numbers else (0,) for n in range(4)))))
    # Blurs lie about a pixel apart.
    sizes = np.array([(size, size, max(1, size // HALVES), size) for size in STEPS])
    moves = (steps * sizes[:, None]).reshape(-1, 4)
    return np.unique(moves[moves.any(axis=1)], axis=0)


# How far a shape moves each side of its box outward: top, right, bottom, left.
GROWTH: Shapes = np.array([[0, 1, 0, -1], [-1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
PLAIN, WITH_SPREAD, WITH_X = _moves(Y, BLUR), _moves(Y, BLUR, SPREAD), _moves(X, Y, BLUR)


class Samples:
    """Depths of all sides in one list, ready to be compared with shadows of any shape."""

    def __init__(self, seen: Penumbra) -> None:
        self.depths = np.concatenate(list(seen.depths.values())).astype(np.float32)
        self.total = float((self.depths**2).sum())
        counts = [len(depth) for depth in seen.depths.values()]
        sides = np.array(list(seen.depths))
        self._left, self._right = (sides + 3) % 4, (sides + 1) % 4
        self._of = np.repeat(np.arange(len(sides)), counts)
        self._side_of, self._opposite_of = sides[self._of], ((sides + 2) % 4)[self._of]
        outward = np.concatenate([np.arange(count) for count in counts])
        length = [seen.box.height, seen.box.width, seen.box.height, seen.box.width]
        # What goes on beyond a joined side has no end that could be seen from here.
        deep = [ENDLESS if Side((s + 2) % 4) in seen.joined else length[s] for s in sides]
        ends = [{Side((s + 1) % 4), Side((s + 3) % 4)} for s in sides]
        wide = [
            ENDLESS if beside & seen.joined else length[s - 1]
            for s, beside in zip(sides, ends, strict=True)
        ]
        self._near = HALVES * outward
        self._far = HALVES * (outward + np.repeat(deep, counts))
        gap = np.repeat([seen.gaps.get(Side(s), -1) for s in sides], counts)
        self._beside = gap >= 0
        self._radius_px = seen.radius_px
        self._is_beside = bool(self._beside.any())
        self._beyond = HALVES * (gap - 1 - outward)
        self.reach = reach_of(seen)
        no_end = NO_END_REACHES * self.reach
        self._is_deep, self._is_long = min(deep) > no_end, min(wide) > no_end
        # The line looked at lies this far from the two ends of its side, to the pixel's middle.
        parts = np.array([(1 - OFF_MIDDLE) / 2, (1 + OFF_MIDDLE) / 2])
        self._ends = np.rint(HALVES * parts[:, None] * np.array(wide)).astype(np.int64)

    def shade(self, shapes: Shapes) -> Shares:
        """Return the share of each shadow at each sample.

        Args:
            shapes: x, y, blur and spread, shape (m, 4).

        Returns:
            Shape (m, samples), 0 to 1.
        """
        grow = shapes @ GROWTH
        blur = shapes[:, BLUR, None]
        near = self._near - grow.take(self._side_of, axis=1)
        shade = shares_at(near, blur)
        if self._is_long and self._is_deep and not self._is_beside:
            return shade
        far = self._far + grow.take(self._opposite_of, axis=1)
        if not self._is_deep:
            shade -= shares_at(far, blur)
        if self._is_beside:
            # The neighbour's shadow comes from the other end of the gap.
            beyond = self._beyond + self._far - far
            shade += shares_at(beyond, blur) * self._beside
        if not self._is_long:
            # To the ends of a side on both lines: (line, end, m, sides).
            left, right = grow[:, self._left], grow[:, self._right]
            away = np.stack([self._ends[:, None] + left, self._ends[::-1, None] + right], axis=1)
            shade *= self._across(away, blur)[:, self._of]
            if self._radius_px:
                shade -= self._corners(shapes[:, SPREAD], near, far, away, blur)
        return shade

    def _across(self, away: Shapes, blur: Shapes) -> Shares:
        """Return how full each shadow is along each side, shape (m, sides)."""
        full = shares_at(-1 - away, blur).sum(axis=1) - 1
        return np.asarray(np.maximum(full.mean(axis=0), 0))

    def _corners(
        self, spread: Shapes, near: Shapes, far: Shapes, away: Shapes, blur: Shapes
    ) -> Shares:
        """Return what round corners take off: each as if it were missing in one place."""
        area = CORNER_AREA * np.maximum(self._radius_px + spread / HALVES, 0) ** 2
        inward = round(HALVES * CORNER_PLACE * self._radius_px)
        outward = slopes_at(near + 1 + inward, blur)
        if not self._is_deep:
            outward = outward + slopes_at(far + 1 - inward, blur)
        along = slopes_at(away - inward, blur).sum(axis=1).mean(axis=0)
        return np.asarray((area[:, None] * along)[:, self._of] * outward, np.float32)

    def misfits(self, shapes: Shapes) -> Floats:
        """Return the squared levels each shape leaves, its color the best there is, shape (m,)."""
        shade = self.shade(shapes)
        weight = np.maximum(np.einsum("ms,ms->m", shade, shade), NO_SHADE)
        explained = ((shade @ self.depths) ** 2).sum(axis=1) / weight
        return np.asarray(np.maximum(self.total - explained, 0))

    def depth_of(self, shape: Shapes) -> Floats:
        """Return the levels that a full shadow of a shape takes off, shape (3,)."""
        shade = self.shade(shape[None])[0]
        depth = shade @ self.depths / max(float(shade @ shade), NO_SHADE)
        return np.asarray(depth, np.float64)


@dataclass(frozen=True, slots=True)
class ShapeFit:
    """A shape, (4,), and the squared levels it leaves."""

    samples: Samples
    shape: Shapes
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


def lengths_of(shape: Shapes) -> Floats:
    """Return x, y, blur and spread of a shape (4,) in pixels."""
    lengths = shape / HALVES
    lengths[BLUR] = BLURS_PX[shape[BLUR]]
    return np.asarray(lengths)


def fit_shape(seen: Penumbra) -> ShapeFit:
    """Find the plainest shape that fits: without a spread or a sideways offset if possible."""
    samples = Samples(seen)
    fit = _start(samples, START_SPREADS[:1])
    if fit.hopeless:
        return fit
    fit = _refine(fit, PLAIN)
    if fit.rms_levels <= ENOUGH_RMS_LEVELS or fit.hopeless:
        return fit
    plain = _refine(_as_gaussian(fit), PLAIN)
    gaussian = plain.rms_levels < GAUSSIAN_GAIN * fit.rms_levels
    fit = plain if gaussian else fit
    for start, free in _ways(fit, seen):
        other = _refine(_as_gaussian(start) if gaussian else start, free)
        if other.rms_levels < EXTRA_GAIN * fit.rms_levels:
            fit = other
    return plain if EXTRA_GAIN * plain.rms_levels <= fit.rms_levels else fit


def _ways(fit: ShapeFit, seen: Penumbra) -> Iterator[tuple[ShapeFit, Shapes]]:
    """Yield where to start from with more numbers free, and the moves that change them."""
    if len(seen.depths) > MIN_SIDES:
        yield _start(fit.samples, START_SPREADS), WITH_SPREAD
    if Side.LEFT in seen.depths and Side.RIGHT in seen.depths:
        yield fit, WITH_X


def _as_gaussian(fit: ShapeFit) -> ShapeFit:
    """Return the shape with the nearest blur that is drawn as a Gaussian."""
    shape = fit.shape.copy()
    nearest = np.argmin(np.abs(np.array(GAUSSIAN_BLURS_PX) - BLURS_PX[shape[BLUR]]))
    shape[BLUR] = FAMILY + nearest
    return ShapeFit(fit.samples, shape, float(fit.samples.misfits(shape[None])[0]))


def _start(samples: Samples, spreads: Parts) -> ShapeFit:
    """Return the best of a coarse grid of shapes."""
    tried = grid_of(samples.reach, (LEAST_REACH, MOST_REACH), START_OFFSETS, spreads)
    misfits = samples.misfits(tried)
    best = int(np.argmin(misfits))
    return ShapeFit(samples, tried[best], float(misfits[best]))


@lru_cache(KEPT_GRIDS)
def grid_of(reach: int, parts: Parts, offsets: Parts, spreads: Parts) -> Shapes:
    """Return a coarse grid of shapes, which is shared and cannot be written to.

    Args:
        reach: how many pixels the fading is above nothing.
        parts: the smallest and the largest blur, as parts of that.
        offsets: how far shapes are moved down, as parts of the blur.
        spreads: how far they are drawn out, likewise.
    """
    blurs = _blurs_within(reach, *parts)
    number, down, out = (axis.ravel() for axis in np.meshgrid(blurs, offsets, spreads))
    blur = HALVES * BLURS_PX[number]
    shapes = np.stack([np.zeros(len(number)), down * blur, number, out * blur], axis=1)
    grid = np.asarray(np.rint(shapes), np.int64)
    grid.flags.writeable = False
    return grid


def reach_of(seen: Penumbra) -> int:
    """Return how many pixels the longest fading is above nothing."""
    sizes = (np.abs(depth).max(axis=1) for depth in seen.depths.values())
    return max(int(np.count_nonzero(size > FADED_LEVELS)) for size in sizes)


def _blurs_within(reach: int, least: float, most: float) -> Shapes:
    """Return a coarse series of blurs between two parts of a reach, as indices."""
    first = max(SKIA_BLURS_PX[0], least * reach - REACH_PX)
    last = min(most * reach + REACH_PX, SKIA_BLURS_PX[-1])
    count = 1 + int(np.log(last / first) / np.log(START_RATIO))
    return np.searchsorted(SKIA_BLURS_PX, first * START_RATIO ** np.arange(count))


def _refine(start: ShapeFit, moves: Shapes) -> ShapeFit:
    """Move a shape by steps of all sizes, the best first, as long as the fit gets better."""
    samples, shape, misfit = start.samples, start.shape, start.misfit
    gaussian = bool(shape[BLUR] >= FAMILY)
    for _ in range(MAX_MOVES):
        moved = shape + moves
        moved = moved[_are_plausible(moved, gaussian=gaussian)]
        if not len(moved):
            break
        misfits = samples.misfits(moved)
        best = int(np.argmin(misfits))
        if misfits[best] >= misfit:
            break
        shape, misfit = moved[best], float(misfits[best])
    return ShapeFit(samples, shape, misfit)


def _are_plausible(shapes: Shapes, *, gaussian: bool) -> NDArray[np.bool_]:
    """Tell which shapes soften an edge rather than move a box, in one family of blurs."""
    x, y, number, spread = shapes.T
    first, last = (FAMILY, len(BLURS_PX)) if gaussian else (0, FAMILY)
    tabled = (number >= first) & (number < last)
    blur = HALVES * BLURS_PX.take(number, mode="clip")
    aside = np.abs(x) <= MOST_ASIDE * blur
    soft = np.abs(spread) <= MOST_SPREAD * blur + HALVES
    return np.asarray(tabled & soft & aside & (np.abs(y) <= FARTHEST * blur + HALVES))
