"""The colors of a page, from the things that carry them.

Exact values only: averaging and clustering invent colors that nobody chose. A color is listed
because an area, a border or a line of text has it, and its roles say which.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shared.colorspace import oklab_of_srgb
from workers.measure.measurements import Box, ColorMeasurement, ColorRole, TextBackground
from workers.measure.preprocess import hex_of, unpack
from workers.measure.scene import ROOT, Element, ElementKind, Packed, Scene
from workers.measure.textcolors import find_text_colors

# Every how many-th row and column is counted for the shares: 1/9 of the pixels, errors under .1 %.
SHARE_STEP = 3
# A background color with no box of its own (an L-shaped page) shows on this part of the image.
LOOSE_SHARE = 0.002
# A loose color is a band of a gradient or a shadow when another one this near, in levels, shows
# on more than this part of its own area.
BAND_LEVELS, BAND_PART = 6, 0.2
# No band is this large a part of the image.
BAND_SHARE_MAX = 0.02
# A band this much of the page wide is background, not surface.
BAND_SHARE = 0.95
# Boxes up to this area in square CSS pixels are fills: buttons, badges, icons.
FILL_MAX_AREA = 12_000
# How surely a color is what the page's author chose, by what carries it: boxes are found by
# their color; borders may be blends with what lies below; icons are small and antialiased.
BOX_CONFIDENCE, BORDER_CONFIDENCE = 0.95, 0.9
ICON_CONFIDENCE, LOOSE_CONFIDENCE = 0.7, 0.6
# Colors nearer than this in OKLab look the same. A rare one that was not surely read is a blend.
SAME_COLOR = 0.008
SURE_CONFIDENCE = 0.9
SURE_USES = 3


@dataclass(frozen=True, slots=True)
class _Histogram:
    """Packed colors in rising order and how many pixels show each, estimated from a lattice."""

    colors: Packed
    counts: NDArray[np.int64]

    def count(self, color: int) -> int:
        """Return how many pixels show one color."""
        at = int(np.searchsorted(self.colors, color))
        return int(self.counts[at]) if at < len(self.colors) and self.colors[at] == color else 0


@dataclass(slots=True)
class _Use:
    """Where one color was found."""

    roles: Counter[ColorRole] = field(default_factory=Counter)
    boxes: list[Box] = field(default_factory=list)
    confidence: float = 0.0
    pixels: int = 0
    on: list[TextBackground] = field(default_factory=list)

    def add(self, role: ColorRole, weight: int, box: Box, confidence: float) -> None:
        """Count one more place; ``weight`` is its size in pixels."""
        self.roles[role] += weight
        self.boxes.append(box)
        self.confidence = max(self.confidence, confidence)


def measure_colors(scene: Scene) -> tuple[ColorMeasurement, ...]:
    """List the colors of backgrounds, boxes, borders and text, largest share first."""
    uses: dict[int, _Use] = {}
    for element in scene.elements:
        _add_element(uses, element, scene)
    for found in find_text_colors(scene):
        use = uses.setdefault(found.color, _Use(pixels=found.pixels))
        use.on.append(TextBackground(hex_of(found.background), len(found.boxes), found.large))
        for box in found.boxes:
            use.add(ColorRole.TEXT, found.pixels, box, found.confidence)
    _add_loose(uses, scene)
    histogram = _count(scene.packed)
    kept = _without_duplicates(uses)
    measured = [_measure(color, kept[color], histogram, scene.packed.size) for color in kept]
    return tuple(sorted(measured, key=lambda color: -color.share))


def _add_element(uses: dict[int, _Use], element: Element, scene: Scene) -> None:
    """Count the fill and the border of one element."""
    box = element.box
    if element.fill is not None:
        sure = ICON_CONFIDENCE if element.kind is ElementKind.ICON else BOX_CONFIDENCE
        use = uses.setdefault(element.fill, _Use())
        use.add(_role_of(element, scene), box.area, box, sure)
    if element.border is not None:
        weight = 2 * (box.width + box.height)
        use = uses.setdefault(element.border.color, _Use())
        use.add(ColorRole.BORDER, weight, box, BORDER_CONFIDENCE)


def _role_of(element: Element, scene: Scene) -> ColorRole:
    """Tell what an element's fill serves as."""
    if element.kind is ElementKind.DIVIDER:
        return ColorRole.BORDER
    if element.kind is ElementKind.ICON:
        return ColorRole.FILL
    if element.parent < 0 or element.box.width >= BAND_SHARE * scene.packed.shape[1]:
        return ColorRole.BACKGROUND
    small = element.box.area <= FILL_MAX_AREA * scene.dpr**2
    return ColorRole.FILL if small else ColorRole.SURFACE


