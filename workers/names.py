"""Names for what was measured: the record that naming returns, and names given by rule.

A candidate's id is its place in the measurements: ``c3`` is the third color, and likewise ``s``
spacing, ``t`` typography, ``h`` shadow, ``g`` gradient, ``r`` radius, counted from 1.

Rules name a value for what it is, never for what it might be for: a color for its nearest swatch,
a distance and a radius for its number, a text style for its size beside the page's own body text.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

from shared.errors import Problem
from shared.tokens import TokenType
from workers.measure.measurements import (
    Box,
    ColorMeasurement,
    ColorRole,
    FamilyClass,
    GradientKind,
    GradientMeasurement,
    Measurements,
    RadiusMeasurement,
    ShadowMeasurement,
    SpacingMeasurement,
    TypographyMeasurement,
)
from workers.swatches import name_color, name_color_finely, name_hue

LETTERS = {
    TokenType.COLOR: "c",
    TokenType.SPACING: "s",
    TokenType.TYPOGRAPHY: "t",
    TokenType.SHADOW: "h",
    TokenType.GRADIENT: "g",
    TokenType.RADIUS: "r",
}
# The one role that says nothing.
OTHER = "other"
# What a token's name may have at most, as its model says.
MAX_NAME = 64
# A word of the pattern that JavaScript objects own: Terrazzo and Tailwind 3 break on it.
_NEVER = frozenset({"constructor"})

# Types whose names share a space, and what is added to a name that another of them has.
_SHARED = {TokenType.COLOR: "color", TokenType.TYPOGRAPHY: "text", TokenType.GRADIENT: "gradient"}

# The minor third, the smallest step between the levels of common type scales.
HEADING_RATIO = 1.2
# 12 on 14 px, the nearest pair that designs use for captions, is 0.857.
CAPTION_RATIO = 0.86
_SHADOW_SIZES = ("sm", "md", "lg", "xl")
_COLOR_ROLES = {
    ColorRole.BACKGROUND: "background",
    ColorRole.SURFACE: "surface",
    ColorRole.TEXT: "text",
    ColorRole.BORDER: "border",
    ColorRole.FILL: OTHER,
}


@dataclass(frozen=True, slots=True)
class Name:
    """What a candidate is called. ``slug`` is kebab-case without the token type's own name.

    ``confidence`` is the namer's, 0 to 1. ``role`` is one of the tool's roles for the type.
    """

    slug: str
    confidence: float
    description: str
    role: str
    unit: Literal["px", "rem", "em"] = "px"
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """What measuring has missed, as Claude says: a claim about a box in pixels of the image.

    ``value`` is ``#rrggbb`` or a number of CSS pixels, empty where it said neither.
    """

    type: TokenType
    slug: str
    confidence: float
    value: str
    box: Box


@dataclass(frozen=True, slots=True)
class Added:
    """What a second look measured where Claude said that something was missed."""

    type: TokenType
    name: Name
    measurement: ColorMeasurement | SpacingMeasurement | ShadowMeasurement | GradientMeasurement


@dataclass(frozen=True, slots=True)
class Naming:
    """The answer to one image: names by candidate id, and the ids that are no tokens at all.

    ``missed`` are claims that nobody has looked into yet. ``added`` are those that a second look
    confirmed, with what it measured; ``rejected`` counts the others. ``degraded`` says why Claude
    could not name it; names by rule stand in then.
    """

    names: dict[str, Name] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    missed: tuple[Missed, ...] = ()
    added: tuple[Added, ...] = ()
    rejected: int = 0
    degraded: Problem | None = None


def name_by_rule(measurements: Measurements) -> dict[str, Name]:
    """Return a name for every candidate by id; equal values of a type may share one."""
    named: dict[TokenType, Iterable[Name]] = {
        TokenType.COLOR: _name_colors(measurements.colors),
        TokenType.SPACING: map(_name_spacing, measurements.spacing),
        TokenType.TYPOGRAPHY: _name_styles(measurements.typography),
        TokenType.SHADOW: _name_shadows(measurements.shadows),
        TokenType.GRADIENT: map(_name_gradient, measurements.gradients),
        TokenType.RADIUS: map(_name_radius, measurements.radii),
    }
    return {
        f"{LETTERS[token_type]}{number}": name
        for token_type, names in named.items()
        for number, name in enumerate(names, start=1)
    }


class NameBook:
    """The names that are taken, so that each type's are unique.

    A color, a text style and a gradient never share one either: Tailwind's ``text-x`` and
    ``bg-x`` could mean only one of them.
    """

    def __init__(self) -> None:
        """Begin with every name free."""
        self._taken: dict[TokenType, set[str]] = {token_type: set() for token_type in TokenType}

    def register(self, token_type: TokenType, wishes: Iterable[str]) -> str:
        """Return the best free name for a token and take it.

        Args:
            token_type: The token's type.
            wishes: Names, the dearest first; at least one.
        """
        wanted = list(wishes)
        if token_type in _SHARED and wanted[0] not in self._taken[token_type]:
            wanted.append(f"{wanted[0]}-{_SHARED[token_type]}")
        name = _choose_free(wanted, self._closed(token_type))
        self._taken[token_type].add(name)
        return name

    def claim(self, token_type: TokenType, name: str) -> bool:
        """Take a name for a token if it is free, and tell whether it was."""
        free = name not in _NEVER and name not in self._closed(token_type)
        if free:
            self._taken[token_type].add(name)
        return free

    def _closed(self, token_type: TokenType) -> set[str]:
        """Return the names that no other token of a type may have."""
        if token_type not in _SHARED:
            return self._taken[token_type]
        return set[str]().union(*(self._taken[each] for each in _SHARED))


def write_number(number: float) -> str:
    """Return a number as a name may hold it, at most two decimals: 16, 13-5."""
    return f"{number:.2f}".rstrip("0").rstrip(".").replace(".", "-").strip("-")


def _choose_free(wishes: Sequence[str], taken: Collection[str]) -> str:
    """Return the first wish that is free, else the first of them with the next free number."""
    closed = {*taken, *_NEVER}
    for wish in wishes:
        if wish not in closed and len(wish) <= MAX_NAME:
            return wish
    numbered = (_number(wishes[0], number) for number in count(2))
    return next(name for name in numbered if name not in closed)


def _number(name: str, number: int) -> str:
    suffix = f"-{number}"
    return name[: MAX_NAME - len(suffix)].rstrip("-") + suffix


def _rule(slug: str, role: str = OTHER) -> Name:
    """Return a name that is certain, since it only says what was measured."""
    return Name(slug=slug, confidence=1.0, description="", role=role)


def _name_colors(colors: Iterable[ColorMeasurement]) -> Iterator[Name]:
    """Yield the nearest swatches, and a finer step where a more used color has that name."""
    taken: set[str] = set()
    for color in colors:
        slug = name_color(color.hex)
        if slug in taken:
            slug = name_color_finely(color.hex)
        taken.add(slug)
        yield _rule(slug, _COLOR_ROLES[color.roles[0]] if color.roles else OTHER)


def _name_spacing(spacing: SpacingMeasurement) -> Name:
    return _rule(write_number(spacing.px), spacing.kind.value)


def _name_styles(styles: Sequence[TypographyMeasurement]) -> list[Name]:
    """Return names by size beside the most used style's, with the weight where sizes clash."""
    names: list[Name] = []
    plain: dict[str, int] = {}
    for style in styles:
        role = _style_role(style, styles[0].size_px)
        slug = f"{role}-{write_number(round(style.size_px, 1))}"
        weight = plain.setdefault(slug, style.weight)
        names.append(_rule(slug if weight == style.weight else f"{slug}-{style.weight}", role))
    return names


