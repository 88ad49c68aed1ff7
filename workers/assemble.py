"""Measurements and their names joined into an image's token set. Values are measured, always.

Candidates that Claude named keep those names, all others are named by rule.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.tokens import (
    ROOT_FONT_SIZE_PX,
    Box,
    Color,
    Dimension,
    Gradient,
    GradientStop,
    Shadow,
    Source,
    TextOn,
    Token,
    Tokens,
    TokenType,
    Typography,
)
from workers.measure import measurements as measured
from workers.measure.measurements import FamilyClass, Measurements
from workers.names import LETTERS, OTHER, Name, NameBook, Naming, name_by_rule

TOKEN_CLASSES: Mapping[TokenType, Callable[..., Token[Any]]] = {
    TokenType.COLOR: Token[Color],
    TokenType.SPACING: Token[Dimension],
    TokenType.TYPOGRAPHY: Token[Typography],
    TokenType.SHADOW: Token[Shadow],
    TokenType.GRADIENT: Token[Gradient],
    TokenType.RADIUS: Token[Dimension],
}
# The finest that exports write, far finer than anything that pixels show.
_DECIMALS = 4
# Glyphs do not tell a size more finely than this.
_SIZE_DECIMALS = 1
# Tailwind takes a spacing of these names for a width of max-w-*, too.
_TSHIRT_SIZES = frozenset(
    {"3xs", "2xs", "xs", "sm", "md", "lg", "xl", *(f"{number}xl" for number in range(2, 8))}
)
_FAMILIES = {
    FamilyClass.SANS: "sans-serif",
    FamilyClass.SERIF: "serif",
    FamilyClass.MONO: "monospace",
}
# Claude's classes, for what pixels did not tell. A display face has no class of its own in CSS.
_NAMED_FAMILIES = {
    "sans": "sans-serif",
    "serif": "serif",
    "mono": "monospace",
    "script": "cursive",
}
_UNKNOWN_FAMILY = "system-ui"

_Measurement = (
    measured.ColorMeasurement
    | measured.SpacingMeasurement
    | measured.TypographyMeasurement
    | measured.ShadowMeasurement
    | measured.GradientMeasurement
    | measured.RadiusMeasurement
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A measurement with its name, and who gave it."""

    value: Any
    measurement: _Measurement
    name: Name
    source: Source


def assemble(
    measurements: Measurements, naming: Naming | None, types: Collection[TokenType]
) -> Tokens:
    """Return the tokens of one image.

    Args:
        measurements: What was measured in it.
        naming: What Claude answered, None when nobody was asked.
        types: The types that are wanted; the others stay empty.
    """
    naming = naming or Naming()
    rules = name_by_rule(measurements)
    names = NameBook()
    assembled = {
        token_type.value: _assemble_type(
            token_type, _candidates(token_type, measurements, naming, rules), names
        )
        for token_type in TokenType
        if token_type in types
    }
    return Tokens(**assembled)


def _candidates(
    token_type: TokenType, measurements: Measurements, naming: Naming, rules: Mapping[str, Name]
) -> Iterable[_Candidate]:
    """Yield what was measured of a type, with its names.

    What Claude took for no token is left out; what it had measured a second time comes last.
    """
    for number, measurement in enumerate(_measured(token_type, measurements), start=1):
        candidate_id = f"{LETTERS[token_type]}{number}"
        if candidate_id in naming.dropped:
            continue
        name = naming.names.get(candidate_id)
        source = Source.CV if name is None else Source.CLAUDE
        if name is None or (token_type is TokenType.SPACING and name.slug in _TSHIRT_SIZES):
            name = rules[candidate_id]
            source = Source.CV
        yield _Candidate(_VALUES[token_type](measurement, name), measurement, name, source)
    for added in naming.added:
        if added.type is token_type:
            value = _VALUES[token_type](added.measurement, added.name)
            yield _Candidate(value, added.measurement, added.name, Source.CLAUDE_ADDED)


def _measured(token_type: TokenType, measurements: Measurements) -> Iterable[_Measurement]:
    lists: dict[TokenType, Iterable[_Measurement]] = {
        TokenType.COLOR: measurements.colors,
        TokenType.SPACING: measurements.spacing,
        TokenType.TYPOGRAPHY: measurements.typography,
        TokenType.SHADOW: measurements.shadows,
        TokenType.GRADIENT: measurements.gradients,
        TokenType.RADIUS: measurements.radii,
    }
    return lists[token_type]


