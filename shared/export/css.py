"""CSS custom properties (``tokens.css``), named by the kebab-case path of each token.

A text style becomes one property for each of its five parts, and a ``font`` shorthand over them;
an alias refers to the properties of its token.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.export.entries import Entry, list_entries
from shared.export.formats import File
from shared.export.rendering import render
from shared.export.values import (
    write_color,
    write_gradient,
    write_length,
    write_shadow,
    write_style,
)
from shared.tokens import TokenSet, TokenType

# A text style is no single value: write_style spells its parts.
WRITERS: Mapping[TokenType, Callable[[Any], str]] = {
    TokenType.COLOR: write_color,
    TokenType.SPACING: write_length,
    TokenType.SHADOW: write_shadow,
    TokenType.GRADIENT: write_gradient,
    TokenType.RADIUS: write_length,
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """A property or variable, and what a comment beside it may say."""

    name: str
    value: str
    note: str = ""


def write_css(token_set: TokenSet) -> File:
    """Return the set as ``tokens.css``."""
    groups = {
        token_type.value: [
            each for entry in list_entries(tokens) for each in _declare(token_type, entry)
        ]
        for token_type, tokens in token_set.tokens.by_type()
    }
    content = render("tokens.css.j2", version=token_set.pipeline_version, groups=groups)
    return File("tokens.css", "text/css", content)


def spell(token_type: TokenType, value: Any) -> dict[str, str]:  # noqa: ANN401 - of any type
    """Return a value by its parts: those of a text style, or one alone under the empty name."""
    if token_type is TokenType.TYPOGRAPHY:
        return write_style(value)
    return {"": WRITERS[token_type](value)}


def _declare(token_type: TokenType, entry: Entry) -> Iterator[Declaration]:
    """Yield the custom properties of one token or alias."""
    name = f"--{token_type.value}-{entry.name}"
    parts = spell(token_type, entry.token.value)
    if token_type is TokenType.TYPOGRAPHY:
        # Named -font, since a style called heading-font-size would clash with a bare name.
        size = f"var({name}-font-size) / var({name}-line-height)"
        parts["font"] = f"var({name}-font-weight) {size} var({name}-font-family)"
    *others, last = parts
    for part in (*others, last):
        suffix = f"-{part}" if part else ""
        value = parts[part]
        if entry.target is not None:
            value = f"var(--{token_type.value}-{entry.target}{suffix})"
        yield Declaration(f"{name}{suffix}", value, entry.description if part == last else "")
