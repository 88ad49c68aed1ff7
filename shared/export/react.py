"""A TypeScript theme object (``theme.ts``), usable by styled-components and Emotion as it is.

An object literal cannot refer to itself: an alias has the value of its token, and says so.
"""

from typing import Any

from shared.export.css import WRITERS
from shared.export.entries import Entry, list_entries
from shared.export.formats import File
from shared.export.rendering import render
from shared.export.values import line_height, round_number, write_style
from shared.tokens import TokenSet, TokenType, Typography

_STYLE_KEYS = {
    "font-family": "fontFamily",
    "font-size": "fontSize",
    "letter-spacing": "letterSpacing",
}


def write_react(token_set: TokenSet) -> File:
    """Return the set as ``theme.ts``."""
    groups = {
        token_type.value: [
            (each.name, _value(token_type, each.token.value), _note(each))
            for each in list_entries(tokens)
        ]
        for token_type, tokens in token_set.tokens.by_type()
    }
    content = render("theme.ts.j2", version=token_set.pipeline_version, groups=groups)
    return File("theme.ts", "text/typescript", content)


def _note(entry: Entry) -> str:
    same = () if entry.target is None else (f"Same as {entry.target}.",)
    return " ".join((*same, entry.description))


def _value(token_type: TokenType, value: Any) -> str | dict[str, Any]:  # noqa: ANN401 - any type's
    """Return a CSS string, or a style object whose weight and line height are numbers."""
    if token_type is TokenType.TYPOGRAPHY:
        return _style(value)
    return WRITERS[token_type](value)


def _style(style: Typography) -> dict[str, Any]:
    written = write_style(style)
    return {
        **{key: written[part] for part, key in _STYLE_KEYS.items()},
        "fontWeight": style.font_weight,
        "lineHeight": round_number(line_height(style)),
    }
