"""How much of a design system its screens use, and what they show that is not in it.

Both sides are compared by value alone: names of a file and names given to pixels have nothing to
do with each other. Pixels do not tell a font's name, and letter spacing hardly ever, so that text
styles are compared by size, weight and line height.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from shared.imports import Imported
from shared.nearness import SPACES, Lookup, is_paler_text
from shared.tokens import (
    Color,
    Dimension,
    Gradient,
    Shadow,
    Token,
    Tokens,
    TokenType,
    Typography,
)

V = TypeVar("V")

# A foreign value should probably be one of the design system's that is no farther from it than
# this many tolerances of measuring: of colors, one that is nearly the same.
_MOST_TOLERANCES = 2.5
_ANY_FAMILY = ("any",)


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class Designed(_Row, Generic[V]):
    """A token of the file: its dotted path, those of tokens that refer to it, and its value."""

    path: str
    aliases: tuple[str, ...]
    value: V


class Used(_Row, Generic[V]):
    """A token of the file that screens use, and the measured one that is nearest to it."""

    design: Designed[V]
    seen: Token[V]


class Foreign(_Row, Generic[V]):
    """A confirmed value on the screens that the file lacks, and what it should probably be."""

    token: Token[V]
    probably: Designed[V] | None


class Usage(_Row, Generic[V]):
    """How screens use the tokens of one type.

    Of a type that the file has no tokens of, nothing is foreign, and ``adherence`` is None.
    """

    used: tuple[Used[V], ...] = ()
    unused: tuple[Designed[V], ...] = ()
    foreign: tuple[Foreign[V], ...] = ()
    adherence: float | None = Field(
        None, ge=0, le=1, description="The part of all uses on the screens that is in the file."
    )


class UsageByType(_Row):
    """How screens use the tokens of each type."""

    color: Usage[Color] = Usage[Color]()
    spacing: Usage[Dimension] = Usage[Dimension]()
    typography: Usage[Typography] = Usage[Typography]()
    shadow: Usage[Shadow] = Usage[Shadow]()
    gradient: Usage[Gradient] = Usage[Gradient]()
    radius: Usage[Dimension] = Usage[Dimension]()


class Ignored(_Row):
    """A token of the file that was left out, and why."""

    path: str
    reason: str


class DesignCheck(_Row):
    """How screens use a design system; ``adherence`` is of all types that it has tokens of."""

    adherence: float | None
    used: int
    unused: int
    foreign: int
    tokens: UsageByType
    ignored: tuple[Ignored, ...]


_USAGES: Mapping[TokenType, type[Usage[Any]]] = {
    TokenType.COLOR: Usage[Color],
    TokenType.SPACING: Usage[Dimension],
    TokenType.TYPOGRAPHY: Usage[Typography],
    TokenType.SHADOW: Usage[Shadow],
    TokenType.GRADIENT: Usage[Gradient],
    TokenType.RADIUS: Usage[Dimension],
}


def check(imported: Imported, measured: Tokens) -> DesignCheck:
    """Return how the screens behind measured tokens use the design system of a file."""
    kinds = zip(imported.token_set.tokens.by_type(), measured.by_type(), strict=True)
    usages: dict[str, Usage[Any]] = {}
    known = total = 0
    for (token_type, designed), (_, seen) in kinds:
        if not designed:
            continue
        paths = {name: path for (kind, name), path in imported.paths.items() if kind is token_type}
        usage = _check_type(token_type, [_design(token, paths) for token in designed], seen)
        uses = sum(token.usage for token in seen if token.confirmed)
        strange = sum(each.token.usage for each in usage.foreign)
        usages[token_type.value] = usage.model_copy(
            update={"adherence": _part(uses - strange, uses)}
        )
        known, total = known + uses - strange, total + uses
    found = usages.values()
    return DesignCheck(
        adherence=_part(known, total),
        used=sum(len(each.used) for each in found),
        unused=sum(len(each.unused) for each in found),
        foreign=sum(len(each.foreign) for each in found),
        tokens=UsageByType(**usages),
        ignored=tuple(Ignored(path=each.path, reason=each.reason) for each in imported.ignored),
    )


def _part(known: int, total: int) -> float | None:
    return round(known / total, 4) if total else None


def _design(token: Token[V], paths: Mapping[str, str]) -> Designed[V]:
    aliases = tuple(paths[alias.name] for alias in token.aliases)
    return Designed(path=paths[token.name], aliases=aliases, value=token.value)


def _check_type(
    token_type: TokenType, designed: Sequence[Designed[Any]], seen: Sequence[Token[Any]]
) -> Usage[Any]:
    lookup = Lookup(SPACES[token_type], [_comparable(each.value) for each in designed])
    nearest: dict[int, tuple[float, int]] = {}
    foreign = []
    for at, token in enumerate(seen):
        value = _comparable(token.value)
        near = lookup.find_near(value)
        for distance, design in near:
            nearest[design] = min(nearest.get(design, (distance, at)), (distance, at))
        if not near and token.confirmed and not is_paler_text(token, seen):
            best = lookup.find_nearest(value)
            probably = designed[best[1]] if best and best[0] <= _MOST_TOLERANCES else None
            foreign.append({"token": token, "probably": probably})
    return _USAGES[token_type].model_validate(
        {
            "used": [
                {"design": designed[design], "seen": seen[at]}
                for design, (_, at) in sorted(nearest.items())
            ],
            "unused": [each for at, each in enumerate(designed) if at not in nearest],
            "foreign": foreign,
        }
    )


def _comparable(value: Any) -> Any:  # noqa: ANN401 - of any type
    """Return a value less what pixels do not tell of it."""
    if not isinstance(value, Typography):
        return value
    return value.model_copy(update={"font_family": _ANY_FAMILY, "letter_spacing": None})
