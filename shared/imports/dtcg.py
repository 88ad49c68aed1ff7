"""DTCG 2025.10 JSON read as a token set: ours without loss, other tools' as far as it fits.

A token set knows fewer types than the format. What it has no place for is left out, and told. A
``dimension`` is a radius, a distance or neither by the words of its groups, outermost first, since
the format does not say what a length is for. Names come from paths: ``Color.Brand.Primary Dark``
is the color ``brand-primary-dark``.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.imports.document import ROOT_TOKEN, Document, Written
from shared.imports.known import About, Known, read_known
from shared.imports.values import read_value
from shared.tokens import (
    Alias,
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

# What a token's name may have at most, as its model says.
_MAX_NAME = 64
_NAMELESS = "token"
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")
# Words in the name of a group that say what its lengths are.
_RADIUS_WORDS = frozenset({"radius", "radii", "rounded", "rounding", "corner", "corners"})
_SPACING_WORDS = frozenset(
    {"spacing", "space", "spaces", "gap", "gaps", "padding", "margin", "inset", "gutter"}
)
_OTHER_WORDS = frozenset(
    {
        *("font", "fonts", "text", "type", "typography", "letter", "line", "leading", "tracking"),
        *("border", "borders", "stroke", "outline", "breakpoint", "breakpoints", "screen", "icon"),
        *("container", "width", "height", "blur", "shadow", "elevation", "opacity", "grid"),
    }
)
_TYPES = {
    "color": TokenType.COLOR,
    "typography": TokenType.TYPOGRAPHY,
    "shadow": TokenType.SHADOW,
    "gradient": TokenType.GRADIENT,
}
# Types of the format that a token set has no place for.
_OTHER_TYPES = frozenset(
    {
        *("fontFamily", "fontWeight", "duration", "cubicBezier", "number", "strokeStyle"),
        *("border", "transition"),
    }
)
_TOKEN_CLASSES: Mapping[TokenType, type[Token[Any]]] = {
    TokenType.COLOR: Token[Color],
    TokenType.SPACING: Token[Dimension],
    TokenType.TYPOGRAPHY: Token[Typography],
    TokenType.SHADOW: Token[Shadow],
    TokenType.GRADIENT: Token[Gradient],
    TokenType.RADIUS: Token[Dimension],
}


@dataclass(frozen=True, slots=True)
class Ignored:
    """A token that was left out: its dotted path, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A file's token set, the path of each of its tokens, and what was left out."""

    token_set: TokenSet
    paths: Mapping[tuple[TokenType, str], str]
    ignored: tuple[Ignored, ...]


def read_dtcg(content: bytes, set_id: str) -> Imported:
    """Return the token set of a file.

    Args:
        content: UTF-8 JSON.
        set_id: What the set shall be known by; files carry no ids.

    Raises:
        UnreadableTokens: It is no DTCG 2025.10; the error names the JSON pointer.
    """
    document = Document(content)
    about = read_known(About, document.root)
    draft = _Draft(document)
    for token in document.tokens.values():
        draft.add(token)
    token_set = TokenSet(
        id=set_id,
        pipeline_version=about.pipeline_version,
        source_images=about.source_images,
        tokens=draft.finish(),
        scales=about.scales.as_scales() if about.scales else Scales(),
    )
    return Imported(token_set, draft.paths, tuple(draft.ignored))


class _Draft:
    """A token set in the making: tokens by where they stand, then the aliases of each."""

    def __init__(self, document: Document) -> None:
        self.paths: dict[tuple[TokenType, str], str] = {}
        self.ignored: list[Ignored] = []
        self._document = document
        self._names: dict[TokenType, Counter[str]] = {each: Counter() for each in TokenType}
        self._tokens: dict[TokenType, dict[tuple[str, ...], dict[str, Any]]] = {
            each: {} for each in TokenType
        }
        self._aliases: list[tuple[TokenType, Written, Alias]] = []

    def add(self, token: Written) -> None:
        """Take a token in: as an alias where it refers to another of its own type."""
        kind = self._kind_of(token)
        if not isinstance(kind, TokenType):
            self.ignored.append(kind)
            return
        end = self._document.end_of(token)
        known = read_known(Known, token.node)
        name = self._name(kind, token.path)
        self.paths[kind, name] = ".".join(token.path)
        facts: dict[str, Any] = {
            "name": name,
            "usage": known.usage,
            "confidence": known.confidence,
            "source": known.source,
            "description": _description(token, known),
        }
        if end is not token and self._kind_of(end) is kind:
            self._aliases.append((kind, end, Alias(**facts)))
            return
        value = read_value(kind, self._document, token.value, known)
        self._tokens[kind][token.path] = facts | {
            "value": value,
            "role": known.role,
            "on": known.on,
            "boxes": known.boxes,
            "images": tuple(use.as_use() for use in known.images),
            "image_count": known.image_count,
        }

    def finish(self) -> Tokens:
        """Return the tokens, in the order of the document."""
        for kind, end, alias in self._aliases:
            self._tokens[kind][end.path].setdefault("aliases", []).append(alias)
        return Tokens(
            **{
                kind.value: tuple(_TOKEN_CLASSES[kind](**facts) for facts in tokens.values())
                for kind, tokens in self._tokens.items()
            }
        )

    def _kind_of(self, token: Written) -> TokenType | Ignored:
        """Return what a token is in a token set, or why it is nothing there."""
        stated = self._document.type_of(token)
        path = ".".join(token.path)
        if stated == "dimension":
            return _kind_of_length(token.path) or Ignored(path, "neither distance nor radius")
        if stated in _OTHER_TYPES:
            return Ignored(path, f"a token set has no {stated}")
        if stated not in _TYPES:
            token.node.refuse(f"there is no type {stated!a}")
        value = self._document.end_of(token).value.value
        if stated == "shadow" and isinstance(value, list) and len(value) > 1:
            return Ignored(path, "a shadow of several layers")
        return _TYPES[stated]

    def _name(self, kind: TokenType, path: tuple[str, ...]) -> str:
        """Return a name that is free: words of the path, without the type's own in front."""
        words = [slug for step in path if step != ROOT_TOKEN and (slug := _slug(step))]
        if len(words) > 1 and words[0] in (kind.value, f"{kind.value}s"):
            del words[0]
        wanted = "-".join(words)[:_MAX_NAME].strip("-") or _NAMELESS
        taken = self._names[kind]
        name = wanted
        while name in taken:
            taken[wanted] += 1
            suffix = f"-{taken[wanted]}"
            name = wanted[: _MAX_NAME - len(suffix)] + suffix
        taken[name] += 1
        return name


def _kind_of_length(path: tuple[str, ...]) -> TokenType | None:
    """Return what the outermost group that says anything says; a length of none is a distance."""
    for step in path:
        words = set(_slug(step).split("-"))
        if words & _RADIUS_WORDS:
            return TokenType.RADIUS
        if words & _SPACING_WORDS:
            return TokenType.SPACING
        if words & _OTHER_WORDS:
            return None
    return TokenType.SPACING


def _slug(text: str) -> str:
    """Return a name in kebab-case, empty where it has no letter or digit of ASCII."""
    plain = unicodedata.normalize("NFKD", _HUMP.sub("-", text)).encode("ascii", "ignore").decode()
    return _BETWEEN_WORDS.sub("-", plain.lower()).strip("-")


def _description(token: Written, known: Known) -> str:
    if known.description is not None:
        return known.description
    stated = token.node.at("$description").value
    if stated is None:
        return ""
    if not isinstance(stated, str):
        token.node.at("$description").refuse("a description is a string")
    return stated
