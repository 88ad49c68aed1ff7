from dataclasses import replace
from typing import Literal, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens import Box, Color, Dimension, Source, TextOn, Tokens, TokenType
from tests.workers.measured import (
    Measurement,
    color,
    gradient,
    measurements,
    radius,
    shadow,
    spacing,
    style,
)
from workers.assemble import assemble
from workers.measure.measurements import FamilyClass, GradientKind, SpacingKind, TextBackground
from workers.names import Added, Name, Naming

Unit: TypeAlias = Literal["px", "rem", "em"]


def by_rule(*found: Measurement) -> Tokens:
    return assemble(measurements(*found), None, list(TokenType))


def by_claude(
    names: dict[str, Name], *found: Measurement, dropped: tuple[str, ...] = ()
) -> Tokens:
    naming = Naming(names=names, dropped=frozenset(dropped))
    return assemble(measurements(*found), naming, list(TokenType))


def name(slug: str, confidence: float = 0.9, role: str = "other", unit: Unit = "px") -> Name:
    return Name(slug, confidence, "What it is for", role, unit)


def test_a_page_without_anything_has_no_tokens() -> None:
    assert by_rule() == Tokens()


def test_without_claude_a_token_is_measured_and_named_by_rule() -> None:
    (token,) = by_rule(color("#2563eb", count=4)).color

    assert (token.name, token.value, token.source) == (
        "blue-600",
        Color(hex="#2563eb"),
        Source.CV,
    )
    assert (token.usage, token.confidence, token.role) == (4, 0.9, None)
    assert token.boxes == (Box(x=1, y=2, width=30, height=40),)


def test_claude_names_and_describes_what_stays_as_measured() -> None:
    (token,) = by_claude({"c1": name("primary", role="primary")}, color("#2563eb")).color

    assert (token.name, token.value) == ("primary", Color(hex="#2563eb"))
    assert (token.source, token.role) == (Source.CLAUDE, "primary")
    assert token.description == "What it is for"


def test_what_a_second_look_found_comes_last_with_its_own_source() -> None:
    found = color("#ff8800")
    added = Added(TokenType.COLOR, name("accent"), found)

    tokens = assemble(measurements(color("#2563eb")), Naming(added=(added,)), list(TokenType))

    assert [token.source for token in tokens.color] == [Source.CV, Source.CLAUDE_ADDED]
    assert (tokens.color[1].name, tokens.color[1].value) == ("accent", Color(hex="#ff8800"))


def test_a_token_is_as_sure_as_the_less_sure_of_value_and_name() -> None:
    named = {"c1": name("primary", 0.3), "c2": name("ink", 0.99)}

    tokens = by_claude(named, color("#2563eb"), color("#111111"))

    assert [token.confidence for token in tokens.color] == [0.3, 0.9]


def test_what_claude_left_out_is_named_by_rule() -> None:
    tokens = by_claude({"c2": name("ink")}, color("#2563eb"), color("#111111"))

    assert [(token.name, token.source) for token in tokens.color] == [
        ("blue-600", Source.CV),
        ("ink", Source.CLAUDE),
    ]


def test_what_claude_took_for_no_token_is_left_out() -> None:
    tokens = by_claude({}, color("#2563eb"), color("#111111"), dropped=("c1",))

    assert [token.value.hex for token in tokens.color] == ["#111111"]


def test_only_the_types_asked_for_are_there() -> None:
    found = measurements(color("#2563eb"), spacing(16), radius(8))

    tokens = assemble(found, None, [TokenType.SPACING])

    assert not tokens.color
    assert not tokens.radius
    assert [token.name for token in tokens.spacing] == ["16"]


def test_one_distance_between_different_things_is_one_token_by_rule() -> None:
    (token,) = by_rule(
        spacing(16, SpacingKind.GAP, 5, 0.8), spacing(16, SpacingKind.PADDING, 3, 0.9)
    ).spacing

    assert (token.name, token.usage, token.role) == ("16", 8, "gap")
    assert token.confidence == 0.9
    assert len(token.boxes) == 2


