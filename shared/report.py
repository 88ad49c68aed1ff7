"""Where a job's screens drift from the design system that they otherwise follow.

Four kinds of finding, each with the token, the places it was seen at and the value that it should
probably be: values off the scale, colors nearly the same as another, what is rarely used, and text
that is hard to read. All are derived from the merged set.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from shared.colorspace import levels_of_hex
from shared.contrast import LEAST_CONTRAST, LEAST_CONTRAST_LARGE, contrast
from shared.nearness import (
    MAX_COLOR_DIFFERENCE,
    SPACES,
    color_difference,
    find_nearest,
    is_paler_text,
)
from shared.scales import nearest_step
from shared.tokens import (
    Color,
    Dimension,
    Gradient,
    Scales,
    Shadow,
    Token,
    Tokens,
    TokenSet,
    TokenType,
    Typography,
)

V = TypeVar("V")
F = TypeVar("F", bound="AnyFinding | NearDuplicate")

# From here on people see two colors, not two shades of one (W. Mokrzycki, M. Tatol, "Colour
# difference Delta E - a survey", Machine Graphics and Vision 20(4), 2011); what measuring does
# not tell apart is merged already.
MAX_DUPLICATE_DIFFERENCE = 5.0
# Steps of a palette may be as near, but are meant, and so used: a slip is used this much less.
_SLIP_SHARE = 1 / 3
# A style is rare that is used by less than this part of all lines of text, in this part of images.
RARE_SHARE = 0.02
RARE_IMAGES = 0.05
# What a doubtful value might be is no farther from it than this many tolerances of measuring (of
# colors, those that are nearly the same), a usual style no farther from a rare one in size than
# this part, and a text color no farther from the shade that is wanted in CIEDE2000.
_MOST_TOLERANCES = 2.5
_MOST_SIZE_SHARE = 0.1
_MOST_RECOLORED = 10.0
_TEXT = "text"
# A color is mixed with black or white in this many steps until it is readable.
_SHADES = 100


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class Better(_Row, Generic[V]):
    """What a value should probably be; ``name`` is that of a token which has it, if one does."""

    name: str | None
    value: V


class Finding(_Row, Generic[V]):
    """A token that drifts, and what it should be as far as that can be told."""

    type: TokenType
    token: Token[V]
    probably: Better[V] | None


class NearDuplicate(_Row):
    """A color that is nearly another, which is used more; ``delta_e`` is CIEDE2000."""

    token: Token[Color]
    probably: Better[Color]
    delta_e: float


class LowContrast(_Row):
    """Text on a background that WCAG 2.2 AA wants more contrast of (success criterion 1.4.3).

    ``lines`` are those that fail, and ``required`` is what most of them need: large text needs
    less. The places of the color are those on all backgrounds.
    """

    token: Token[Color]
    background: Better[Color] = Field(description="What is behind the text.")
    ratio: float
    required: float
    lines: int
    probably: Better[Color]


AnyFinding: TypeAlias = (
    Finding[Color] | Finding[Dimension] | Finding[Typography] | Finding[Shadow] | Finding[Gradient]
)


_FINDINGS: Mapping[TokenType, type[Finding[Any]]] = {
    TokenType.COLOR: Finding[Color],
    TokenType.SPACING: Finding[Dimension],
    TokenType.TYPOGRAPHY: Finding[Typography],
    TokenType.SHADOW: Finding[Shadow],
    TokenType.GRADIENT: Finding[Gradient],
    TokenType.RADIUS: Finding[Dimension],
}


class Report(_Row):
    """All findings, those with the most uses first.

    ``rare`` holds text styles that hardly anything uses, and of all types what too few images
    show to be sure that it is there at all (``confirmed`` is false).
    """

    off_scale: tuple[Finding[Dimension] | Finding[Typography], ...] = ()
    near_duplicates: tuple[NearDuplicate, ...] = ()
    rare: tuple[AnyFinding, ...] = ()
    low_contrast: tuple[LowContrast, ...] = ()


def report(token_set: TokenSet) -> Report:
    """Return what drifts in a job's merged set."""
    sure = token_set.tokens.confirmed()
    images = len(token_set.source_images)
    styles = _find_rare_styles(token_set.tokens.typography, images)
    rare = (*styles, *_find_doubtful(token_set.tokens, sure))
    return Report(
        off_scale=_rank(_find_off_scale(sure, token_set.scales)),
        near_duplicates=_rank(_find_duplicates(sure.color)),
        rare=_rank(rare),
        low_contrast=tuple(sorted(_find_unreadable(sure.color), key=lambda each: -each.lines)),
    )


def _rank(findings: Iterable[F]) -> tuple[F, ...]:
    """Return findings, those with the most uses first."""
    return tuple(sorted(findings, key=lambda each: -each.token.usage))


def _find_off_scale(tokens: Tokens, scales: Scales) -> Iterator[AnyFinding]:
    """Yield lengths and text styles off the rule that the others follow."""
    lengths = [token for token in tokens.spacing if token.name in scales.spacing.steps]
    for length in tokens.spacing:
        if length.name in scales.spacing.outliers:
            value = Dimension(value=nearest_step(scales.spacing, length.value.px))
            better = _name(TokenType.SPACING, value, lengths)
            yield Finding[Dimension](type=TokenType.SPACING, token=length, probably=better)
    styles = [token for token in tokens.typography if token.name in scales.typography.steps]
    for style in tokens.typography:
        if style.name in scales.typography.outliers:
            size = Dimension(value=nearest_step(scales.typography, style.value.font_size.px))
            resized = style.value.model_copy(update={"font_size": size, "line_height": None})
            named = _name(TokenType.TYPOGRAPHY, resized, styles)
            yield Finding[Typography](type=TokenType.TYPOGRAPHY, token=style, probably=named)


