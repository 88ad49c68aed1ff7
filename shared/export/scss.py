"""SCSS variables (``tokens.scss``), and one map a type to loop over.

The map of a type is named for the type alone, so that no token's variable can clash with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.export.css import WRITERS
from shared.export.formats import File
from shared.export.rendering import render
from shared.export.values import write_style
from shared.tokens import Token, TokenSet, TokenType


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of one token: by part of a text style, or one alone under the empty name."""

    name: str
    values: Mapping[str, str]
    note: str


def write_scss(token_set: TokenSet) -> File:
    """Return the set as ``tokens.scss``."""
    groups = {
        token_type.value: [_declare(token_type, token) for token in tokens]
        for token_type, tokens in token_set.tokens.by_type()
    }
    content = render("tokens.scss.j2", version=token_set.pipeline_version, groups=groups)
    return File("tokens.scss", "text/x-scss", content)


def _declare(token_type: TokenType, token: Token[Any]) -> Variables:
    if token_type is TokenType.TYPOGRAPHY:
        return Variables(token.name, write_style(token.value), token.description)
    return Variables(token.name, {"": WRITERS[token_type](token.value)}, token.description)