def _assemble_type(
    token_type: TokenType, candidates: Iterable[_Candidate], names: NameBook
) -> tuple[Token[Any], ...]:
    """Return the tokens of a type; what has the same value and the same name is one token."""
    alike: dict[tuple[Any, str], list[_Candidate]] = {}
    for candidate in candidates:
        alike.setdefault((candidate.value, candidate.name.slug), []).append(candidate)
    return tuple(
        _token(token_type, names.register(token_type, [slug]), group)
        for (_, slug), group in alike.items()
    )


def _token(token_type: TokenType, name: str, group: list[_Candidate]) -> Token[Any]:
    """Return the token of measurements that are one; the most used of them says what it is."""
    first = group[0]
    seen = [each.measurement for each in group]
    return TOKEN_CLASSES[token_type](
        name=name,
        value=first.value,
        usage=max(1, sum(each.count for each in seen)),
        confidence=_round(min(first.name.confidence, max(each.confidence for each in seen))),
        source=first.source,
        description=first.name.description,
        role=None if first.name.role == OTHER else first.name.role,
        on=_backgrounds(seen),
        boxes=tuple(
            Box(x=box.x, y=box.y, width=box.width, height=box.height)
            for each in seen
            for box in each.boxes
        ),
    )


def _backgrounds(seen: Iterable[_Measurement]) -> tuple[TextOn, ...]:
    """Return what is behind text in a color; equal measurements of it never share a line."""
    return tuple(
        TextOn(background=behind.hex, count=behind.count, large=behind.large)
        for each in seen
        if isinstance(each, measured.ColorMeasurement)
        for behind in each.on
    )


def _color(color: measured.ColorMeasurement, _name: Name) -> Color:
    return Color(hex=color.hex)


def _spacing(spacing: measured.SpacingMeasurement, name: Name) -> Dimension:
    """Return the distance in the unit it was classified as, in px where that is no round value."""
    share = spacing.px / ROOT_FONT_SIZE_PX
    if name.unit == "px" or _round(share) != share:
        return _px(spacing.px)
    return Dimension(value=share, unit=name.unit)


def _typography(style: measured.TypographyMeasurement, name: Name) -> Typography:
    family = _FAMILIES.get(style.family) or _NAMED_FAMILIES.get(name.family or "")
    leading = style.line_height_px
    return Typography(
        font_family=(family or _UNKNOWN_FAMILY,),
        font_size=Dimension(value=round(style.size_px, _SIZE_DECIMALS)),
        font_weight=style.weight,
        line_height=None if leading is None else _round(leading / style.size_px),
    )


def _shadow(shadow: measured.ShadowMeasurement, _name: Name) -> Shadow:
    return Shadow(
        color=Color(hex=shadow.color_hex, alpha=_round(shadow.alpha)),
        offset_x=_px(shadow.x_px),
        offset_y=_px(shadow.y_px),
        blur=_px(shadow.blur_px),
        spread=_px(shadow.spread_px),
    )


def _gradient(gradient: measured.GradientMeasurement, _name: Name) -> Gradient:
    return Gradient(
        kind=gradient.kind.value,
        angle=None if gradient.angle_deg is None else _round(gradient.angle_deg),
        stops=tuple(
            GradientStop(color=Color(hex=stop.hex), position=_round(stop.position))
            for stop in gradient.stops
        ),
    )


def _radius(radius: measured.RadiusMeasurement, _name: Name) -> Dimension:
    return _px(radius.px)


def _px(length: float) -> Dimension:
    return Dimension(value=_round(length))


def _round(number: float) -> float:
    return round(number, _DECIMALS)


_VALUES: Mapping[TokenType, Callable[..., Any]] = {
    TokenType.COLOR: _color,
    TokenType.SPACING: _spacing,
    TokenType.TYPOGRAPHY: _typography,
    TokenType.SHADOW: _shadow,
    TokenType.GRADIENT: _gradient,
    TokenType.RADIUS: _radius,
}
