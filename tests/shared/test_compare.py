"""What became of tokens from one set to another."""

from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from pydantic import BaseModel

from shared.compare import Difference, compare
from shared.tokens import Box, Color, ImageUse, Source, TextOn, Token, Tokens, TokenType
from tests.token_sets import RICH, alias, any_tokens, em, gradient, px, shadow, style, token

GREEN, VIOLET, PLUM = (Color(hex=each) for each in ("#1f7a4d", "#6d3fc0", "#7a4585"))
Value = TypeVar("Value", bound=BaseModel)
NOTHING = dict.fromkeys(TokenType, Difference())


def seen(name: str, value: Value, *images: tuple[str, int], **known: object) -> Token[Value]:
    """Return a token with its uses by image."""
    uses = tuple(ImageUse(image=image, count=count) for image, count in images)
    return token(name, value, usage=sum(count for _, count in images), images=uses, **known)


def given_name(name: str, value: Value, **known: object) -> Token[Value]:
    return token(name, value, source=Source.CLAUDE, **known)


def colors(before: tuple[Token[Any], ...], after: tuple[Token[Any], ...]) -> Difference:
    return compare(Tokens(color=before), Tokens(color=after))[TokenType.COLOR]


def pairs(difference: Difference) -> list[tuple[str, str]]:
    return [(pair.before.name, pair.after.name) for pair in difference.changed]


@settings(max_examples=25)
@given(tokens=any_tokens)
def test_nothing_becomes_of_what_is_compared_with_itself(tokens: Tokens) -> None:
    assert compare(tokens, tokens) == NOTHING


@settings(max_examples=25)
@given(before=any_tokens, after=any_tokens)
def test_no_token_is_told_twice(before: Tokens, after: Tokens) -> None:
    kinds = zip(before.by_type(), after.by_type(), strict=True)
    found = compare(before, after)
    for (token_type, old), (_, new) in kinds:
        there = found[token_type]
        pairs = (*there.changed, *there.renamed)
        gone = [each.name for each in (*there.removed, *(pair.before for pair in pairs))]
        come = [each.name for each in (*there.added, *(pair.after for pair in pairs))]

        assert len(gone) == len(set(gone) & {each.name for each in old})
        assert len(come) == len(set(come) & {each.name for each in new})


def test_order_and_usage_are_no_difference() -> None:
    tokens = {
        token_type.value: tuple(each.model_copy(update={"usage": 99}) for each in reversed(found))
        for token_type, found in RICH.tokens.by_type()
    }

    assert compare(RICH.tokens, Tokens(**tokens)) == NOTHING


def test_values_that_measuring_does_not_tell_apart_are_the_same() -> None:
    before = Tokens(
        color=(token("a", Color(hex="#3366cc")),),
        spacing=(token("16", px(16)),),
        typography=(token("body", style("Inter", 16, line_height=1.5)),),
        radius=(token("8", px(8)),),
    )
    after = Tokens(
        color=(token("b", Color(hex="#3467cc")),),
        spacing=(token("17", px(17)),),
        typography=(token("text", style("Inter", 16.5)),),
        radius=(token("8-5", px(8.5)),),
    )

    assert compare(before, after) == NOTHING


def test_a_value_that_is_there_before_alone_was_removed_and_after_alone_added() -> None:
    before = Tokens(spacing=(seen("16", px(16), ("a", 9)),), radius=(token("4", px(4)),))
    after = Tokens(
        spacing=(seen("16", px(16), ("a", 9)), seen("40", px(40), ("a", 2))),
        shadow=(token("md", shadow(4, 12)),),
    )

    there = compare(before, after)

    assert [each.name for each in there[TokenType.SPACING].added] == ["40"]
    assert [each.name for each in there[TokenType.RADIUS].removed] == ["4"]
    assert [each.name for each in there[TokenType.SHADOW].added] == ["md"]
    assert there[TokenType.SPACING].removed == ()


def test_a_given_name_is_followed_to_its_new_value() -> None:
    before = (given_name("primary", GREEN, usage=90), given_name("accent", PLUM))
    after = (given_name("accent", Color(hex="#d97a1e"), usage=90), given_name("primary", VIOLET))

    assert pairs(colors(before, after)) == [("primary", "primary"), ("accent", "accent")]


def test_an_alias_in_common_is_a_name_in_common() -> None:
    before = (given_name("leaf", GREEN, usage=90, aliases=(alias("brand"),)),)

    assert pairs(colors(before, (given_name("brand", VIOLET),))) == [("leaf", "brand")]


def test_names_by_rule_lead_nowhere() -> None:
    before = seen("gray-800", Color(hex="#1b2a22"), ("a", 9))
    after = seen("gray-800", Color(hex="#16203a"), ("b", 1))

    there = colors((before,), (after,))

    assert (there.removed, there.added) == ((before,), (after,))


def test_without_a_name_a_token_is_followed_by_how_often_each_image_uses_it() -> None:
    before = (
        seen("green", GREEN, ("a", 9), ("b", 4)),
        seen("gray", Color(hex="#888888"), ("a", 2)),
    )
    after = (
        seen("violet", VIOLET, ("a", 8), ("b", 5)),
        seen("red", Color(hex="#cc2222"), ("a", 1), ("b", 1)),
    )

    there = colors(before, after)

    assert pairs(there) == [("green", "violet")]
    assert [each.name for each in (*there.removed, *there.added)] == ["gray", "red"]


