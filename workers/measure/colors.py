"""The colors of a page, from the things that carry them.

Exact values only: averaging and clustering invent colors that nobody chose. A color is listed
because an area, a border or a line of text has it, and its roles say which.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workers.measure.colorspace import oklab_of_srgb
from workers.measure.measurements import Box, ColorMeasurement, ColorRole
from workers.measure.preprocess import hex_of, unpack
from workers.measure.scene import ROOT, Element, ElementKind, Packed, Scene, TextLine

# Every how many-th row and column is counted for the shares: 1/4 of the pixels, errors under .1 %.
SHARE_STEP = 2
# A background color with no box of its own (an L-shaped page) shows on this part of the image.
LOOSE_SHARE = 0.002
# A loose color is a band of a gradient or a shadow when another one this near, in levels, shows
# on more than this part of its own area.
BAND_LEVELS, BAND_PART = 6, 0.2
# No band is this large a part of the image.
BAND_SHARE_MAX = 0.02
# Text shows its color on at least as many pixels, in all lines together, per device ratio.
TEXT_MIN_PIXELS = 3
# A band this much of the page wide is background, not surface.
BAND_SHARE = 0.95
# Boxes up to this area in square CSS pixels are fills: buttons, badges, icons.
FILL_MAX_AREA = 12_000
# Colors nearer than this in OKLab look the same; the rarer of two is a blend or a rounding.
SAME_COLOR = 0.008
# Used more often than this, a near duplicate is a color of its own.
DUPLICATE_MAX_USES = 2
UNSURE_ROLES = {ColorRole.TEXT, ColorRole.FILL}
# Text whose color lies this far along another's line from the same background is that color,
# thinly drawn: strokes under a pixel wide never reach full coverage.
THIN_REACH = (0.6, 0.999)
THIN_COSINE = 0.9985
THIN_CONFIDENCE = 0.8


@dataclass(slots=True)
class _Use:
    """Where one color was found."""

    roles: Counter[ColorRole] = field(default_factory=Counter)
    boxes: list[Box] = field(default_factory=list)
    confidence: float = 0.0

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
    _add_text(uses, scene)
    _add_loose(uses, scene)
    counts = _count(scene.packed)
    kept = _without_duplicates(uses)
    measured = [_measure(color, kept[color], counts, scene.packed.size) for color in kept]
    return tuple(sorted(measured, key=lambda color: -color.share))


def _add_element(uses: dict[int, _Use], element: Element, scene: Scene) -> None:
    """Count the fill and the border of one element."""
    box = element.box
    if element.fill is not None:
        role = _role_of(element, scene)
        uses.setdefault(element.fill, _Use()).add(role, box.area, box, 0.95)
    if element.border is not None:
        weight = 2 * (box.width + box.height)
        use = uses.setdefault(element.border.color, _Use())
        use.add(ColorRole.BORDER, weight, box, 0.9)


def _add_text(uses: dict[int, _Use], scene: Scene) -> None:
    """Count the colors of text lines that enough pixels show."""
    lines = _unthinned(scene.lines)
    pixels: Counter[int] = Counter()
    for line in lines:
        box = line.box
        ink = scene.packed[box.y : box.bottom, box.x : box.right]
        pixels[line.color] += int(np.count_nonzero(ink == line.color))
    for line in lines:
        if pixels[line.color] >= TEXT_MIN_PIXELS * scene.dpr:
            use = uses.setdefault(line.color, _Use())
            use.add(ColorRole.TEXT, line.box.area // 4, line.box, line.color_confidence)


def _add_loose(uses: dict[int, _Use], scene: Scene) -> None:
    """Count large areas without a box of their own, unless they are bands of something soft."""
    counts = _count(scene.background)
    large = [c for c, count in counts.items() if count >= LOOSE_SHARE * scene.packed.size]
    levels = np.array([unpack(color) for color in counts])
    amounts = np.array(list(counts.values()))
    for color in large:
        off = np.abs(levels - unpack(color)).max(axis=1)
        beside = amounts[(off > 0) & (off <= BAND_LEVELS)]
        band = (beside > BAND_PART * counts[color]).any()
        if color in uses or (band and counts[color] < BAND_SHARE_MAX * scene.packed.size):
            continue
        use = uses.setdefault(color, _Use())
        use.add(ColorRole.SURFACE, counts[color], scene.elements[ROOT].box, 0.6)


def _role_of(element: Element, scene: Scene) -> ColorRole:
    if element.kind is ElementKind.DIVIDER:
        return ColorRole.BORDER
    if element.kind is ElementKind.ICON:
        return ColorRole.FILL
    if element.parent < 0 or element.box.width >= BAND_SHARE * scene.packed.shape[1]:
        return ColorRole.BACKGROUND
    small = element.box.area <= FILL_MAX_AREA * scene.dpr**2
    return ColorRole.FILL if small else ColorRole.SURFACE


def _unthinned(lines: Iterable[TextLine]) -> list[TextLine]:
    """Leave out lines in a weaker version of another line's color on the same background."""
    kept: list[TextLine] = []
    strong: dict[int | None, list[NDArray[np.int32]]] = {}
    for line in sorted(lines, key=lambda line: -line.color_confidence):
        if line.background is None:
            kept.append(line)
            continue
        offset = unpack(line.color) - unpack(line.background)
        known = strong.setdefault(line.background, [])
        if line.color_confidence < THIN_CONFIDENCE and _is_thin(offset, known):
            continue
        known.append(offset)
        kept.append(line)
    return kept


def _is_thin(offset: NDArray[np.int32], known: list[NDArray[np.int32]]) -> bool:
    length = float(np.linalg.norm(offset))
    for other in known:
        reach = float(np.linalg.norm(other))
        cosine = float(offset @ other) / max(1e-6, length * reach)
        if THIN_REACH[0] < length / max(1e-6, reach) < THIN_REACH[1] and cosine > THIN_COSINE:
            return True
    return False


def _count(packed: Packed) -> dict[int, int]:
    """Return how many pixels show each color, estimated from a lattice."""
    sample = packed[::SHARE_STEP, ::SHARE_STEP]
    colors, counts = np.unique(sample, return_counts=True)
    factor = packed.size / sample.size
    return {int(color): round(n * factor) for color, n in zip(colors, counts, strict=True)}


def _without_duplicates(uses: dict[int, _Use]) -> dict[int, _Use]:
    """Drop rare colors, read off few pixels, that look like a more used one."""
    order = sorted(uses, key=lambda color: -sum(uses[color].roles.values()))
    lab = {color: oklab_of_srgb(unpack(color)) for color in order}
    kept: dict[int, _Use] = {}
    for color in order:
        use = uses[color]
        unsure = set(use.roles) <= UNSURE_ROLES and len(use.boxes) <= DUPLICATE_MAX_USES
        if not unsure or all(np.linalg.norm(lab[color] - lab[k]) >= SAME_COLOR for k in kept):
            kept[color] = use
    return kept


def _measure(color: int, use: _Use, counts: dict[int, int], size: int) -> ColorMeasurement:
    roles = tuple(role for role, _ in use.roles.most_common())
    share = counts.get(color, 0) / size
    boxes = tuple(use.boxes)
    return ColorMeasurement(
        hex_of(color), round(share, 6), roles, len(boxes), boxes, round(use.confidence, 3)
    )
