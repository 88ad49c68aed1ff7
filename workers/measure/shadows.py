"""Shadows: the box shadow that draws what lies outside an element's sides.

Offset, blur and spread of one shadow are fitted to all the sides that can be seen; its color
follows by least squares. Two layers of one ``box-shadow`` are one visible profile, which is what
is reported: eight bits do not tell them apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from workers.measure.blur import OUTWARD, fall_off
from workers.measure.measurements import Box, ShadowMeasurement
from workers.measure.penumbra import (
    FADED_LEVELS,
    MIN_LENGTH,
    MIN_SIDE_PX,
    Penumbra,
    Side,
    Surroundings,
)
from workers.measure.scene import ROOT, ElementKind, Scene

Floats = NDArray[np.float64]

# What casts shadows; dividers are too thin, icons have none of their own.
CASTERS = {ElementKind.CONTAINER, ElementKind.GRADIENT, ElementKind.PICTURE}
# A shadow must be this strong beside the element, in levels, and fall over two pixels at least.
MIN_DEPTH_LEVELS = 2.0
SOFT_DEPTH_LEVELS = 1.0
# With one side alone offset, blur and spread are one number.
MIN_SIDES = 2
# Blurs to start from, in pixels; between them the fit is refined.
START_BLURS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 16.0, 22.0, 32.0, 44.0, 64.0, 90.0)
# Offsets and spreads to start from, as parts of the blur.
START_OFFSETS = (0.0, 0.25, 0.5, 0.75, 1.0)
START_SPREADS = (0.0, -0.2, -0.4)
# A blur reaches about as far as its radius; starts outside these parts of the reach are futile.
LEAST_REACH, MOST_REACH = 0.4, 2.2
# Steps in which a fit is refined, in pixels, as long as they are below half the blur.
STEPS = (4.0, 2.0, 1.0, 0.5)
MAX_MOVES = 12
# Rounding leaves .3 levels; a layered shadow seen as one leaves a little of its depth.
ENOUGH_RMS_LEVELS = 0.33
MAX_RMS_LEVELS = 0.8
MAX_RMS_SHARE = 0.05
# Leaving a ring out must bring the misfit down to this part.
RING_GAIN = 0.6
RING_RMS_LEVELS = 0.5
# A spread or a sideways offset must take away this part of the squared misfit.
EXTRA_GAIN = 0.25
# A shadow hides less than this of what it falls on.
MAX_ALPHA = 0.75
# A color other than black must be this far, in levels, from explaining the depths as black.
BLACK_LEVELS = 1.2
BLACK_SHARE = 0.06
FULL_LEVEL = 255
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
# Boxes larger than this show nothing of their size in their shadow.
SMALL_PX = 128
# How far a fit to so many sides is believed at best.
SIDE_CONFIDENCE = {2: 0.6, 3: 0.8, 4: 0.95}
LEAST_CONFIDENCE = 0.3
# Shadows nearer than this, in pixels and as part of the blur, are one.
SAME_PX = 1.0
SAME_BLUR_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Fit:
    """One shadow in device pixels.

    ``depth`` is the levels it takes off the ambient color where it is full, shape (3,);
    ``sides`` the number of sides seen.
    """

    x: float
    y: float
    blur: float
    spread: float
    depth: Floats
    ambient: Floats
    rms_levels: float
    sides: int
    box: Box


def _moves(numbers: Sequence[int]) -> Floats:
    """Return unit moves of some of x, y, blur and spread: one of them, or two at once."""
    single = [sign * np.eye(4)[number] for number in numbers for sign in (-1.0, 1.0)]
    double = [one + two for one, two in combinations(single, 2) if (one + two).any()]
    return np.array(single + double)


PLAIN, WITH_SPREAD, WITH_X = _moves((1, 2)), _moves((1, 2, 3)), _moves((0, 1, 2, 3))


class _Samples:
    """Depths of all sides in one list, ready to be compared with shadows of any shape."""

    def __init__(self, seen: Penumbra) -> None:
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
            shapes: x, y, blur and spread, shape (m, 4), all of one blur.

        Returns:
            Shape (m, samples), 0 to 1.
        """
        x, y, blur, spread = shapes.T
        table = fall_off(float(blur[0]))
        grow = np.stack([spread - y, spread + x, spread + y, spread - x], axis=1)
        near, far = grow[:, self._side], grow[:, self._opposite]

        def at(place: Floats) -> Floats:
            return np.interp(place, OUTWARD, table)

        shade = at(self._outward - near) - at(self._outward + self._deep + far)
        if self._beside.any():
            # The neighbour's shadow comes from the other end of the gap.
            shade += at(self._gap - 1.0 - self._outward - far) * self._beside
        across = 1 - 2 * at(self._wide / 2 + spread[:, None])
        return np.asarray(shade * np.clip(across, 0, 1))

    def misfits(self, shapes: Floats) -> Floats:
        """Return the squared levels each shape leaves, its color the best there is, shape (m,)."""
        misfits = np.full(len(shapes), self.total)
        for blur in np.unique(shapes[:, 2]):
            here = shapes[:, 2] == blur
            shade = self.shade(shapes[here])
            weight = np.maximum((shade**2).sum(axis=1), NO_SHADE)
            misfits[here] -= ((shade @ self.depths) ** 2).sum(axis=1) / weight
        return np.asarray(np.maximum(misfits, 0))

    def depth_of(self, shape: Floats) -> Floats:
        """Return the levels that a full shadow of a shape takes off, shape (3,)."""
        shade = self.shade(shape[None])[0]
        depth = shade @ self.depths / max(float(shade @ shade), NO_SHADE)
        return np.asarray(depth, np.float64)


