from collections.abc import Iterator
from typing import Any

import pytest

from shared.tokens import TokenType
from workers.claude.tools import CHECKABLE, ENTRIES, build_tool, nameable

# What strict mode does not know, from the structured outputs page of the documentation.
UNSUPPORTED = {"minimum", "maximum", "minLength", "maxLength", "maxItems", "anyOf", "oneOf"}


def schemas_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in schema.get("properties", {}).values():
        yield from schemas_in(inner)
    if "items" in schema:
        yield from schemas_in(schema["items"])


def arrays_of(types: tuple[TokenType, ...]) -> list[str]:
    schema: dict[str, Any] = dict(build_tool(types)["input_schema"])
    return list(schema["properties"])


def test_the_tool_for_all_types_is_strict_and_called_name_tokens() -> None:
    tool = build_tool(tuple(TokenType))

    assert (tool["name"], tool["strict"]) == ("name_tokens", True)


def test_the_tool_has_an_array_a_type_one_for_drops_and_one_for_what_was_missed() -> None:
    arrays = ["colors", "spacing", "typography", "shadows", "gradients", "drop", "missed"]
    assert arrays_of(tuple(TokenType)) == arrays


@pytest.mark.parametrize("token_type", list(ENTRIES))
def test_the_tool_for_one_type_carries_its_name_and_its_array_alone(
    token_type: TokenType,
) -> None:
    assert build_tool((token_type,))["name"] == f"report_{token_type}_tokens"
    missed = ["missed"] if token_type in CHECKABLE else []
    assert arrays_of((token_type,)) == [ENTRIES[token_type].array, "drop", *missed]


def test_every_object_of_the_schema_is_closed_and_wants_all_its_fields() -> None:
    for schema in schemas_in(dict(build_tool(tuple(TokenType))["input_schema"])):
        if schema["type"] == "object":
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])


def test_the_schema_uses_nothing_that_strict_mode_does_not_know() -> None:
    for schema in schemas_in(dict(build_tool(tuple(TokenType))["input_schema"])):
        assert not UNSUPPORTED & schema.keys()
        assert isinstance(schema["type"], str)


def test_a_radius_is_not_asked_about() -> None:
    assert TokenType.RADIUS not in nameable(tuple(TokenType))
