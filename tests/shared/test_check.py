"""A design system's file against what screens show."""

import json
from typing import Any

from hypothesis import given, settings

from shared.check import DesignCheck, check
from shared.export import Format, export
from shared.imports import read_dtcg
from shared.tokens import Color, TextOn, Tokens, TokenSet
from tests.token_sets import any_sets, of, px, shadow, style, token

BLUE, GREEN = Color(hex="#2563eb"), Color(hex="#1f7a4d")


def checked(design: Tokens, screens: Tokens) -> DesignCheck:
    """Return how screens use a design system, which goes through its file."""
    return check(read_dtcg(export(of(design), Format.W3C).content, "set_1"), screens)


@settings(max_examples=25)
@given(token_set=any_sets)
def test_screens_adhere_to_their_own_tokens(token_set: TokenSet) -> None:
    found = checked(token_set.tokens, token_set.tokens)

    assert (found.unused, found.foreign) == (0, 0)
    assert found.adherence in (None, 1)
    assert DesignCheck.model_validate_json(found.model_dump_json(by_alias=True)) == found


def test_what_is_used_what_is_not_and_what_is_foreign_are_told_apart() -> None:
    design = Tokens(color=(token("blue", BLUE), token("green", GREEN)))
    seen = token("blue-600", Color(hex="#2664eb"), usage=30)
    slip = token("blue-610", Color(hex="#2a6cf0"), usage=9)
    other = token("red", Color(hex="#b91c1c"), usage=1)

    found = checked(design, Tokens(color=(seen, slip, other)))

    assert [(each.design.path, each.seen) for each in found.tokens.color.used] == [
        ("color.blue", seen)
    ]
    assert [each.path for each in found.tokens.color.unused] == ["color.green"]
    assert [
        (each.token, each.probably and each.probably.path) for each in found.tokens.color.foreign
    ] == [(slip, "color.blue"), (other, None)]
    assert found.adherence == found.tokens.color.adherence == 0.75
    assert (found.used, found.unused, found.foreign) == (1, 1, 2)


def test_an_alias_is_told_with_its_token() -> None:
    blue = {"$value": {"colorSpace": "srgb", "components": [0.1451, 0.3882, 0.9216]}}
    file = {"c": {"$type": "color", "Blue 600": blue, "link": {"$value": "{c.Blue 600}"}}}

    found = check(read_dtcg(json.dumps(file).encode(), "set_1"), Tokens(color=(token("x", BLUE),)))

    (used,) = found.tokens.color.used
    assert (used.design.path, used.design.aliases) == ("c.Blue 600", ("c.link",))


def test_one_seen_value_uses_every_token_that_has_it() -> None:
    design = Tokens(spacing=(token("gap", px(16)), token("gutter", px(16))))

    found = checked(design, Tokens(spacing=(token("16", px(16)),)))

    assert (found.used, found.unused) == (2, 0)


def test_a_text_style_is_known_by_size_weight_and_line_height() -> None:
    body = style("Inter", 16, 400, line_height=1.5, letter_spacing=px(0))
    seen = (
        token("body-16", style("sans-serif", 16, 400), usage=3),
        token("body-16-2", style("sans-serif", 16, 400, line_height=2.0), usage=1),
    )

    found = checked(Tokens(typography=(token("body", body),)), Tokens(typography=seen))

    assert [each.seen.name for each in found.tokens.typography.used] == ["body-16"]
    assert [each.token.name for each in found.tokens.typography.foreign] == ["body-16-2"]


def test_of_a_type_that_the_file_lacks_nothing_is_foreign() -> None:
    screens = Tokens(color=(token("blue", BLUE),), shadow=(token("md", shadow(4, 12)),))

    found = checked(Tokens(color=(token("blue", BLUE),)), screens)

    assert found.foreign == 0
    assert found.tokens.shadow.adherence is None
    assert found.adherence == 1


def test_what_is_not_confirmed_is_used_and_never_foreign() -> None:
    def doubtful(name: str, value: Color) -> Any:  # noqa: ANN401 -- a token
        return token(name, value, confirmed=False)

    found = checked(
        Tokens(color=(token("blue", BLUE),)),
        Tokens(color=(doubtful("blue", BLUE), doubtful("green", GREEN))),
    )

    assert (found.used, found.foreign, found.adherence) == (1, 0, None)


def test_thin_letters_of_a_color_are_not_foreign() -> None:
    on = (TextOn(background="#ffffff", count=3),)
    ink = token("ink", Color(hex="#5a6b61"), usage=40, role="text", on=on)
    thin = token("thin", Color(hex="#67776e"), usage=3, role="text", on=on)

    assert checked(Tokens(color=(ink,)), Tokens(color=(ink, thin))).foreign == 0


def test_what_a_token_set_has_no_place_for_is_told() -> None:
    file = {"fade": {"$type": "duration", "$value": {"value": 1, "unit": "s"}}}

    found = check(read_dtcg(json.dumps(file).encode(), "set_1"), Tokens())

    assert [(each.path, each.reason) for each in found.ignored] == [
        ("fade", "a token set has no duration")
    ]