def fit_shadow(seen: Penumbra) -> Fit | None:
    """Fit one shadow to an element's sides; None where there is none or nothing fits.

    A border that was taken for the ground, or a ring around the box, spoils its first pixels; a
    side on something unseen spoils the others. Each is left out where that mends the fit.
    """
    fit = _fit_sides(seen)
    if fit is not None and fit.rms_levels <= RING_RMS_LEVELS:
        return fit
    inner = _fit_sides(_without_ring(seen))
    if inner is not None and (fit is None or inner.rms_levels < RING_GAIN * fit.rms_levels):
        fit = inner
    if fit is not None or len(seen.depths) <= MIN_SIDES:
        return fit
    without = (
        {side: depth for side, depth in seen.depths.items() if side is not left}
        for left in seen.depths
    )
    fits = (_fit_sides(replace(seen, depths=depths)) for depths in without)
    found = [fit for fit in fits if fit is not None]
    return min(found, key=lambda fit: fit.rms_levels, default=None)


def _without_ring(seen: Penumbra) -> Penumbra:
    """Return the same without the first pixel of each side, which joins the box."""
    box = seen.box
    grown = Box(box.x - 1, box.y - 1, box.width + 2, box.height + 2)
    depths = {side: depth[1:] for side, depth in seen.depths.items() if len(depth) > MIN_LENGTH}
    gaps = {side: gap - 1 for side, gap in seen.gaps.items() if side in depths}
    return replace(seen, box=grown, depths=depths, gaps=gaps)


def _fit_sides(seen: Penumbra) -> Fit | None:
    """Fit one shadow to all the sides given."""
    if len(seen.depths) < MIN_SIDES or not _is_soft(seen):
        return None
    if Side.TOP not in seen.depths and Side.BOTTOM not in seen.depths:
        return None  # nothing shows how far it is moved down
    samples = _Samples(seen)
    shape, misfit = _search(samples, seen)
    rms = float(np.sqrt(misfit / samples.depths.size))
    depth = samples.depth_of(shape)
    strongest = float(np.abs(samples.depths).max())
    if rms > max(MAX_RMS_LEVELS, MAX_RMS_SHARE * strongest):
        return None
    lighter, darker = MAX_ALPHA * (FULL_LEVEL - seen.ambient), MAX_ALPHA * seen.ambient
    if depth.min() < -1 and depth.max() > 1:
        return None  # no color darkens one channel and lightens another
    if np.any(depth > darker + 1) or np.any(-depth > lighter + 1):
        return None
    x, y, blur, spread = (float(value) for value in shape)
    return Fit(x, y, blur, spread, depth, seen.ambient, rms, len(seen.depths), seen.box)


def _is_soft(seen: Penumbra) -> bool:
    """Tell whether the strongest side falls over two pixels or more."""
    strongest = max(seen.depths.values(), key=lambda depth: float(np.abs(depth).sum()))
    size = np.abs(strongest).max(axis=1)
    return bool(size[0] >= MIN_DEPTH_LEVELS and size[1] >= SOFT_DEPTH_LEVELS)


def _search(samples: _Samples, seen: Penumbra) -> tuple[Floats, float]:
    """Return the plainest shape that fits: no spread if possible, no sideways offset."""
    size = samples.depths.size
    shape, misfit = _refine(samples, _start(samples, seen, START_SPREADS[:1]), PLAIN)
    if misfit <= ENOUGH_RMS_LEVELS**2 * size:
        return shape, misfit
    ways = []
    if len(seen.depths) > MIN_SIDES:
        ways.append((_start(samples, seen, START_SPREADS), WITH_SPREAD))
    if Side.LEFT in seen.depths and Side.RIGHT in seen.depths:
        ways.append((shape, WITH_X))
    for start, free in ways:
        other, left = _refine(samples, start, free)
        if left < (1 - EXTRA_GAIN) * misfit:
            shape, misfit = other, left
    return shape, misfit


def _start(samples: _Samples, seen: Penumbra, spreads: Sequence[float]) -> Floats:
    """Return the best of a coarse grid of shapes."""
    sizes = [np.abs(depth).max(axis=1) for depth in seen.depths.values()]
    reach = max(int((size > FADED_LEVELS).sum()) for size in sizes)
    blurs = [b for b in START_BLURS if LEAST_REACH * reach - 2 <= b <= MOST_REACH * reach + 2]
    shapes = np.array(
        [
            (0.0, offset * blur, blur, spread * blur)
            for blur in blurs
            for offset in START_OFFSETS
            for spread in spreads
        ]
    )
    return np.asarray(shapes[int(np.argmin(samples.misfits(shapes)))])


