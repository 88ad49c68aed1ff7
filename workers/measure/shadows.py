"""Shadows: the box shadow that draws what lies outside an element's sides.

Offset, blur and spread of one shadow are fitted to all the sides that can be seen; its color
follows by least squares. What one shadow does not explain is taken for two or three layers of one
``box-shadow``, each of which is reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from workers.measure.blur import BLUR_STEP_PX, BOX_MIN_SIGMA
from workers.measure.layers import fit_layers
from workers.measure.measurements import Box, ShadowMeasurement
from workers.measure.penumbra import MIN_LENGTH, MIN_SIDE_PX, Penumbra, Surroundings
from workers.measure.precision import tell
from workers.measure.scene import ROOT, ElementKind, Scene
from workers.measure.shade import MIN_SIDES, NO_END_REACHES, fit_shape, lengths_of, reach_of
from workers.measure.sides import Side

Floats = NDArray[np.float64]

# What casts shadows; dividers are too thin, icons have none of their own.
CASTERS = {ElementKind.CONTAINER, ElementKind.GRADIENT, ElementKind.PICTURE}
# A shadow must be this strong beside the element, in levels, and fall over two pixels at least.
MIN_DEPTH_LEVELS = 2.0
SOFT_DEPTH_LEVELS = 1.0
# Rounding leaves .3 levels; a layered shadow seen as one leaves a little of its depth.
MAX_RMS_LEVELS = 0.8
MAX_RMS_SHARE = 0.05
# A fit this bad may be spoilt by a ring; leaving the ring out must bring it down to this part.
RING_RMS_LEVELS = 0.5
RING_GAIN = 0.6
# Below a bar a first pixel this much deeper than the second is no ring of the bar.
MOST_RING = 2.0
# Layers seen as one leave more than this.
LAYERED_RMS_LEVELS = 0.45
LAYERED_GAIN = 0.6
# Layers leave no more than rounding each does; what leaves more is something else.
MAX_LAYERED_RMS_LEVELS = 0.55
# A shadow hides less than this of what it falls on.
MAX_ALPHA = 0.75
# A color other than black must be this far, in levels, from explaining the depths as black.
BLACK_LEVELS = 1.2
BLACK_SHARE = 0.06
FULL_LEVEL = 255
# How far a fit to so many sides is believed at best, and what is not believed at all.
SIDE_CONFIDENCE = {1: 0.5, 2: 0.6, 3: 0.8, 4: 0.95}
LEAST_CONFIDENCE = 0.3
# Shadows nearer than this, in pixels and as part of the blur, are one.
SAME_PX = 1.0
SAME_BLUR_SHARE = 0.25
# How far fitted lengths stray (CSS px): levels are whole, so the fit's minimum is flat.
LENGTH_SD_PX = 0.25


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
    known: dict[bytes, list[Fit]] = {}
    for seen in Surroundings(scene).penumbras_of(casters):
        key = _key_of(seen)
        if key not in known:
            known[key] = fit_shadow(seen)
        fits += [replace(fit, box=seen.box) for fit in known[key]]
    found = (_sum_up(group, scene.dpr) for group in _group(fits))
    return tuple(shadow for shadow in found if shadow.confidence >= LEAST_CONFIDENCE)


def fit_shadow(seen: Penumbra) -> list[Fit]:
    """Fit the shadow, or the layers of it, that an element's sides show.

    Returns:
        No fit where there is no shadow or nothing explains it.
    """
    one = _fit_one(seen)
    if one is not None and one.rms_levels <= LAYERED_RMS_LEVELS:
        return [one]
    found = [fits for version in _by_neighbours(seen) if (fits := _fit_layers(version))]
    several = min(found, key=lambda fits: fits[0].rms_levels, default=[])
    if several and (one is None or several[0].rms_levels <= LAYERED_GAIN * one.rms_levels):
        return several
    return [] if one is None else [one]


def _fit_one(seen: Penumbra) -> Fit | None:
    """Fit one shadow, leaving out what does not belong to it.

    A neighbour may cast none; a border that was taken for the ground, or a ring around the box,
    spoils its first pixels; a side on something unseen spoils the others.
    """
    best: Fit | None = None
    for version in (*_by_neighbours(seen), *_without_ring(seen)):
        fit = _fit_sides(version)
        if fit is not None and (best is None or fit.rms_levels < RING_GAIN * best.rms_levels):
            best = fit
        if best is not None and best.rms_levels <= RING_RMS_LEVELS:
            return best
    if best is not None or len(seen.depths) <= MIN_SIDES:
        return best
    fits = (_fit_sides(_without(seen, side)) for side in seen.depths)
    found = [fit for fit in fits if fit is not None]
    return min(found, key=lambda fit: fit.rms_levels, default=None)


def _fit_layers(seen: Penumbra) -> list[Fit]:
    """Fit two or three layers to all the sides given; nothing where they do not explain them."""
    if len(seen.depths) <= MIN_SIDES or not _is_soft(seen):
        return []
    layers = fit_layers(seen)
    if layers is None or layers.rms_levels > MAX_LAYERED_RMS_LEVELS:
        return []
    fits = []
    for shape, depth in zip(layers.shapes, layers.depths, strict=True):
        if not _is_possible(depth, seen.ambient):
            return []
        x, y, blur, spread = (float(value) for value in lengths_of(shape))
        rms, sides = layers.rms_levels, len(seen.depths)
        fits.append(Fit(x, y, blur, spread, depth, seen.ambient, rms, sides, seen.box))
    return fits


def _by_neighbours(seen: Penumbra) -> tuple[Penumbra, ...]:
    """Return what was seen, with the shadows of neighbours like it and without."""
    return (seen, replace(seen, gaps={})) if seen.gaps else (seen,)


def _without(seen: Penumbra, left: Side) -> Penumbra:
    """Return the same without a side."""
    depths = {side: depth for side, depth in seen.depths.items() if side is not left}
    gaps = {side: gap for side, gap in seen.gaps.items() if side is not left}
    return replace(seen, depths=depths, gaps=gaps)


def _without_ring(seen: Penumbra) -> tuple[Penumbra, ...]:
    """Return the same without the first pixel of each side, which joins the box, if it may."""
    if seen.spans:
        ((first, second, *_),) = (np.abs(depth).max(axis=1) for depth in seen.depths.values())
        if first > MOST_RING * second:
            return ()  # the next thing's border, whose own shading follows
    box = seen.box
    grown = Box(box.x - 1, box.y - 1, box.width + 2, box.height + 2)
    depths = {side: depth[1:] for side, depth in seen.depths.items() if len(depth) > MIN_LENGTH}
    gaps = {side: gap - 1 for side, gap in seen.gaps.items() if side in depths}
    return (replace(seen, box=grown, depths=depths, gaps=gaps),)


def _fit_sides(seen: Penumbra) -> Fit | None:
    """Fit one shadow to all the sides given."""
    if not seen.depths or not _is_soft(seen):
        return None
    if len(seen.depths) < MIN_SIDES and not seen.spans:
        return None
    if Side.TOP not in seen.depths and Side.BOTTOM not in seen.depths:
        return None  # nothing shows how far it is moved down
    fit = fit_shape(seen)
    rms, depth = fit.rms_levels, fit.depth
    strongest = max(float(np.abs(one).max()) for one in seen.depths.values())
    one_side = len(seen.depths) < MIN_SIDES
    if rms > (RING_RMS_LEVELS if one_side else max(MAX_RMS_LEVELS, MAX_RMS_SHARE * strongest)):
        return None
    if not _is_possible(depth, seen.ambient):
        return None
    x, y, blur, spread = (float(value) for value in lengths_of(fit.shape))
    return Fit(x, y, blur, spread, depth, seen.ambient, rms, len(seen.depths), seen.box)


def _is_possible(depth: Floats, ambient: Floats) -> bool:
    """Tell whether a translucent color takes so much off what it falls on."""
    if depth.min() < -1 and depth.max() > 1:
        return False  # no color darkens one channel and lightens another
    lighter, darker = MAX_ALPHA * (FULL_LEVEL - ambient), MAX_ALPHA * ambient
    return not (np.any(depth > darker + 1) or np.any(-depth > lighter + 1))


def _is_soft(seen: Penumbra) -> bool:
    """Tell whether the strongest side falls over two pixels or more."""
    strongest = max(seen.depths.values(), key=lambda depth: float(np.abs(depth).sum()))
    size = np.abs(strongest).max(axis=1)
    return bool(size[0] >= MIN_DEPTH_LEVELS and size[1] >= SOFT_DEPTH_LEVELS)


def _key_of(seen: Penumbra) -> bytes:
    """Return what the fit of a shadow depends on."""
    seen_px = NO_END_REACHES * reach_of(seen) + 1
    size = min(seen.box.width, seen_px), min(seen.box.height, seen_px)
    radius = round(seen.radius_px) if min(size) < seen_px else 0
    sides = [depth.tobytes() + bytes([side]) for side, depth in seen.depths.items()]
    rest = (size, radius, sorted(seen.gaps.items()), sorted(seen.joined), seen.ambient.tolist())
    return b"".join(sides) + repr(rest).encode()


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
        tell(best.x / dpr, LENGTH_SD_PX),
        tell(best.y / dpr, LENGTH_SD_PX),
        tell(best.blur / dpr, _blur_sd_px(best.blur) / dpr),
        tell(best.spread / dpr, LENGTH_SD_PX),
        color,
        round(alpha, 3),
        len(group),
        tuple(fit.box for fit in group),
        round(max(0.05, confidence), 3),
    )


def _blur_sd_px(blur_px: float) -> float:
    """Return how far a blur may be off: box widths lie farther apart than Gaussians."""
    return BLUR_STEP_PX if blur_px >= 2 * BOX_MIN_SIGMA else LENGTH_SD_PX


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
