"""DTCG files read as token sets: our own without loss, those of others as far as they fit."""

import json
from typing import Any

import pytest
from hypothesis import given

from shared.export import Format, export
from shared.imports import MAX_BYTES, Imported, UnreadableTokens, read_dtcg
from shared.tokens import Color, TokenSet, TokenType, Typography
from tests.token_sets import RICH, any_sets, px, shadow, style

BLUE = {"colorSpace": "srgb", "components": [0.2, 0.4, 0.8]}
INTER = {
    "fontFamily": "Inter",
    "fontSize": {"value": 1, "unit": "rem"},
    "fontWeight": "semi-bold",
    "letterSpacing": {"value": 0, "unit": "px"},
    "lineHeight": 1.5,
}


def read(document: object) -> Imported:
    return read_dtcg(json.dumps(document).encode(), "set_1")


def names(document: object, kind: TokenType = TokenType.COLOR) -> list[str]:
    return [token.name for token in dict(read(document).token_set.tokens.by_type())[kind]]


def without_ids(token_set: TokenSet) -> TokenSet:
    return token_set.model_copy(update={"id": "set_1", "job_id": None, "item_id": None})


@given(token_set=any_sets)
def test_what_was_exported_comes_back_as_it_was(token_set: TokenSet) -> None:
    file = export(token_set, Format.W3C)

    read_back = read_dtcg(file.content, "set_1")

    assert read_back.token_set == without_ids(token_set)
    assert read_back.ignored == ()


def test_a_rich_set_comes_back_with_the_paths_of_its_tokens() -> None:
    read_back = read_dtcg(export(RICH, Format.W3C).content, "set_1")

    assert read_back.token_set == without_ids(RICH)
    assert read_back.paths[TokenType.COLOR, "text-brand"] == "color.text-brand"


def test_a_type_is_inherited_from_the_nearest_group_that_has_one() -> None:
    document = {
        "$type": "dimension",
        "palette": {"$type": "color", "deep": {"blue": {"$value": BLUE}}},
        "space": {"4": {"$value": {"value": 4, "unit": "px"}}},
    }

    tokens = read(document).token_set.tokens

    assert [token.value for token in tokens.color] == [Color(hex="#3366cc")]
    assert [token.value for token in tokens.spacing] == [px(4)]


def test_a_name_is_made_of_the_path() -> None:
    group = {
        "$type": "color",
        "Brand": {"primaryDark": {"$value": BLUE}, "Grün 1": {"$value": BLUE}},
    }

    read_in = read({"colors": group})

    assert [token.name for token in read_in.token_set.tokens.color] == [
        "brand-primary-dark",
        "brand-grun-1",
    ]
    assert read_in.paths[TokenType.COLOR, "brand-primary-dark"] == "colors.Brand.primaryDark"


def test_paths_that_come_to_one_name_are_told_apart() -> None:
    group = {
        "$type": "color",
        "a b": {"$value": BLUE},
        "a-b": {"$value": BLUE},
        "é": {"$value": BLUE},
    }

    assert names({"x": group | {"日本": {"$value": BLUE}}}) == ["x-a-b", "x-a-b-2", "x-e", "x"]


def test_a_root_token_is_called_like_its_group() -> None:
    group = {"$type": "color", "$root": {"$value": BLUE}, "dark": {"$value": BLUE}}

    assert names({"brand": group}) == ["brand", "brand-dark"]


def test_a_reference_to_a_token_of_the_same_type_is_an_alias_of_what_it_ends_at() -> None:
    group = {
        "$type": "color",
        "link": {"$value": "{c.primary}"},
        "primary": {"$value": "{c.blue}"},
    }

    (blue,) = read({"c": {**group, "blue": {"$value": BLUE}}}).token_set.tokens.color

    assert (blue.name, [alias.name for alias in blue.aliases]) == (
        "c-blue",
        ["c-link", "c-primary"],
    )


def test_a_reference_to_another_kind_of_length_is_a_token_of_its_own() -> None:
    lengths = {
        "$type": "dimension",
        "space": {"4": {"$value": {"value": 4, "unit": "px"}}},
        "radius": {"card": {"$value": "{space.4}"}},
    }

    tokens = read(lengths).token_set.tokens

    assert [(token.name, token.value) for token in tokens.radius] == [("card", px(4))]


def test_parts_of_a_value_may_be_references() -> None:
    document = {
        "blue": {"$type": "color", "$value": BLUE},
        "size": {"$type": "dimension", "font": {"$value": {"value": 1, "unit": "rem"}}},
        "family": {"$type": "fontFamily", "$value": ["Inter", "sans-serif"]},
        "body": {
            "$type": "typography",
            "$value": INTER | {"fontFamily": "{family}", "fontSize": "{size.font}"},
        },
        "card": {
            "$type": "shadow",
            "$value": {
                "color": "{blue}",
                "offsetX": {"value": 0, "unit": "px"},
                "offsetY": {"value": 4, "unit": "px"},
                "blur": {"value": 12, "unit": "px"},
                "spread": {"value": 0, "unit": "px"},
            },
        },
    }

    tokens = read(document).token_set.tokens

    assert tokens.typography[0].value.font_family == ("Inter", "sans-serif")
    assert tokens.typography[0].value.font_size.px == 16
    assert tokens.shadow[0].value == shadow(4, 12, color=Color(hex="#3366cc"))


