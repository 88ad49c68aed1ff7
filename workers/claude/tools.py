"""The tool that Claude answers with: one strict schema, built from one entry a token type.

The schema is static: ids of one image never enter it, since every new schema costs a grammar
compilation at the API. Strict mode knows no numeric or length limits, so ``reply.py`` sets them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

from anthropic.types import ToolParam

from shared.tokens import TokenType


@dataclass(frozen=True, slots=True)
class Entry:
    """What the tool asks for of one token type.

    ``array`` is the field that holds its items, ``letter`` begins its ids, ``extra`` are the
    closed sets it has beside the role.
    """

    array: str
    letter: str
    roles: tuple[str, ...]
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


OTHER = "other"
UNKNOWN_FAMILY = "unknown"
Unit = Literal["px", "rem", "em"]
UNITS: tuple[Unit, ...] = get_args(Unit)
FAMILIES = ("sans", "serif", "mono", "display", "script", UNKNOWN_FAMILY)

ENTRIES: dict[TokenType, Entry] = {
    TokenType.COLOR: Entry(
        "colors",
        "c",
        (
            *("background", "surface", "text", "border", "primary", "secondary", "accent"),
            *("success", "warning", "error", "info", "neutral", OTHER),
        ),
    ),
    TokenType.SPACING: Entry("spacing", "s", ("margin", "padding", "gap"), extra=(("u", UNITS),)),
    TokenType.TYPOGRAPHY: Entry(
        "typography",
        "t",
        (
            *("display", "heading", "subheading", "body", "label", "caption", "button"),
            *("link", "code", OTHER),
        ),
        extra=(("f", FAMILIES),),
    ),
    TokenType.SHADOW: Entry(
        "shadows",
        "h",
        ("card", "raised", "overlay", "focus-ring", "inset", "text", OTHER),
    ),
    TokenType.GRADIENT: Entry(
        "gradients", "g", ("background", "hero", "button", "overlay", "decorative", OTHER)
    ),
}

DROP = "drop"
# What measuring has missed: its type, name, value, box and confidence.
MISSED = "missed"
# Types of which a second look can tell whether there is one in a box.
CHECKABLE = (TokenType.COLOR, TokenType.SPACING, TokenType.SHADOW, TokenType.GRADIENT)

_DESCRIPTION = (
    "Report the names of the measured design tokens of the screenshot. Each item has i: the id "
    "of the measurement; n: its name; p: how sure you are, 0 to 100; d: what it is for, at most "
    "6 words; r: its role."
)


def nameable(types: Collection[TokenType]) -> tuple[TokenType, ...]:
    """Return the types among these that Claude is asked about, in their usual order."""
    return tuple(token_type for token_type in ENTRIES if token_type in types)


def tool_name(types: Collection[TokenType]) -> str:
    """Return the tool's name: that of the type when one is asked for, else the common one."""
    asked = nameable(types)
    return f"report_{asked[0].value}_tokens" if len(asked) == 1 else "name_tokens"


def build_tool(types: Collection[TokenType]) -> ToolParam:
    """Return the strict tool that takes the names of these types."""
    arrays = {ENTRIES[each].array: _array(_item(ENTRIES[each])) for each in nameable(types)}
    arrays[DROP] = _array({"type": "string"})
    if kinds := [each.value for each in nameable(types) if each in CHECKABLE]:
        arrays[MISSED] = _array(_missed_item(kinds))
    return {
        "name": tool_name(types),
        "description": _DESCRIPTION,
        "input_schema": _closed(arrays),
        "strict": True,
    }


def _missed_item(kinds: list[str]) -> dict[str, Any]:
    """Return the schema of one thing that was missed."""
    text = {"type": "string"}
    kind = {"type": "string", "enum": kinds}
    return _closed({"k": kind, "n": text, "v": text, "b": text, "p": {"type": "integer"}})


def _item(entry: Entry) -> dict[str, Any]:
    """Return the schema of one name."""
    text, whole = {"type": "string"}, {"type": "integer"}
    closed_sets = (("r", entry.roles), *entry.extra)
    return _closed(
        {"i": text, "n": text, "p": whole, "d": text}
        | {key: {"type": "string", "enum": list(values)} for key, values in closed_sets}
    )


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    """Return an object schema of which every property is required and no other allowed."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