def _name(token_type: TokenType, value: V, tokens: Sequence[Token[V]]) -> Better[V]:
    """Return a value, as the token has it whose value it is where there is one."""
    nearest = find_nearest(SPACES[token_type], value, [token.value for token in tokens])
    if nearest is None or nearest[0] > 1:
        return Better(name=None, value=value)
    return _as_token(tokens[nearest[1]])


def _as_token(token: Token[V]) -> Better[V]:
    return Better(name=token.name, value=token.value)


def _find_duplicates(colors: Sequence[Token[Color]]) -> Iterator[NearDuplicate]:
    """Yield colors that are nearly another of their role, which is used much more."""
    for color in colors:
        near = [
            (color_difference(color.value, other.value), at)
            for at, other in enumerate(colors)
            if other.usage * _SLIP_SHARE >= color.usage
            and other.value.alpha == color.value.alpha
            and (other.role == color.role or None in (other.role, color.role))
        ]
        difference, at = min(near, default=(MAX_DUPLICATE_DIFFERENCE, 0))
        thin = (is_paler_text(color, other) for other in colors)
        if difference < MAX_DUPLICATE_DIFFERENCE and not any(thin):
            yield NearDuplicate(
                token=color, probably=_as_token(colors[at]), delta_e=round(difference, 2)
            )


def _find_rare_styles(
    styles: Sequence[Token[Typography]], images: int
) -> Iterator[Finding[Typography]]:
    """Yield text styles of few lines on few images, and the nearest that is not rare."""
    most_uses = sum(style.usage for style in styles) * RARE_SHARE
    most_images = max(1, images * RARE_IMAGES)
    rare = [
        each
        for each in styles
        if not each.confirmed or (each.usage <= most_uses and each.image_count <= most_images)
    ]
    usual = [each for each in styles if each not in rare]
    for style in rare:
        nearest = min(usual, key=lambda other: _unlikeness(style.value, other.value), default=None)
        is_near = nearest is not None and (
            abs(nearest.value.font_size.px / style.value.font_size.px - 1) <= _MOST_SIZE_SHARE
        )
        better = _as_token(nearest) if nearest is not None and is_near else None
        yield Finding[Typography](type=TokenType.TYPOGRAPHY, token=style, probably=better)


def _unlikeness(one: Typography, other: Typography) -> tuple[bool, float, int]:
    """Return by what to order styles around one: its family first, then size, then weight."""
    size_px = abs(one.font_size.px - other.font_size.px)
    weight = abs(one.font_weight - other.font_weight)
    return one.font_family != other.font_family, size_px, weight


def _find_doubtful(tokens: Tokens, sure: Tokens) -> Iterator[AnyFinding]:
    """Yield what is not confirmed, text styles aside, and the confirmed value that it might be."""
    for (token_type, found), (_, candidates) in zip(tokens.by_type(), sure.by_type(), strict=True):
        values = [each.value for each in candidates]
        for token in found:
            if token.confirmed or token_type is TokenType.TYPOGRAPHY:
                continue
            nearest = find_nearest(SPACES[token_type], token.value, values)
            is_near = nearest is not None and nearest[0] <= _MOST_TOLERANCES
            better = _as_token(candidates[nearest[1]]) if nearest and is_near else None
            yield _FINDINGS[token_type](type=token_type, token=token, probably=better)


def _find_unreadable(colors: Sequence[Token[Color]]) -> Iterator[LowContrast]:
    """Yield text colors on backgrounds that they have too little contrast to.

    Text in the color of its background cannot have been seen there.
    """
    for color in colors:
        if any(is_paler_text(color, other) for other in colors):
            continue
        for on in color.on:
            behind = Color(hex=on.background)
            if color_difference(color.value, behind) <= MAX_COLOR_DIFFERENCE:
                continue
            ratio = contrast(color.value.hex, on.background)
            normal = on.count - on.large if ratio < LEAST_CONTRAST else 0
            lines = normal + (on.large if ratio < LEAST_CONTRAST_LARGE else 0)
            required = LEAST_CONTRAST if normal else LEAST_CONTRAST_LARGE
            if lines > 0:
                yield LowContrast(
                    token=color,
                    background=_name(TokenType.COLOR, behind, colors),
                    ratio=round(ratio, 2),
                    required=required,
                    lines=lines,
                    probably=_make_readable(color.value, on.background, required, colors),
                )


def _make_readable(
    color: Color, background: str, required: float, colors: Sequence[Token[Color]]
) -> Better[Color]:
    """Return the nearest shade of a color that is readable, as a text color near it has it."""
    shade = _shade(color, background, required)
    readable = [
        (color_difference(shade, other.value), at)
        for at, other in enumerate(colors)
        if other.role == _TEXT and contrast(other.value.hex, background) >= required
    ]
    difference, at = min(readable, default=(_MOST_RECOLORED, 0))
    return (
        _as_token(colors[at]) if difference < _MOST_RECOLORED else Better(name=None, value=shade)
    )


def _shade(color: Color, background: str, required: float) -> Color:
    """Return a color mixed with as little black or white as makes it readable.

    One of the two does: whatever is behind it, black or white has a contrast of 4.58 to it.
    """
    levels = levels_of_hex(color.hex)
    for step in range(_SHADES + 1):
        for end in (0, 255):
            mixed = (round(level + (end - level) * step / _SHADES) for level in levels)
            shade = "#" + bytes(mixed).hex()
            if contrast(shade, background) >= required:
                return Color(hex=shade, alpha=color.alpha)
    raise AssertionError(required)
