"""A style guide (``tokens.html``): every token shown as what it is, for people, without a server.

It stands alone: nothing is loaded, nothing runs, and its own policy forbids both. Lengths, radii,
shadows and text are shown in their true sizes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contrast import LEAST_CONTRAST, LEAST_CONTRAST_LARGE, contrast
from shared.export.css import WRITERS
from shared.export.formats import File
from shared.export.rendering import render
from shared.export.values import (
    make_absolute,
    write_color,
    write_number,
    write_style,
)
from shared.tokens import (
    ROOT_FONT_SIZE_PX,
    Color,
    Dimension,
    Gradient,
    Scale,
    Token,
    Tokens,
    TokenSet,
    TokenType,
    Typography,
)

TITLES = {
    TokenType.COLOR: "Color",
    TokenType.SPACING: "Spacing",
    TokenType.TYPOGRAPHY: "Typography",
    TokenType.SHADOW: "Shadows",
    TokenType.GRADIENT: "Gradients",
    TokenType.RADIUS: "Radii",
}
# Where a color stands, by its role; what no group names comes last.
PALETTES = {
    "Backgrounds and surfaces": ("background", "surface"),
    "Text": ("text",),
    "Borders": ("border",),
    "Brand": ("primary", "secondary", "accent"),
    "Feedback": ("success", "warning", "error", "info"),
}
MORE_COLORS = "More colors"
# Below this a token is marked: it was rather guessed than seen.
UNSURE = 0.5
_WHITE, _BLACK = "#ffffff", "#000000"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A token as a page shows it.

    ``style`` is the CSS that its picture is drawn with, ``marks`` are what to be wary of,
    ``contrasts`` the ratios to white and black of an opaque color, ``stops`` those of a gradient.
    """

    token: Token[Any]
    name: str
    value: str
    style: str
    facts: str
    description: str
    aliases: tuple[str, ...]
    marks: tuple[str, ...]
    contrasts: tuple[str, str] | None
    stops: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """The tokens of one type, in groups under a heading each, and the rule they follow."""

    title: str
    rule: str
    count: int
    groups: tuple[tuple[str, tuple[Exhibit, ...]], ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Text in a color on a background that it was seen on, and what WCAG 2.2 says of it."""

    text: str
    text_hex: str
    background: str
    background_hex: str
    ratio: str
    verdict: str
    passes: bool
    lines: int


def write_specimen(token_set: TokenSet) -> File:
    """Return the set as ``tokens.html``."""
    content = render(
        "tokens.html.j2",
        version=token_set.pipeline_version,
        images=token_set.source_images,
        sections={token_type.value: arrange(token_type, token_set) for token_type in TokenType},
        pairs=pair_up(token_set.tokens),
    )
    return File("tokens.html", "text/html", content)


def arrange(token_type: TokenType, token_set: TokenSet) -> Section:
    """Return the tokens of a type as they are shown."""
    tokens = getattr(token_set.tokens, token_type.value)
    scales = token_set.scales
    scale = {TokenType.SPACING: scales.spacing, TokenType.TYPOGRAPHY: scales.typography}.get(
        token_type, Scale()
    )
    groups = tuple(
        (heading, tuple(exhibit(token_type, each, scale) for each in group))
        for heading, group in _GROUPERS[token_type](tokens, scales.elevation)
        if group
    )
    rule = tell_rule(scale)
    return Section(TITLES[token_type], rule and f"Scale: {rule}", len(tokens), groups)


Groups = Iterable[tuple[str, Sequence[Token[Any]]]]


def _by_role(tokens: Sequence[Token[Color]], _order: Sequence[str]) -> Groups:
    """Yield colors by what they are for, the most used first."""
    left = {token.name: token for token in tokens}
    for heading, roles in PALETTES.items():
        yield heading, [left.pop(each.name) for each in tokens if each.role in roles]
    yield MORE_COLORS if len(left) < len(tokens) else "", list(left.values())


def _by_length(tokens: Sequence[Token[Dimension]], _order: Sequence[str]) -> Groups:
    yield "", sorted(tokens, key=lambda token: _px(token.value))


def _by_size(tokens: Sequence[Token[Typography]], _order: Sequence[str]) -> Groups:
    def size(token: Token[Typography]) -> tuple[float, int]:
        return -_px(token.value.font_size), -token.value.font_weight

    yield "", sorted(tokens, key=size)


def _by_elevation(tokens: Sequence[Token[Any]], order: Sequence[str]) -> Groups:
    """Yield shadows from the lowest to the highest, those of no height last."""
    heights = {name: height for height, name in enumerate(order)}
    yield "", sorted(tokens, key=lambda token: heights.get(token.name, len(heights)))


def _as_they_come(tokens: Sequence[Token[Any]], _order: Sequence[str]) -> Groups:
    yield "", tokens


_GROUPERS: Mapping[TokenType, Callable[[Any, Sequence[str]], Groups]] = {
    TokenType.COLOR: _by_role,
    TokenType.SPACING: _by_length,
    TokenType.TYPOGRAPHY: _by_size,
    TokenType.SHADOW: _by_elevation,
    TokenType.GRADIENT: _as_they_come,
    TokenType.RADIUS: _by_length,
}


def _px(length: Dimension) -> float:
    absolute = make_absolute(length)
    return absolute.value * (ROOT_FONT_SIZE_PX if absolute.unit == "rem" else 1)


def tell_rule(scale: Scale) -> str:
    """Return the rule of a scale in words, empty where there is none."""
    base = "" if scale.base_px is None else f"{write_number(scale.base_px)} px"
    if scale.ratio is not None:
        rule = f"{base or 'a size'} times powers of {write_number(scale.ratio)}"
    elif base:
        rule = f"multiples of {base}"
    else:
        return ""
    return f"{rule} · {scale.confidence:.0%} sure"


def exhibit(token_type: TokenType, token: Token[Any], scale: Scale) -> Exhibit:
    """Return a token as it is shown beside the others of its scale."""
    value, style = _picture(token_type, token.value)
    marks = (
        *(("off the scale",) if token.name in scale.outliers else ()),
        *(("unsure",) if token.confidence < UNSURE else ()),
    )
    return Exhibit(
        token=token,
        name=token.name,
        value=value,
        style=style,
        facts=_facts(token),
        description=token.description,
        aliases=tuple(alias.name for alias in token.aliases),
        marks=marks,
        contrasts=_contrasts(token.value),
        stops=_stops(token.value),
    )


def _picture(token_type: TokenType, value: Any) -> tuple[str, str]:  # noqa: ANN401 - of any type
    """Return what to write beside a token, and the CSS that shows it."""
    if isinstance(value, Color) and value.alpha == 1:
        return value.hex, f"--value: {value.hex}"
    if token_type is not TokenType.TYPOGRAPHY:
        written = WRITERS[token_type](value)
        return written, f"--value: {written}"
    parts = write_style(value)
    known = [parts["font-size"], parts["font-weight"]]
    if value.line_height is not None:
        known[0] += f" / {parts['line-height']}"
    if value.letter_spacing is not None:
        known.append(parts["letter-spacing"])
    style = "; ".join(f"{name}: {part}" for name, part in parts.items())
    return " · ".join((*known, ", ".join(value.font_family))), style


def _facts(token: Token[Any]) -> str:
    seen = "1 use" if token.usage == 1 else f"{token.usage} uses"
    if len(token.images) > 1:
        seen += f" in {len(token.images)} images"
    # The groups of colors say their roles.
    role = () if token.role is None or isinstance(token.value, Color) else (token.role,)
    return " · ".join((*role, seen, f"{token.confidence:.0%} sure"))


def _contrasts(value: object) -> tuple[str, str] | None:
    if not isinstance(value, Color) or value.alpha < 1:
        return None
    return _write_ratio(contrast(value.hex, _WHITE)), _write_ratio(contrast(value.hex, _BLACK))


def _write_ratio(ratio: float) -> str:
    """Return a ratio cut to one decimal: rounded up, a failing one would seem to pass."""
    return f"{int(ratio * 10) / 10}"


def _stops(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Gradient):
        return ()
    return tuple((write_color(each.color), f"{each.position:.0%}") for each in value.stops)


def pair_up(tokens: Tokens) -> list[Pair]:
    """Return the pairs of text and background, failing ones first, then the more used."""
    names = {each.value.hex: each.name for each in reversed(tokens.color) if each.value.alpha == 1}
    found: list[tuple[bool, int, Pair]] = []
    for token in tokens.color:
        for on in token.on:
            ratio = contrast(token.value.hex, on.background)
            passes = ratio >= LEAST_CONTRAST
            all_large = on.large >= on.count and ratio >= LEAST_CONTRAST_LARGE
            verdict = "AA" if passes else "AA, large text" if all_large else "below AA"
            found.append(
                (
                    passes or all_large,
                    -on.count,
                    Pair(
                        text=token.name,
                        text_hex=token.value.hex,
                        background=names.get(on.background, on.background),
                        background_hex=on.background,
                        ratio=_write_ratio(ratio),
                        verdict=verdict,
                        passes=passes or all_large,
                        lines=on.count,
                    ),
                )
            )
    return [pair for *_, pair in sorted(found, key=lambda each: each[:2])]