def _add_loose(uses: dict[int, _Use], scene: Scene) -> None:
    """Count large areas without a box of their own, unless they are bands of something soft."""
    histogram = _count_flat(scene.background)
    shares = histogram.counts / scene.packed.size
    red, green, blue = (histogram.colors >> shift & 255 for shift in (16, 8, 0))
    levels = np.stack([red, green, blue], axis=1).astype(np.int32)
    for index in np.flatnonzero(shares >= LOOSE_SHARE):
        color, share = int(histogram.colors[index]), float(shares[index])
        off = np.abs(levels - levels[index]).max(axis=1)
        beside = shares[(off > 0) & (off <= BAND_LEVELS)].max(initial=0)
        band = beside > BAND_PART * share and share < BAND_SHARE_MAX
        if color not in uses and not band:
            page, count = scene.elements[ROOT].box, int(histogram.counts[index])
            uses[color] = _Use()
            uses[color].add(ColorRole.SURFACE, count, page, LOOSE_CONFIDENCE)


def _count(packed: Packed) -> _Histogram:
    """Count the colors on a lattice."""
    sample = packed[::SHARE_STEP, ::SHARE_STEP]
    colors, counts = np.unique(sample, return_counts=True)
    return _Histogram(colors, (counts * (packed.size / sample.size)).round().astype(np.int64))


def _count_flat(packed: Packed) -> _Histogram:
    """Count the colors of areas: of pixels that those to the right and below repeat.

    The corners of many equal boxes repeat their blends, but never side by side.
    """
    here = packed[:-1:SHARE_STEP, :-1:SHARE_STEP]
    flat = here == packed[:-1:SHARE_STEP, 1::SHARE_STEP]
    flat &= here == packed[1::SHARE_STEP, :-1:SHARE_STEP]
    colors, counts = np.unique(here[flat], return_counts=True)
    return _Histogram(colors, (counts * (packed.size / max(1, here.size))).round().astype(int))


def _without_duplicates(uses: dict[int, _Use]) -> dict[int, _Use]:
    """Drop rare colors, read off few pixels, that look like a more used one."""
    order = sorted(uses, key=lambda color: -sum(uses[color].roles.values()))
    lab = np.array([oklab_of_srgb(unpack(color)) for color in order]).reshape(-1, 3)
    kept: list[int] = []
    for at, color in enumerate(order):
        use = uses[color]
        sure = use.confidence >= SURE_CONFIDENCE or len(use.boxes) >= SURE_USES
        if sure or (np.linalg.norm(lab[kept] - lab[at], axis=1) >= SAME_COLOR).all():
            kept.append(at)
    return {order[at]: uses[order[at]] for at in kept}


def _measure(color: int, use: _Use, histogram: _Histogram, size: int) -> ColorMeasurement:
    """Make a measurement of one color's uses."""
    roles = tuple(role for role, _ in use.roles.most_common())
    share = max(histogram.count(color), use.pixels) / size
    return ColorMeasurement(
        hex_of(color),
        round(share, 6),
        roles,
        len(use.boxes),
        tuple(use.boxes),
        round(use.confidence, 3),
        tuple(sorted(use.on, key=lambda seen: (-seen.count, seen.hex))),
    )
