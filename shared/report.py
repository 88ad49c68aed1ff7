"""Where a job's screens drift from the design system that they otherwise follow.

Four kinds of finding, each with the token, the places it was seen at and the value that it should
probably be: values off the scale, colors nearly the same as another, what is rarely used, and text
that is hard to read. All are derived from the merged set.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from shared.colorspace import levels_of_hex
from shared.contrast import LEAST_CONTRAST, LEAST_CONTRAST_LARGE, contrast
from shared.findings import AnyFinding, Better, Finding, LowContrast, NearDuplicate, Report
from shared.nearness import (
    MAX_COLOR_DIFFERENCE,
    SPACES,
    Lookup,
    color_difference,
    color_differences,
    is_paler_text,
)
from shared.scales import nearest_step
from shared.tokens import (
    Color,
    Dimension,
    Gradient,
    Scales,
    Shadow,
    TextOn,
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


_FINDINGS: Mapping[TokenType, type[Finding[Any]]] = {
    TokenType.COLOR: Finding[Color],
    TokenType.SPACING: Finding[Dimension],
    TokenType.TYPOGRAPHY: Finding[Typography],
    TokenType.SHADOW: Finding[Shadow],
    TokenType.GRADIENT: Finding[Gradient],
    TokenType.RADIUS: Finding[Dimension],
}


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
        scales=token_set.scales,
    )


def _rank(findings: Iterable[F]) -> tuple[F, ...]:
    """Return findings, those with the most uses first."""
    return tuple(sorted(findings, key=lambda each: -each.token.usage))


class _Named(Generic[V]):
    """Tokens of one type by their values."""

    def __init__(self, token_type: TokenType, tokens: Iterable[Token[V]]) -> None:
        self._tokens = tuple(tokens)
        self._lookup = Lookup(SPACES[token_type], [token.value for token in self._tokens])

    def name(self, value: V) -> Better[V]:
        """Return a value, as the token has it whose value it is where there is one."""
        near = min(self._lookup.find_near(value), default=None)
        return _as_token(self._tokens[near[1]]) if near else Better(name=None, value=value)

    def find(self, value: V) -> Better[V] | None:
        """Return what a doubtful value might be."""
        nearest = self._lookup.find_nearest(value)
        if nearest is None or nearest[0] > _MOST_TOLERANCES:
            return None
        return _as_token(self._tokens[nearest[1]])


def _find_off_scale(tokens: Tokens, scales: Scales) -> Iterator[AnyFinding]:
    """Yield lengths and text styles off the rule that the others follow."""
    on, off = set(scales.spacing.steps), set(scales.spacing.outliers)
    lengths = _Named(TokenType.SPACING, (each for each in tokens.spacing if each.name in on))
    for length in tokens.spacing:
        if length.name in off:
            step = Dimension(value=nearest_step(scales.spacing, length.value.px))
            yield Finding[Dimension](
                type=TokenType.SPACING, token=length, probably=lengths.name(step)
            )
    on, off = set(scales.typography.steps), set(scales.typography.outliers)
    styles = _Named(TokenType.TYPOGRAPHY, (each for each in tokens.typography if each.name in on))
    for style in tokens.typography:
        if style.name in off:
            size = Dimension(value=nearest_step(scales.typography, style.value.font_size.px))
            resized = style.value.model_copy(update={"font_size": size, "line_height": None})
            yield Finding[Typography](
                type=TokenType.TYPOGRAPHY, token=style, probably=styles.name(resized)
            )


def _as_token(token: Token[V]) -> Better[V]:
    return Better(name=token.name, value=token.value)


def _find_duplicates(colors: Sequence[Token[Color]]) -> Iterator[NearDuplicate]:
    """Yield colors that are nearly another of their role, which is used much more."""
    for color in colors:
        usual = [each for each in colors if _is_usual(each, color)]
        nearest = _find_nearest_color(color.value, usual, MAX_DUPLICATE_DIFFERENCE)
        if nearest and not is_paler_text(color, colors):
            better, difference = nearest
            yield NearDuplicate(
                token=color, probably=_as_token(better), delta_e=round(difference, 2)
            )


def _is_usual(other: Token[Color], color: Token[Color]) -> bool:
    """Tell whether a color is used much more than another, and in its place."""
    is_used_more = color.usage <= other.usage * _SLIP_SHARE
    has_one_role = other.role == color.role or None in (other.role, color.role)
    return is_used_more and has_one_role and other.value.alpha == color.value.alpha


def _find_nearest_color(
    color: Color, tokens: Sequence[Token[Color]], within: float
) -> tuple[Token[Color], float] | None:
    """Return the token nearest to a color, and its CIEDE2000; None if it is as far as that."""
    differences = color_differences(color, [token.value for token in tokens])
    if not differences.size or differences.min() >= within:
        return None
    nearest = int(differences.argmin())
    return tokens[nearest], float(differences[nearest])


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
        if token_type is TokenType.TYPOGRAPHY:
            continue
        named = _Named(token_type, candidates)
        for token in found:
            if not token.confirmed:
                better = named.find(token.value)
                yield _FINDINGS[token_type](type=token_type, token=token, probably=better)


def _find_unreadable(colors: Sequence[Token[Color]]) -> Iterator[LowContrast]:
    """Yield text colors on backgrounds that they have too little contrast to.

    Text in the color of its background cannot have been seen there.
    """
    named = _Named(TokenType.COLOR, colors)
    for color in colors:
        if is_paler_text(color, colors):
            continue
        for on in color.on:
            behind = Color(hex=on.background)
            required, lines = _count_failing(color.value, on)
            if lines and color_difference(color.value, behind) > MAX_COLOR_DIFFERENCE:
                yield LowContrast(
                    token=color,
                    background=named.name(behind),
                    ratio=round(contrast(color.value.hex, on.background), 2),
                    required=required,
                    lines=lines,
                    probably=_make_readable(color.value, on.background, required, colors),
                )


def _count_failing(color: Color, on: TextOn) -> tuple[float, int]:
    """Return the contrast that text needs on a background, and how many lines have less."""
    ratio = contrast(color.hex, on.background)
    normal = max(0, on.count - on.large) if ratio < LEAST_CONTRAST else 0
    large = on.large if ratio < LEAST_CONTRAST_LARGE else 0
    return (LEAST_CONTRAST if normal else LEAST_CONTRAST_LARGE), normal + large


def _make_readable(
    color: Color, background: str, required: float, colors: Sequence[Token[Color]]
) -> Better[Color]:
    """Return the nearest shade of a color that is readable, as a text color near it has it."""
    shade = _shade(color, background, required)
    readable = [
        each
        for each in colors
        if each.role == _TEXT and contrast(each.value.hex, background) >= required
    ]
    nearest = _find_nearest_color(shade, readable, _MOST_RECOLORED)
    return _as_token(nearest[0]) if nearest else Better(name=None, value=shade)


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
