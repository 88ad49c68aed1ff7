"""Tokens with string values (``legacy.tokens.json``), for Tokens Studio and Penpot.

Neither reads the objects of DTCG 2025.10. The file has the shape that Tokens Studio exports: one
set, its order in ``$metadata``, and that tool's own type names. A gradient is a color there.
"""

from collections.abc import Callable, Mapping
from typing import Any

from shared.export.entries import Entry, list_entries
from shared.export.formats import File
from shared.export.rendering import render
from shared.export.values import (
    letter_spacing,
    line_height,
    round_number,
    write_comment,
    write_gradient,
    write_length,
    write_number,
)
from shared.tokens import Color, Shadow, TokenSet, TokenType, Typography

SET_NAME = "copy-that"
_TYPES = {
    TokenType.COLOR: "color",
    TokenType.SPACING: "spacing",
    TokenType.TYPOGRAPHY: "typography",
    TokenType.SHADOW: "boxShadow",
    TokenType.GRADIENT: "color",
    TokenType.RADIUS: "borderRadius",
}


def write_legacy(token_set: TokenSet) -> File:
    """Return the set as ``legacy.tokens.json``."""
    groups = {
        token_type.value: {each.name: _describe(token_type, each) for each in list_entries(tokens)}
        for token_type, tokens in token_set.tokens.by_type()
    }
    content = render("legacy.tokens.json.j2", set_name=SET_NAME, groups=groups)
    return File("legacy.tokens.json", "application/json", content)


def _describe(token_type: TokenType, entry: Entry) -> dict[str, Any]:
    value = _VALUES[token_type](entry.token.value)
    if entry.target is not None:
        value = f"{{{token_type.value}.{entry.target}}}"
    described = {"$type": _TYPES[token_type], "$value": value}
    note = write_comment(entry.description)
    return described | ({"$description": note} if note else {})


def _color(color: Color) -> str:
    """Return ``#rrggbb``, or ``#rrggbbaa`` where it is not opaque."""
    alpha = round(color.alpha * 255)
    return color.hex if round_number(color.alpha) == 1 else f"{color.hex}{alpha:02x}"


def _typography(style: Typography) -> dict[str, str]:
    """Return the parts as strings; these tools take a bare line height for pixels."""
    return {
        "fontFamily": ", ".join(style.font_family),
        "fontSize": write_length(style.font_size),
        "fontWeight": str(style.font_weight),
        "letterSpacing": write_length(letter_spacing(style)),
        "lineHeight": f"{write_number(line_height(style) * 100)}%",
    }


def _shadow(shadow: Shadow) -> dict[str, str]:
    return {
        "x": write_length(shadow.offset_x),
        "y": write_length(shadow.offset_y),
        "blur": write_length(shadow.blur),
        "spread": write_length(shadow.spread),
        "color": _color(shadow.color),
        "type": "innerShadow" if shadow.inset else "dropShadow",
    }


_VALUES: Mapping[TokenType, Callable[[Any], Any]] = {
    TokenType.COLOR: _color,
    TokenType.SPACING: write_length,
    TokenType.TYPOGRAPHY: _typography,
    TokenType.SHADOW: _shadow,
    TokenType.GRADIENT: write_gradient,
    TokenType.RADIUS: write_length,
}