def test_one_distance_that_claude_tells_apart_is_two_tokens() -> None:
    named = {"s1": name("list-gap", role="gap"), "s2": name("card-inset", role="padding")}

    tokens = by_claude(named, spacing(16), spacing(16, SpacingKind.PADDING))

    assert [(token.name, token.role) for token in tokens.spacing] == [
        ("list-gap", "gap"),
        ("card-inset", "padding"),
    ]


def test_a_spacing_never_has_the_name_of_a_shirt_size() -> None:
    tokens = by_claude({"s1": name("md")}, spacing(12))

    assert [token.name for token in tokens.spacing] == ["12"]


@pytest.mark.parametrize(
    ("px", "unit", "value"),
    [
        (16, "px", Dimension(value=16, unit="px")),
        (20, "rem", Dimension(value=1.25, unit="rem")),
        (12, "em", Dimension(value=0.75, unit="em")),
        (13.3, "rem", Dimension(value=13.3, unit="px")),
    ],
)
def test_a_distance_has_the_unit_it_was_classified_as_if_that_is_exact(
    px: float, unit: Unit, value: Dimension
) -> None:
    tokens = by_claude({"s1": name("stack", unit=unit)}, spacing(px))

    assert tokens.spacing[0].value == value


def test_a_line_height_is_a_share_of_the_size_and_none_where_none_was_seen() -> None:
    tokens = by_rule(style(14, line_height_px=20), style(32))

    assert [token.value.line_height for token in tokens.typography] == [1.4286, None]
    assert [token.value.letter_spacing for token in tokens.typography] == [None, None]


@pytest.mark.parametrize(
    ("seen", "named", "family"),
    [
        (FamilyClass.SERIF, "sans", "serif"),
        (FamilyClass.SANS, None, "sans-serif"),
        (FamilyClass.UNKNOWN, "mono", "monospace"),
        (FamilyClass.UNKNOWN, "display", "system-ui"),
        (FamilyClass.UNKNOWN, None, "system-ui"),
    ],
)
def test_the_family_is_the_measured_class_and_claude_s_only_where_none_is(
    seen: FamilyClass, named: str | None, family: str
) -> None:
    tokens = by_claude({"t1": Name("body", 1, "", "body", family=named)}, style(16, family=seen))

    assert tokens.typography[0].value.font_family == (family,)


def test_a_shadow_and_gradients_keep_their_parameters() -> None:
    tokens = by_rule(
        shadow(4, 12, 0.12),
        gradient("#2563eb", "#9333ea"),
        gradient("#2563eb", "#9333ea", kind=GradientKind.RADIAL),
    )

    cast = tokens.shadow[0].value
    assert (cast.offset_y.value, cast.blur.value, cast.color.alpha) == (4, 12, 0.12)
    assert [(each.value.kind, each.value.angle) for each in tokens.gradient] == [
        ("linear", 90),
        ("radial", None),
    ]
    assert [stop.position for stop in tokens.gradient[0].value.stops] == [0, 1]


@given(st.lists(st.sampled_from(["#2563eb", "#2664ec", "#111111", "#121212"]), max_size=6))
def test_names_are_unique_in_their_type(hexes: list[str]) -> None:
    tokens = by_rule(*(color(each) for each in hexes), *(style(16, 100 + i) for i in range(3)))

    for _, of_type in tokens.by_type():
        names = [token.name for token in of_type]
        assert len(set(names)) == len(names)


def test_a_text_style_never_has_the_name_of_a_color() -> None:
    tokens = by_claude({"c1": name("card"), "t1": name("card")}, color("#111111"), style(16))

    assert (tokens.color[0].name, tokens.typography[0].name) == ("card", "card-text")


def test_a_color_of_text_keeps_what_was_behind_it() -> None:
    ink = replace(color("#111827"), on=(TextBackground("#ffffff", 3, 1),))

    (token,) = by_rule(ink).color

    assert token.on == (TextOn(background="#ffffff", count=3, large=1),)