def test_images_of_other_names_count_together() -> None:
    before = (seen("green", GREEN, ("monday.png", 9)), seen("plum", PLUM, ("monday.png", 2)))
    after = (seen("violet", VIOLET, ("sunday.png", 8)),)

    there = colors(before, after)

    assert pairs(there) == [("green", "violet")]
    assert [each.name for each in there.removed] == ["plum"]


def test_of_tokens_used_alike_those_at_the_same_places_are_one() -> None:
    def at(name: str, value: Color, y: int) -> Token[Any]:
        use = ImageUse(image="a", count=1, boxes=(Box(x=10, y=y, width=90, height=30),))
        return token(name, value, images=(use,))

    before = (at("green", GREEN, 40), at("plum", PLUM, 400))
    after = (at("teal", Color(hex="#0f766e"), 404), at("violet", VIOLET, 44))

    assert pairs(colors(before, after)) == [("green", "violet"), ("plum", "teal")]


def test_of_tokens_used_alike_those_in_the_same_role_are_one() -> None:
    before = (token("green", GREEN, role="text"), token("plum", PLUM, role="surface"))
    after = (
        token("teal", Color(hex="#0f766e"), role="surface"),
        token("violet", VIOLET, role="text"),
    )

    assert pairs(colors(before, after)) == [("green", "violet"), ("plum", "teal")]


def test_of_tokens_used_alike_the_nearest_are_one() -> None:
    before = Tokens(spacing=(token("16", px(16)), token("32", px(32))))
    after = Tokens(spacing=(token("40", px(40)), token("20", px(20))))

    assert pairs(compare(before, after)[TokenType.SPACING]) == [("16", "20"), ("32", "40")]


def test_values_of_another_kind_may_be_a_change() -> None:
    before = Tokens(
        gradient=(token("hero", gradient("#3366cc", "#ffffff", "#9933cc")),),
        shadow=(token("md", shadow(4, 12)),),
        typography=(token("body", style("Inter", 16)),),
    )
    after = Tokens(
        gradient=(token("glow", gradient("#3366cc", "#9933cc")),),
        shadow=(token("in", shadow(4, 12, inset=True)),),
        typography=(token("text", style("Inter", 16, 700, letter_spacing=em(0.1))),),
    )

    there = compare(before, after)

    for token_type in (TokenType.GRADIENT, TokenType.SHADOW, TokenType.TYPOGRAPHY):
        assert len(there[token_type].changed) == there[token_type].count == 1


def test_a_value_that_was_given_another_name_is_renamed() -> None:
    there = colors((given_name("primary", GREEN),), (given_name("brand", GREEN),))

    assert [(pair.before.name, pair.after.name) for pair in there.renamed] == [
        ("primary", "brand")
    ]
    assert there.count == 1


@pytest.mark.parametrize(
    "after",
    [
        token("green-800", GREEN),
        given_name("brand", GREEN, aliases=(alias("primary"),)),
        given_name("brand", GREEN, confirmed=False),
    ],
    ids=["named by rule", "an alias still", "not confirmed"],
)
def test_a_name_that_still_leads_there_or_that_nobody_gave_is_not_renamed(
    after: Token[Any],
) -> None:
    assert colors((given_name("primary", GREEN),), (after,)) == Difference()


def test_what_is_not_confirmed_neither_comes_nor_goes() -> None:
    doubtful = token("plum", PLUM, confirmed=False)

    assert colors((), (doubtful,)) == colors((doubtful,), ()) == Difference()


def test_what_is_barely_seen_now_has_not_gone() -> None:
    doubtful = token("green", GREEN, confirmed=False)

    assert colors((token("green", GREEN),), (doubtful,)) == Difference()


def test_what_is_barely_seen_now_may_have_changed_where_something_took_its_place() -> None:
    doubtful = seen("green", GREEN, ("a", 1), confirmed=False)

    there = colors(
        (seen("green", GREEN, ("a", 20)),), (seen("violet", VIOLET, ("a", 19)), doubtful)
    )

    assert pairs(there) == [("green", "violet")]
    assert there.count == 1


def test_thin_letters_of_a_color_are_not_another_color() -> None:
    on = (TextOn(background="#ffffff", count=3),)
    ink = token("ink", Color(hex="#5a6b61"), usage=40, role="text", on=on)
    thin = token("thin", Color(hex="#67776e"), usage=3, role="text", on=on)
    other = token("other", Color(hex="#67706e"), usage=3, role="text", on=on)

    there = colors((ink,), (ink, thin, other))

    assert [each.name for each in there.added] == ["other"]


def test_two_large_sets_without_anything_in_common_are_compared_all_the_same() -> None:
    def lengths(start: int) -> Tokens:
        return Tokens(spacing=tuple(token(f"{n}", px(n)) for n in range(start, start + 3000, 3)))

    there = compare(lengths(0), lengths(10_000))[TokenType.SPACING]

    assert len(there.changed) == 100
    assert len(there.added) == len(there.removed) == 900


def test_what_was_barely_seen_and_is_used_much_more_now_was_added() -> None:
    before = seen("20", px(20), ("a", 6), confirmed=False)
    after = seen("20", px(20), ("a", 6), ("b", 30))

    there = compare(Tokens(spacing=(before,)), Tokens(spacing=(after,)))[TokenType.SPACING]

    assert (there.added, there.count) == ((after,), 1)
