"""The colors of text: which of the lines' colors were chosen, and which only look thinner.

Strokes under a pixel wide never show their color in full, so small text in one color reads as
several paler ones. A paler color is real when many pixels agree on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.blends import Blend, find_blends
from workers.measure.measurements import Box, Path
from workers.measure.preprocess import unpack
from workers.measure.scene import Scene, TextLine

# Text shows its color on at least as many pixels, in all lines together, per device ratio.
MIN_PIXELS = 6
# Below this no pixel mode of a line is trusted, however many pixels there are.
MIN_CONFIDENCE = 0.17
# Text whose color lies this far along another's line from the same background, in nearly the
# same direction, may be that color, thinly drawn.
THIN_REACH = (0.5, 0.999)
THIN_COSINE = 0.998
# It is one where its pixels agree less than this, or are so few.
THIN_CONFIDENCE = 0.4
THIN_PIXELS = 12
# How surely the blends of noisy text tell its color when many pixels do, and how many are many.
BLEND_CONFIDENCE = 0.75
BLEND_PIXELS = 30
# Large text: 18 pt, or 14 pt in bold. https://www.w3.org/TR/WCAG22/#dfn-large-scale
LARGE_PX, LARGE_BOLD_PX, BOLD = 24, 18.66, 700


@dataclass(frozen=True, slots=True)
class TextColor:
    """One color of text: exact pixels, its lines, and how surely the pixels agree on it.

    ``large`` counts the lines that are large text.
    """

    color: int
    background: int
    pixels: int
    boxes: tuple[Box, ...]
    confidence: float
    large: int


def find_text_colors(scene: Scene) -> list[TextColor]:
    """Return the colors of the scene's text, the surest first, without thin versions."""
    return _find_exact(scene) if scene.path is Path.EXACT else _find_blended(scene)


def _find_blended(scene: Scene) -> list[TextColor]:
    """Return the colors that noise has moved, told by what lines add to their backgrounds."""
    areas = {element.fill for element in scene.elements if element.fill is not None}
    return [_text_color(scene, blend) for blend in find_blends(scene, areas)]


def _text_color(scene: Scene, blend: Blend) -> TextColor:
    boxes = tuple(line.box for line in blend.lines)
    behind = blend.lines[0].background
    sure = blend.pixels / (blend.pixels + BLEND_PIXELS)
    confidence, large = BLEND_CONFIDENCE * sure, _count_large(scene, blend.lines)
    return TextColor(blend.color, behind or 0, blend.pixels, boxes, confidence, large)


def _count_large(scene: Scene, lines: Iterable[TextLine]) -> int:
    """Count the lines of large text, for which WCAG 2.2 asks less contrast."""
    return sum(
        line.size_px >= scene.dpr * (LARGE_BOLD_PX if line.weight >= BOLD else LARGE_PX)
        for line in lines
    )


def _find_exact(scene: Scene) -> list[TextColor]:
    """Return the colors on which the pixels of lines agree."""
    lines: dict[tuple[int, int], list[TextLine]] = {}
    for line in scene.lines:
        lines.setdefault((line.color, _background(scene, line)), []).append(line)
    found = [_sum_up(scene, *key, group) for key, group in lines.items()]
    kept: list[TextColor] = []
    for one in sorted(found, key=lambda color: (-color.confidence, -color.pixels)):
        enough = one.pixels >= MIN_PIXELS * scene.dpr and one.confidence >= MIN_CONFIDENCE
        weak = one.confidence < THIN_CONFIDENCE or one.pixels < THIN_PIXELS * scene.dpr
        if enough and not (weak and any(_is_thinner(one, other) for other in found)):
            kept.append(one)
    return kept


def _background(scene: Scene, line: TextLine) -> int:
    """Return the most common color behind a line."""
    if line.background is not None:
        return line.background
    behind = scene.background[line.box.y : line.box.bottom, line.box.x : line.box.right]
    colors, counts = np.unique(behind, return_counts=True)
    return int(colors[counts.argmax()])


def _sum_up(scene: Scene, color: int, background: int, lines: Sequence[TextLine]) -> TextColor:
    """Count the pixels that show a color in its lines."""
    pixels = 0
    for line in lines:
        ink = scene.packed[line.box.y : line.box.bottom, line.box.x : line.box.right]
        pixels += int(np.count_nonzero(ink == color))
    confidence = max(line.color_confidence for line in lines)
    boxes, large = tuple(line.box for line in lines), _count_large(scene, lines)
    return TextColor(color, background, pixels, boxes, confidence, large)


def _is_thinner(thin: TextColor, strong: TextColor) -> bool:
    """Tell whether one color may be another drawn with thinner strokes."""
    if thin.background != strong.background or thin.color == strong.color:
        return False
    background = unpack(thin.background)
    first: NDArray[np.int32] = unpack(thin.color) - background
    second: NDArray[np.int32] = unpack(strong.color) - background
    length, reach = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if not THIN_REACH[0] * reach < length < THIN_REACH[1] * reach:
        return False
    return float(first @ second) > THIN_COSINE * length * reach
