"""The rules behind a set's values: spacing's base unit, the ratio of type sizes, elevation.

Each rule is a hypothesis: values fall onto its lattice more often than they would by chance. With
shares ``f`` of all evidence on parts that chance meets with ``p``, the log-likelihood gained over
chance is the evidence times the Kullback-Leibler divergence of the two (the G-test: Sokal & Rohlf,
Biometry, 1981, ch. 17). The rule that gains most wins, which favours a coarse one unless too much
lies off it; its confidence is its share of the posterior. Beforehand chance is as probable as all
rules together, and one rule as another.

The even steps of a base are the steps of a base twice as large, and designs like them more. They
are a part of their own, so that 4 is told from 8 by whether its odd steps are used on purpose.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

from shared.tokens import (
    Dimension,
    Scale,
    Scales,
    Shadow,
    Token,
    Tokens,
    Typography,
)

# Base units that design systems build on.
BASES_PX = (4.0, 5.0, 6.0, 8.0, 10.0)
# The named ratios of modular scales, from the minor second to the golden section.
RATIOS = (1.067, 1.125, 1.2, 1.25, 1.333, 1.414, 1.5, 1.618)
# Lengths are whole pixels that were rounded once: nearer than this is on the lattice.
NEAR_PX = 0.5
# Distances beyond this are a page's layout: that they are multiples says nothing of a scale.
MOST_SPACING_PX = 128.0
# Sizes are measured about as finely; chance is judged by steps of this.
_SIZE_STEP_PX = 0.5
# A rule through fewer different values than this would be one through any.
_FEWEST_VALUES = 3
# A rule is told when it is more probable than all others together, chance among them.
LEAST_CONFIDENCE = 1 / 2
# A share less than this is none; sums of floats leave as much.
_NIL = 1e-12


@dataclass(frozen=True, slots=True)
class _Point:
    """A token's name, its length, its uses and what it weighs as evidence beside the others.

    Each value is one piece of evidence, however often it is used: uses repeat each other. It
    weighs as much as it is sure.
    """

    name: str
    px: float
    usage: int
    weight: float
    confirmed: bool


@dataclass(frozen=True, slots=True)
class _Rule:
    """A hypothesis: which step of its lattice a length is on, and what chance would meet.

    ``chances`` are those of the even and of the odd steps. A lattice laid through a length says
    nothing by covering it: that is ``given``.
    """

    base_px: float
    ratio: float | None
    step: Callable[[float], int | None]
    chances: tuple[float, float]
    given: float | None = None

    def gain(self, points: Sequence[_Point]) -> float:
        """Return the log-likelihood gained over chance.

        It is 0 where the odd steps gain nothing, and where most of the evidence is off its steps.
        """
        told = [point for point in points if point.px != self.given]
        total = sum(point.weight for point in told)
        weights = [0.0, 0.0]
        for point in told:
            if (step := self.step(point.px)) is not None:
                weights[step % 2] += point.weight
        even, odd = (weight / total for weight in weights)
        if odd <= self.chances[1] or even + odd <= 1 / 2:
            return 0.0
        parts = zip(
            (even, odd, 1 - even - odd), (*self.chances, 1 - sum(self.chances)), strict=True
        )
        kept = (share * log(share / chance) for share, chance in parts if share > _NIL)
        return len(told) * sum(kept)


def infer_scales(tokens: Tokens) -> Scales:
    """Return the rules that the tokens of a job's set follow.

    All tokens are evidence, as much as they are sure; steps and outliers are confirmed tokens.
    """
    return Scales(
        spacing=_infer_spacing(tokens.spacing),
        typography=_infer_type(tokens.typography),
        elevation=_order_elevation(tokens.shadow),
    )


def nearest_step(scale: Scale, px: float) -> float:
    """Return the length on a scale with a base that is nearest to another, in pixels.

    Of a scale with a ratio it is the nearest power, to a tenth of a pixel.
    """
    base_px = scale.base_px or px
    if scale.ratio is None:
        return base_px * max(1, round(px / base_px))
    return round(base_px * scale.ratio ** round(log(px / base_px) / log(scale.ratio)), 1)


def _infer_spacing(tokens: Iterable[Token[Dimension]]) -> Scale:
    points = [_point(token, token.value) for token in tokens]
    rules = [_multiples(base) for base in BASES_PX]
    return _choose(rules, [point for point in points if 0 < point.px <= MOST_SPACING_PX])


def _infer_type(tokens: Sequence[Token[Typography]]) -> Scale:
    points = [_point(token, token.value.font_size) for token in tokens]
    if not points:
        return Scale()
    body_px = max(points, key=lambda point: (point.usage, -point.px)).px
    sizes = [point.px for point in points]
    rules = [_powers(body_px, ratio, min(sizes), max(sizes)) for ratio in RATIOS]
    return _choose(rules, points)


def _point(token: Token[Any], length: Dimension) -> _Point:
    return _Point(token.name, length.px, token.usage, token.confidence, token.confirmed)


def _multiples(base_px: float) -> _Rule:
    """Return the rule of whole multiples; of whole pixels, chance meets one in ``base_px``."""

    def step(px: float) -> int | None:
        nearest = max(1, round(px / base_px))
        return nearest if abs(px - base_px * nearest) < NEAR_PX else None

    return _Rule(base_px, None, step, (1 / base_px / 2, 1 / base_px / 2))


def _powers(body_px: float, ratio: float, least_px: float, most_px: float) -> _Rule:
    """Return the rule of a body size times whole powers of a ratio."""

    def step(px: float) -> int | None:
        nearest = round(log(px / body_px) / log(ratio))
        return nearest if abs(px - body_px * ratio**nearest) < NEAR_PX else None

    count = round((most_px - least_px) / _SIZE_STEP_PX) + 1
    met = [step(least_px + _SIZE_STEP_PX * place) for place in range(count)]
    odd = sum(each % 2 for each in met if each is not None)
    even = sum(each is not None for each in met) - odd
    return _Rule(body_px, ratio, step, (even / count, odd / count), body_px)


def _choose(rules: Sequence[_Rule], points: Sequence[_Point]) -> Scale:
    """Return the scale of the rule that gains most, an empty one where chance does as well."""
    if len({point.px for point in points}) < _FEWEST_VALUES:
        return Scale()
    gains = [rule.gain(points) for rule in rules]
    if not (best := max(gains)):
        return Scale()
    # Chance gains nothing, and is as probable beforehand as all rules together.
    confidence = 1 / (len(rules) * exp(-best) + sum(exp(gain - best) for gain in gains if gain))
    if confidence < LEAST_CONFIDENCE:
        return Scale()
    rule = rules[gains.index(best)]
    confirmed = (point for point in points if point.confirmed)
    ordered = sorted(confirmed, key=lambda point: (point.px, point.name))
    return Scale(
        base_px=rule.base_px,
        ratio=rule.ratio,
        confidence=round(confidence, 4),
        steps=tuple(point.name for point in ordered if rule.step(point.px) is not None),
        outliers=tuple(point.name for point in ordered if rule.step(point.px) is None),
    )


def _order_elevation(tokens: Iterable[Token[Shadow]]) -> tuple[str, ...]:
    """Return the names of outer shadows, the lowest first: what is higher casts a softer shadow.

    Source: Material Design's elevation, where blur grows with height, then the offset downward.
    """
    outer = (token for token in tokens if not token.value.inset)
    return tuple(token.name for token in sorted(outer, key=_height))


def _height(token: Token[Shadow]) -> tuple[float | str, ...]:
    shadow = token.value
    depth = (shadow.blur.value, abs(shadow.offset_y.value), shadow.spread.value)
    return *depth, shadow.color.alpha, token.name