def test_a_font_weight_may_be_a_word() -> None:
    tokens = read({"body": {"$type": "typography", "$value": INTER}}).token_set.tokens

    expected = style("Inter", 16, 600, letter_spacing=px(0), line_height=1.5).model_dump()
    expected["font_size"] = {"value": 1, "unit": "rem"}
    assert tokens.typography[0].value == Typography.model_validate(expected)


def test_a_color_of_another_space_is_its_fallback() -> None:
    wide = {"colorSpace": "oklch", "components": [0.5, 0.1, 200], "hex": "#0B6E7F", "alpha": 0.5}

    tokens = read({"a": {"$type": "color", "$value": wide}}).token_set.tokens

    assert tokens.color[0].value == Color(hex="#0b6e7f", alpha=0.5)


def test_what_a_token_set_has_no_place_for_is_told() -> None:
    lengths = {"$type": "dimension", "base": {"$value": {"value": 1, "unit": "px"}}}
    document = {
        "fade": {"$type": "duration", "$value": {"value": 1, "unit": "s"}},
        "border-width": lengths,
        "menu": {"$type": "shadow", "$value": [{}, {}]},
    }

    read_in = read(document)

    assert [each.path for each in read_in.ignored] == ["fade", "border-width.base", "menu"]
    assert not any(tokens for _, tokens in read_in.token_set.tokens.by_type())


def wrong(
    value: object, kind: str = "color", beside: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {"a": {"b/c": {"$type": kind, "$value": value} | (beside or {})}}


SPOILED = {"$extensions": {"dev.copy-that": {"usage": 0}}}


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (wrong("#3366cc"), "/a/b~1c/$value"),
        (wrong(BLUE | {"colorSpace": "oklch"}), "/a/b~1c/$value/colorSpace"),
        (wrong(BLUE | {"components": [0, 0]}), "/a/b~1c/$value/components"),
        (wrong(BLUE | {"components": [0, 2, 0]}), "/a/b~1c/$value/components/1"),
        (wrong(BLUE | {"alpha": 7}), "/a/b~1c/$value"),
        (wrong("{a.x}"), "/a/b~1c/$value"),
        (wrong("{a.b/c}"), "/a/b~1c/$value"),
        (wrong({"value": "4", "unit": "px"}, "dimension"), "/a/b~1c/$value/value"),
        (wrong({"value": 1e400, "unit": "px"}, "dimension"), ""),
        (wrong({"value": 10**400, "unit": "px"}, "dimension"), "/a/b~1c/$value/value"),
        (wrong({"value": 4, "unit": "vw"}, "dimension"), "/a/b~1c/$value/unit"),
        (wrong(INTER | {"fontWeight": "fat"}, "typography"), "/a/b~1c/$value/fontWeight"),
        (wrong(INTER | {"fontFamily": ["{x}"]}, "typography"), "/a/b~1c/$value/fontFamily/0"),
        (wrong(INTER | {"fontFamily": "a;b"}, "typography"), "/a/b~1c/$value"),
        (wrong([], "gradient"), "/a/b~1c/$value"),
        (wrong(BLUE, "hue"), "/a/b~1c"),
        (wrong(BLUE, "color", {"d": {"$value": BLUE}}), "/a/b~1c/d"),
        (wrong(BLUE, "color", {"$description": 1}), "/a/b~1c/$description"),
        (wrong(BLUE, "color", SPOILED), "/a/b~1c/$extensions/dev.copy-that/usage"),
        ({"a": {"$value": BLUE}}, "/a"),
        ({"a": {"$ref": "#/b"}}, "/a/$ref"),
        ({"a": {"$extends": "{b}"}}, "/a/$extends"),
        ({"a.b": {}}, "/a.b"),
        ({"a": 1}, "/a"),
        ({"$type": "color", "x": {"$value": "{y}"}, "y": {"$value": "{x}"}}, "/x/$value"),
        ([], ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_a_pointer_to_it(document: object, pointer: str) -> None:
    with pytest.raises(UnreadableTokens) as refused:
        read(document)

    assert refused.value.pointer == pointer


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": {}, "a": {}}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b'{"a": ' + b"9" * 5000 + b"}",
        b" " * (MAX_BYTES + 1),
    ],
    ids=["nothing", "UTF-16", "NaN", "twice", "surrogate", "arrays", "objects", "digits", "size"],
)
def test_a_file_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableTokens):
        read_dtcg(content, "set_1")


def test_a_long_chain_of_references_is_followed_once() -> None:
    chain = {f"c{n}": {"$value": f"{{c{n + 1}}}"} for n in range(50_000)}
    document = {"$type": "color", **chain, "c50000": {"$value": BLUE}}

    (token,) = read(document).token_set.tokens.color

    assert len(token.aliases) == 50_000