def _style_role(style: TypographyMeasurement, body_px: float) -> str:
    if style.family is FamilyClass.MONO:
        return "code"
    if style.size_px >= HEADING_RATIO * body_px:
        return "heading"
    return "caption" if style.size_px <= CAPTION_RATIO * body_px else "body"


def _name_shadows(shadows: Sequence[ShadowMeasurement]) -> list[Name]:
    """Return sizes by rank of blur; a lone shadow is the middle one."""
    extents = [(shadow.blur_px, shadow.y_px, shadow.spread_px) for shadow in shadows]
    ranks = {extent: rank for rank, extent in enumerate(sorted(set(extents)))}
    first = 1 if len(ranks) == 1 else 0
    return [_rule(_shadow_size(ranks[extent] + first)) for extent in extents]


def _shadow_size(rank: int) -> str:
    """Return sm, md, lg, xl, 2xl, 3xl and so on."""
    beyond = rank - len(_SHADOW_SIZES) + 1
    return _SHADOW_SIZES[rank] if beyond <= 0 else f"{beyond + 1}xl"


def _name_gradient(gradient: GradientMeasurement) -> Name:
    """Return the hues from its first stop to its last, and the kind unless it is linear."""
    hues = (name_hue(gradient.stops[0].hex), name_hue(gradient.stops[-1].hex))
    kind = [] if gradient.kind is GradientKind.LINEAR else [gradient.kind.value]
    return _rule("-".join([*kind, "-to-".join(dict.fromkeys(hues))]))


def _name_radius(radius: RadiusMeasurement) -> Name:
    return _rule(write_number(radius.px))
