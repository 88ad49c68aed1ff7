"""One page that shows every token as what it is (``tokens.html``), for people, without a server.

It stands alone: no script, no font and no image is loaded from anywhere.
"""

from dataclasses import dataclass
from typing import Any

from shared.export.css import WRITERS
from shared.export.formats import File
from shared.export.rendering import render
from shared.export.values import write_style
from shared.tokens import Token, TokenSet, TokenType


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A token as the page shows it; ``style`` is the CSS that its picture is drawn with."""

    name: str
    value: str
    style: str
    facts: str
    description: str


def write_specimen(token_set: TokenSet) -> File:
    """Return the set as ``tokens.html``."""
    groups = {
        token_type.value: [_exhibit(token_type, token) for token in tokens]
        for token_type, tokens in token_set.tokens.by_type()
    }
    images = token_set.source_images
    return File("tokens.html", "text/html", render("tokens.html.j2", groups=groups, images=images))


def _exhibit(token_type: TokenType, token: Token[Any]) -> Exhibit:
    if token_type is TokenType.TYPOGRAPHY:
        parts = write_style(token.value)
        value = f"{parts['font-size']} / {parts['font-weight']}"
        style = "; ".join(f"{name}: {part}" for name, part in parts.items())
    else:
        value = WRITERS[token_type](token.value)
        style = f"--value: {value}"
    role = (token.role,) if token.role else ()
    facts = (
        *role,
        "seen once" if token.usage == 1 else f"seen {token.usage} times",
        f"{token.confidence:.0%} sure",
        token.source.value,
    )
    return Exhibit(token.name, value, style, " · ".join(facts), token.description)