def _refine(samples: _Samples, shape: Floats, moves: Floats) -> tuple[Floats, float]:
    """Move a shape in ever smaller steps as long as the fit gets better."""
    misfit = float(samples.misfits(shape[None])[0])
    for step in STEPS:
        if step > max(STEPS[-1], shape[2] / 2):
            continue
        for _ in range(MAX_MOVES):
            moved = shape + step * moves
            moved = moved[_are_plausible(moved)]
            misfits = samples.misfits(moved)
            best = int(np.argmin(misfits))
            if misfits[best] >= misfit:
                break
            shape, misfit = moved[best], float(misfits[best])
    return shape, misfit


def _are_plausible(shapes: Floats) -> NDArray[np.bool_]:
    """Tell which shapes soften an edge rather than move a box."""
    x, y, blur, spread = shapes.T
    aside = np.abs(x) <= MOST_ASIDE * blur
    soft = (blur >= MIN_BLUR) & (np.abs(spread) <= MOST_SPREAD * blur + 1)
    return np.asarray(soft & aside & (np.abs(y) <= FARTHEST * blur + 1))


def measure_shadows(scene: Scene) -> tuple[ShadowMeasurement, ...]:
    """Measure the shadows that the elements of a scene cast.

    Returns:
        The effective shadows in CSS pixels, those of most elements first.
    """
    casters = [
        index
        for index, element in enumerate(scene.elements)
        if index != ROOT
        and element.kind in CASTERS
        and min(element.box.width, element.box.height) >= MIN_SIDE_PX
    ]
    fits: list[Fit] = []
    known: dict[bytes, Fit | None] = {}
    for seen in Surroundings(scene).penumbras_of(casters):
        key = _key_of(seen)
        if key not in known:
            known[key] = fit_shadow(seen)
        fit = known[key]
        if fit is not None:
            fits.append(replace(fit, box=seen.box))
    found = (_sum_up(group, scene.dpr) for group in _group(fits))
    return tuple(shadow for shadow in found if shadow.confidence >= LEAST_CONFIDENCE)


def _key_of(seen: Penumbra) -> bytes:
    """Return what the fit of a shadow depends on."""
    size = min(seen.box.width, SMALL_PX), min(seen.box.height, SMALL_PX)
    sides = [depth.tobytes() + bytes([side]) for side, depth in seen.depths.items()]
    rest = repr((size, sorted(seen.gaps.items()), sorted(seen.joined), seen.ambient.tolist()))
    return b"".join(sides) + rest.encode()


def _group(fits: Sequence[Fit]) -> list[list[Fit]]:
    """Put fits of the same shadow together, those on most sides first; largest group first."""
    groups: list[list[Fit]] = []
    for fit in sorted(fits, key=lambda fit: (-fit.sides, fit.rms_levels)):
        group = next((group for group in groups if _are_same(group[0], fit)), None)
        if group is None:
            groups.append([fit])
        else:
            group.append(fit)
    return sorted(groups, key=lambda group: -len(group))


def _are_same(first: Fit, second: Fit) -> bool:
    apart = max(abs(first.x - second.x), abs(first.y - second.y))
    blur = max(SAME_PX, SAME_BLUR_SHARE * first.blur)
    return apart <= SAME_PX and abs(first.blur - second.blur) <= blur


def _sum_up(group: Sequence[Fit], dpr: float) -> ShadowMeasurement:
    """Return the measurement of fits of one shadow; the one seen best gives the values."""
    best = group[0]
    color, alpha = _color_of(best)
    confidence = SIDE_CONFIDENCE[best.sides] * (1 - best.rms_levels / (2 * MAX_RMS_LEVELS))
    return ShadowMeasurement(
        round(best.x / dpr, 2),
        round(best.y / dpr, 2),
        round(best.blur / dpr, 2),
        round(best.spread / dpr, 2),
        color,
        round(alpha, 3),
        len(group),
        tuple(fit.box for fit in group),
        round(max(0.05, confidence), 3),
    )


def _color_of(fit: Fit) -> tuple[str, float]:
    """Return a shadow's color and opacity.

    Depths only show their product: black where that explains them, else the color of the least
    opacity that does.
    """
    ambient = np.maximum(fit.ambient, 1)
    alpha = float(np.median(fit.depth / ambient))
    off = np.abs(fit.depth - alpha * fit.ambient).max()
    if 0 < alpha <= 1 and off <= max(BLACK_LEVELS, BLACK_SHARE * np.abs(fit.depth).max()):
        return "#000000", alpha
    room = np.where(fit.depth > 0, ambient, np.maximum(FULL_LEVEL - fit.ambient, 1))
    alpha = float(np.clip((np.abs(fit.depth) / room).max(), 0.01, 1))
    red, green, blue = np.clip(np.round(fit.ambient - fit.depth / alpha), 0, FULL_LEVEL)
    return f"#{int(red):02x}{int(green):02x}{int(blue):02x}", alpha
