"""CSS custom properties (``tokens.css``), named by the kebab-case path of each token.

A text style becomes one property for each of its five parts, and a ``font`` shorthand over them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.export.formats import File
from shared.export.rendering import render
from shared.export.values import (
    write_color,
    write_gradient,
    write_length,
    write_shadow,
    write_style,
)
from shared.tokens import Token, TokenSet, TokenType

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
        token_type.value: [each for token in tokens for each in _declare(token_type, token)]
        for token_type, tokens in token_set.tokens.by_type()
    }
    content = render("tokens.css.j2", version=token_set.pipeline_version, groups=groups)
    return File("tokens.css", "text/css", content)


def _declare(token_type: TokenType, token: Token[Any]) -> Iterator[Declaration]:
    """Yield the custom properties of one token."""
    name = f"--{token_type.value}-{token.name}"
    if token_type is not TokenType.TYPOGRAPHY:
        yield Declaration(name, WRITERS[token_type](token.value), token.description)
        return
    for part, value in write_style(token.value).items():
        yield Declaration(f"{name}-{part}", value)
    # Named -font, since a style called heading-font-size would clash with a bare name.
    size = f"var({name}-font-size) / var({name}-line-height)"
    shorthand = f"var({name}-font-weight) {size} var({name}-font-family)"
    yield Declaration(f"{name}-font", shorthand, token.description)
