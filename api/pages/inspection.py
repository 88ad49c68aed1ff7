"""What is known of each token of an image: what was measured, and what Claude said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.overlay import exhibits_of, outline
from api.pages import wording
from shared.db.namings import Evidence
from shared.export.specimen import TITLES, Exhibit
from shared.tokens import TokenSet, TokenType

# How stored measurements call their lists, and with which letter Claude is told their ids.
_LISTS: Mapping[TokenType, tuple[str, str]] = {
    TokenType.COLOR: ("colors", "c"),
    TokenType.SPACING: ("spacing", "s"),
    TokenType.TYPOGRAPHY: ("typography", "t"),
    TokenType.SHADOW: ("shadows", "h"),
    TokenType.GRADIENT: ("gradients", "g"),
    TokenType.RADIUS: ("radii", "r"),
}
# What a measurement says by other means: where, and on which backgrounds.
_NOT_TOLD = frozenset({"boxes", "on"})

Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A token, its places as SVG path data, and the two witnesses; None said nothing."""

    key: str
    exhibit: Exhibit
    path: str
    measured: Facts | None
    said: Facts | None


@dataclass(frozen=True, slots=True)
class Layer:
    """The findings of a type."""

    token_type: TokenType
    title: str
    findings: Sequence[Finding]


def inspect(token_set: TokenSet, evidence: Evidence) -> list[Layer]:
    """Return the layers of an image, the lowest first: text and distances lie upon areas."""
    return [
        Layer(
            token_type,
            TITLES[token_type],
            [_finding(token_type, each, evidence) for each in exhibits_of(token_set, token_type)],
        )
        for token_type in TokenType
    ]


def _finding(token_type: TokenType, exhibit: Exhibit, evidence: Evidence) -> Finding:
    place = _place(token_type, exhibit, evidence)
    measured = said = None
    if place is not None:
        name, letter = _LISTS[token_type]
        measured = _tell(evidence.measured[name][place])
        answer = (evidence.named.get("names") or {}).get(f"{letter}{place + 1}")
        said = _tell(answer) if answer else None
    return Finding(
        key=f"{token_type.value}.{exhibit.name}",
        exhibit=exhibit,
        path=outline(exhibit.token.boxes),
        measured=measured,
        said=said,
    )


def _place(token_type: TokenType, exhibit: Exhibit, evidence: Evidence) -> int | None:
    """Return which measurement a token is; None for one that Claude saw first.

    A token has the places of its measurement, and no two of a type were measured in the same.
    """
    boxes = [box.model_dump() for box in exhibit.token.boxes]
    measurements = evidence.measured.get(_LISTS[token_type][0], [])
    same = [place for place, each in enumerate(measurements) if each["boxes"] == boxes]
    return next(iter(same), None)


def _tell(known: Mapping[str, Any]) -> Facts:
    told = ((name, _write(name, value)) for name, value in known.items() if name not in _NOT_TOLD)
    return [(name.replace("_", " "), value) for name, value in told if value]


def _write(name: str, value: Any) -> str:  # noqa: ANN401 -- JSON
    if value is None:
        return ""
    if name == "confidence":
        return wording.percent(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(_write("", each) for each in value)
    if isinstance(value, dict):
        return " ".join(_write("", each) for each in value.values())
    return str(value)
