"""Text styles: the sizes and weights a page is set in, summed up over its lines.

Each line's size carries its own uncertainty, so lines are united from the most certain on, and a
style's size is the mean of its lines weighted by what each is worth. It is told with the digits
that were measured, and never rounded to usual sizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from workers.measure.measurements import FamilyClass, TypographyMeasurement
from workers.measure.precision import tell
from workers.measure.scene import Scene, TextLine

# Lines whose sizes differ less than this (relative, and in CSS px) are set in one size: between
# two lines of one style, hinting and the letters at hand make about this much difference.
SAME_SIZE = 0.028
SAME_SIZE_PX = 0.3
# Weights closer than this are one: half of the step between two published weights, both ways.
SAME_WEIGHT = 90
# A style shows at least this many glyphs; fewer are icons and stray marks as often as letters.
STYLE_MIN_GLYPHS = 6
# The part of a line's size uncertainty that its own spread does not show (px).
SIZE_SD_FLOOR = 0.1
# Uncertain as a size may be, it is never told as the whole number beside its half.
TELL_MAX_PX = 0.25
# How far a baseline distance strays (CSS px): baselines are drawn on whole pixels.
PITCH_SD_PX = 0.25
# A line whose size is less certain than this (relative) joins a style, but does not make one.
UNCERTAIN = 0.05
# A style this much smaller than another is taken for strays of it when size and weight differ by
# no more than this: in standard deviations, and at most this part of the size.
ABSORB_SHARE = 0.35
ABSORB_SDS = 1.5
ABSORB_MAX = 0.05
ABSORB_WEIGHT = 60
# How sure a style is: few letters are often marks, and a style whose lines leave their size open
# by more than the spread that letters always have is often off. Fitted so that of the styles
# said with .9, nine in ten are within 2.5 % of the size and one step of the weight.
DOUBTED_GLYPHS = 2.5
USUAL_SPREAD = 0.01
SPREAD_DOUBT = 3.0


@dataclass(slots=True)
class _Style:
    lines: list[TextLine] = field(default_factory=list)
    worth: float = 0.0
    size: float = 0.0
    weight: float = 0.0
    glyphs: int = 0

    def add(self, line: TextLine, size: float, worth: float) -> None:
        total = self.worth + worth
        self.size += (size - self.size) * worth / total
        self.weight += (line.weight - self.weight) * worth / total
        self.worth = total
        self.take([line])

    def take(self, lines: Sequence[TextLine]) -> None:
        """Count lines in without learning from them."""
        self.lines += lines
        self.glyphs += sum(len(line.glyphs) for line in lines)

    @property
    def spread_px(self) -> float:
        """The mean uncertainty of its letters' size, in device pixels."""
        total = sum(len(line.glyphs) * line.size_sd_px for line in self.lines)
        return total / max(1, self.glyphs)

    @property
    def certain_glyphs(self) -> int:
        sure = (line for line in self.lines if line.size_sd_px <= UNCERTAIN * line.size_px)
        return sum(len(line.glyphs) for line in sure)


def measure_typography(scene: Scene) -> tuple[TypographyMeasurement, ...]:
    """Sum up a scene's lines into styles, most letters first."""
    styles: list[_Style] = []
    for line in sorted(scene.lines, key=lambda line: -_worth(line, scene.dpr)):
        size = line.size_px / scene.dpr
        style = _find(styles, size, line.weight)
        if style is None:
            style = _Style()
            styles.append(style)
        style.add(line, size, _worth(line, scene.dpr))
    styles.sort(key=lambda style: -style.glyphs)
    united = _absorb(styles, scene.dpr)
    kept = [style for style in united if style.certain_glyphs >= STYLE_MIN_GLYPHS]
    kept.sort(key=lambda style: -style.glyphs)
    return tuple(_measurement(style, scene.dpr) for style in kept)


def _absorb(styles: Sequence[_Style], dpr: float) -> list[_Style]:
    """Unite small styles with a much larger one that their own uncertainty does not exclude."""
    united: list[_Style] = []
    for style in styles:
        reach = min(ABSORB_SDS * style.spread_px / dpr, ABSORB_MAX * style.size)
        larger = (
            other
            for other in united
            if style.glyphs <= ABSORB_SHARE * other.glyphs
            and abs(other.size - style.size) <= max(reach, SAME_SIZE * style.size)
            and abs(other.weight - style.weight) <= ABSORB_WEIGHT
        )
        home = next(larger, None)
        if home is None:
            united.append(style)
        else:
            home.take(style.lines)  # its own lines know the size better
    return united


def _worth(line: TextLine, dpr: float) -> float:
    """Return what a line counts in its style: letters over the variance of its size."""
    sd = line.size_sd_px / dpr + SIZE_SD_FLOOR
    return len(line.glyphs) / (sd * sd)


def _find(styles: Sequence[_Style], size: float, weight: float) -> _Style | None:
    near = [
        style
        for style in styles
        if abs(style.size - size) <= max(SAME_SIZE * size, SAME_SIZE_PX)
        and abs(style.weight - weight) <= SAME_WEIGHT
    ]
    return min(near, key=lambda style: abs(style.size - size) / size, default=None)


def _measurement(style: _Style, dpr: float) -> TypographyMeasurement:
    heights = [line.line_height_px for line in style.lines if line.line_height_px is not None]
    families = dict.fromkeys(FamilyClass, 0)
    for line in style.lines:
        families[line.family] += len(line.glyphs)
    return TypographyMeasurement(
        size_px=tell(style.size, min(TELL_MAX_PX, style.spread_px / dpr + SIZE_SD_FLOOR)),
        weight=int(np.clip(round(style.weight / 100) * 100, 100, 900)),
        line_height_px=tell(float(np.median(heights)) / dpr, PITCH_SD_PX) if heights else None,
        family=max(FamilyClass, key=families.__getitem__),
        color_hex=f"#{_main_color(style.lines):06x}",
        chars=style.glyphs,
        count=len(style.lines),
        boxes=tuple(line.box for line in style.lines),
        confidence=round(_confidence(style), 3),
    )


def _main_color(lines: Sequence[TextLine]) -> int:
    counts: dict[int, int] = {}
    for line in lines:
        counts[line.color] = counts.get(line.color, 0) + len(line.glyphs)
    return max(counts, key=lambda color: counts[color])


def _confidence(style: _Style) -> float:
    glyphs = style.glyphs
    spread = sum(len(line.glyphs) * line.size_sd_px / line.size_px for line in style.lines) / max(
        1, glyphs
    )
    sharp = 1 - SPREAD_DOUBT * max(0.0, spread - USUAL_SPREAD)
    return max(0.0, glyphs / (glyphs + DOUBTED_GLYPHS) * sharp)
