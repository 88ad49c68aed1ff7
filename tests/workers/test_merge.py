from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens import (
    Box,
    Color,
    Dimension,
    Gradient,
    ImageUse,
    Shadow,
    Source,
    TextOn,
    Token,
    Tokens,
    TokenType,
    Typography,
)
from tests.token_sets import Value, gradient, px, shadow, style, token
from workers.merge import Merge, merge


def of_one_image(**tokens: Token[Any]) -> list[tuple[str, Tokens]]:
    return [("a.png", Tokens(**{kind: (each,) for kind, each in tokens.items()}))]


def colors(*tokens: Token[Color]) -> list[tuple[str, Tokens]]:
    return [(f"{i}.png", Tokens(color=(each,))) for i, each in enumerate(tokens)]


def spacings(*tokens: Token[Dimension]) -> list[tuple[str, Tokens]]:
    return [(f"{i}.png", Tokens(spacing=(each,))) for i, each in enumerate(tokens)]


def hexes(merged: Tokens) -> list[str]:
    return [each.value.hex for each in merged.color]


def test_no_image_has_no_tokens() -> None:
    assert merge([]) == Tokens()


def test_equal_values_unite_with_their_counts_and_images() -> None:
    (united,) = merge(
        [
            ("a.png", Tokens(color=(token("ink", Color(hex="#111111"), usage=3),))),
            ("b.png", Tokens(color=(token("ink", Color(hex="#111111"), usage=5),))),
        ]
    ).color

    assert united.usage == 8
    assert united.images == (
        ImageUse(image="b.png", count=5),
        ImageUse(image="a.png", count=3),
    )
    assert united.boxes == ()


def test_a_color_that_an_eye_cannot_tell_apart_folds_into_the_more_used() -> None:
    merged = merge(
        colors(
            token("a", Color(hex="#2563eb"), usage=9),
            token("b", Color(hex="#2664ec"), usage=2),
            token("c", Color(hex="#9333ea"), usage=1),
        )
    )

    assert hexes(merged) == ["#2563eb", "#9333ea"]
    assert merged.color[0].usage == 11


def test_neighbours_do_not_chain() -> None:
    """Each is about 1.5 from the next; the third is too far from the first."""
    grays = ["#707070", "#747474", "#787878"]

    merged = merge(
        colors(*(token("x", Color(hex=each), usage=9 - i) for i, each in enumerate(grays)))
    )

    assert hexes(merged) == ["#707070", "#787878"]


def test_transparent_and_opaque_are_never_one() -> None:
    merged = merge(
        colors(token("x", Color(hex="#111111")), token("y", Color(hex="#111111", alpha=0.5)))
    )

    assert len(merged.color) == 2


def test_a_distance_one_pixel_off_folds_into_the_more_used() -> None:
    merged = merge(
        spacings(
            token("16", px(16), usage=9),
            token("17", px(17), usage=1),
            token("18", px(18), usage=1),
        )
    )

    assert [(each.value.value, each.usage) for each in merged.spacing] == [(16, 10), (18, 1)]


def test_a_name_by_rule_is_never_that_of_another_value() -> None:
    (united,) = merge(
        spacings(
            token("16", px(16), usage=10, confidence=0.2),
            token("15", px(15), usage=9, confidence=1),
        )
    ).spacing

    assert (united.name, united.value) == ("16", px(16))


def test_one_length_in_two_units_is_one_in_the_more_used_unit() -> None:
    (united,) = merge(
        spacings(
            token("16", px(16), usage=2), token("16", Dimension(value=1, unit="rem"), usage=5)
        )
    ).spacing

    assert united.value == Dimension(value=1, unit="rem")
    assert united.usage == 7


def test_names_are_elected_by_usage_times_confidence() -> None:
    (united,) = merge(
        colors(
            token("accent", Color(hex="#2563eb"), usage=9, confidence=0.3, source=Source.CLAUDE),
            token("action", Color(hex="#2563eb"), usage=4, confidence=0.9, source=Source.CLAUDE),
        )
    ).color

    assert united.name == "action"


def test_claude_s_names_come_before_names_by_rule() -> None:
    (united,) = merge(
        colors(
            token("blue-600", Color(hex="#2563eb"), usage=99, confidence=1),
            token("action", Color(hex="#2563eb"), confidence=0.5, source=Source.CLAUDE),
        )
    ).color

    assert (united.name, united.source) == ("action", Source.CLAUDE)


def test_a_name_that_is_taken_gives_way_to_the_next_in_votes() -> None:
    merged = merge(
        [
            (
                "a.png",
                Tokens(
                    color=(
                        token("action", Color(hex="#2563eb"), usage=9, source=Source.CLAUDE),
                        token("action-soft", Color(hex="#dbeafe"), source=Source.CLAUDE),
                    )
                ),
            ),
            (
                "b.png",
                Tokens(
                    color=(token("action", Color(hex="#dbeafe"), usage=2, source=Source.CLAUDE),)
                ),
            ),
        ]
    )

    assert [each.name for each in merged.color] == ["action", "action-soft"]


def test_two_colors_of_one_swatch_are_told_apart_by_a_finer_step() -> None:
    merged = merge(
        colors(
            token("gray-200", Color(hex="#e9ecef"), usage=9),
            token("gray-200", Color(hex="#dee2e6"), usage=2),
        )
    )

    assert [each.name for each in merged.color] == ["gray-200", "gray-220"]


def test_two_styles_of_one_name_are_told_apart_by_weight() -> None:
    merged = merge(
        [
            ("a.png", Tokens(typography=(token("body-16", style("serif", 16), usage=9),))),
            ("b.png", Tokens(typography=(token("body-16", style("serif", 16, 700)),))),
        ]
    )

    assert [each.name for each in merged.typography] == ["body-16", "body-16-700"]


def test_images_that_show_a_value_confirm_each_other() -> None:
    (united,) = merge(colors(gray(confidence=0.5), gray(confidence=0.9))).color

    assert united.confidence == pytest.approx(0.95)


def test_an_image_confirms_nothing_by_showing_it_twice() -> None:
    near = (gray(confidence=0.5), gray("#111112", name="y", confidence=0.6))

    (united,) = merge([("a.png", Tokens(color=near)), ("b.png", Tokens())]).color

    assert (united.confidence, united.confirmed) == (0.6, False)


def test_what_one_image_shows_alone_is_confirmed() -> None:
    (only,) = merge(colors(gray(confidence=0.1))).color

    assert (only.confidence, only.confirmed) == (0.1, True)


@pytest.mark.parametrize(("images", "confidence"), [(2, 0.67), (10, 0.95), (1000, 0.9995)])
def test_the_more_images_the_surer_a_value_has_to_be(images: int, confidence: float) -> None:
    def confirmed(confidence: float) -> bool:
        first = ("0.png", Tokens(color=(gray(confidence=confidence),)))
        others = [(f"{number}.png", Tokens()) for number in range(1, images)]
        (token,) = merge([first, *others]).color
        return token.confirmed

    assert confirmed(confidence)
    assert not confirmed(confidence - 0.01)


def gray(hex_color: str = "#111111", *, name: str = "x", confidence: float) -> Token[Color]:
    return token(name, Color(hex=hex_color), confidence=confidence)


def test_an_unmeasured_line_height_takes_the_one_that_was() -> None:
    """And the one that was takes the size, if that was seen more often."""
    seen, full = style("serif", 16), style("serif", 15.9, line_height=1.5)

    (united,) = merge(
        [
            ("a.png", Tokens(typography=(token("body-16", seen, usage=90),))),
            ("b.png", Tokens(typography=(token("body-15-9", full, usage=2),))),
        ]
    ).typography

    assert united.value == style("serif", 16, line_height=1.5)
    assert (united.name, united.usage) == ("body-16", 92)


@pytest.mark.parametrize(
    "other",
    [style("serif", 17), style("serif", 16, 700), style("mono", 16)],
    ids=["size", "weight", "family"],
)
def test_another_size_weight_or_family_is_another_style(other: Typography) -> None:
    sets = [
        ("a.png", Tokens(typography=(token("x", style("serif", 16)),))),
        ("b.png", Tokens(typography=(token("x", other),))),
    ]

    assert len(merge(sets).typography) == 2


@pytest.mark.parametrize(
    ("other", "count"),
    [
        (shadow(4, 12), 1),
        (shadow(5, 14), 1),
        (shadow(4, 12, 0.12), 1),
        (shadow(4, 12, color=Color(hex="#0a0a0a", alpha=0.1)), 1),
        (shadow(6, 12), 2),
        (shadow(4, 16), 2),
        (shadow(4, 12, 0.2), 2),
        (shadow(4, 12, color=Color(hex="#2563eb", alpha=0.1)), 2),
        (shadow(4, 12, inset=True), 2),
    ],
)
def test_shadows_merge_within_what_a_soft_edge_tells(other: Shadow, count: int) -> None:
    sets = [
        *of_one_image(shadow=token("x", shadow(4, 12))),
        *of_one_image(shadow=token("y", other)),
    ]

    assert len(merge(sets).shadow) == count


@pytest.mark.parametrize(
    ("other", "count"),
    [
        (gradient("#2563eb", "#9333ea", angle=358), 1),
        (gradient("#2664ec", "#9333ea", angle=0), 1),
        (gradient("#2563eb", "#9333ea", angle=90), 2),
        (gradient("#2563eb", "#9333ea", angle=None), 2),
        (gradient("#2563eb", "#ffffff", "#9333ea", angle=0), 2),
        (gradient("#2563eb", "#111111", angle=0), 2),
    ],
)
def test_gradients_merge_on_angle_stops_and_colors(other: Gradient, count: int) -> None:
    first = token("x", gradient("#2563eb", "#9333ea", angle=1))
    sets = [*of_one_image(gradient=first), *of_one_image(gradient=token("y", other))]

    assert len(merge(sets).gradient) == count


def close(kind: type[Token[Value]], *values: Value) -> st.SearchStrategy[tuple[Token[Value], ...]]:
    """Return tokens that often are equal, near, equally used and of one name."""
    one = st.builds(
        kind,
        name=st.sampled_from(["action", "ink", "card"]),
        value=st.sampled_from(values),
        usage=st.integers(1, 3),
        confidence=st.sampled_from([0.1, 0.3, 0.7, 1.0]),
        source=st.sampled_from(Source),
        description=st.sampled_from(["", "One", "Two"]),
        role=st.sampled_from([None, "text", "surface"]),
    )
    return st.lists(one, max_size=5).map(tuple)


named_sets = st.lists(
    st.tuples(
        st.sampled_from(["a.png", "b.png", "c.png"]),
        st.builds(
            Tokens,
            color=close(
                Token[Color], *(Color(hex=f"#{level:02x}7070") for level in range(104, 120, 2))
            ),
            spacing=close(
                Token[Dimension], *map(px, range(14, 19)), Dimension(value=1, unit="rem"), px(16.5)
            ),
            typography=close(
                Token[Typography],
                *(
                    style("serif", size, line_height=each)
                    for size in (15.8, 16, 16.4)
                    for each in (None, 1.5, 1.54)
                ),
            ),
            shadow=close(
                Token[Shadow], *(shadow(y, blur) for y in (3, 4, 5) for blur in (10, 12, 14))
            ),
        ),
    ),
    max_size=5,
)


@given(named_sets, st.randoms(use_true_random=False))
def test_the_order_of_images_changes_nothing(
    sets: list[tuple[str, Tokens]], random: Random
) -> None:
    shuffled = list(sets)
    random.shuffle(shuffled)

    assert merge(shuffled) == merge(sets)


@given(named_sets)
def test_nothing_seen_is_lost_and_nothing_is_invented(sets: list[tuple[str, Tokens]]) -> None:
    merged = merge(sets)

    for kind, tokens in merged.by_type():
        given_tokens = [each for _, one in sets for each in getattr(one, kind.value)]
        assert sum(each.usage for each in tokens) == sum(each.usage for each in given_tokens)
        if kind is not TokenType.TYPOGRAPHY:  # two sightings may each measure a part of a style
            assert {each.value for each in tokens} <= {each.value for each in given_tokens}
        assert all(sum(use.count for use in each.images) == each.usage for each in tokens)
        assert len({each.name for each in tokens}) == len(tokens)


@given(named_sets, st.randoms(use_true_random=False))
def test_merging_in_parts_changes_nothing(sets: list[tuple[str, Tokens]], random: Random) -> None:
    parts = [Merge() for _ in range(3)]
    for image, tokens in sets:
        random.choice(parts).add(image, tokens)
    random.shuffle(parts)
    whole = Merge()
    for part in parts:
        part.sum_up()  # what was summed up before can still be joined
        whole.join(part)

    assert whole.sum_up() == merge(sets)


def given_by_claude(name: str, hex_color: str, usage: int = 1, **more: Any) -> Token[Color]:  # noqa: ANN401
    return token(name, Color(hex=hex_color), usage=usage, source=Source.CLAUDE, **more)


def names_and_aliases(merged: Tokens) -> dict[str, list[str]]:
    return {each.name: [alias.name for alias in each.aliases] for each in merged.color}


def test_a_name_that_enough_images_gave_and_that_lost_becomes_an_alias() -> None:
    merged = merge(
        colors(
            *[given_by_claude("ink", "#111111", usage=5)] * 3,
            *[given_by_claude("text-primary", "#111111", usage=2, description="Body text")] * 2,
            given_by_claude("nav-text", "#111111", usage=9),
        )
    )

    (united,) = merged.color
    assert names_and_aliases(merged) == {"ink": ["text-primary"]}
    assert (united.aliases[0].usage, united.aliases[0].description) == (4, "Body text")
    assert united.aliases[0].source is Source.CLAUDE


def test_a_name_that_hardly_any_weight_is_behind_is_no_alias() -> None:
    merged = merge(
        colors(
            *[given_by_claude("ink", "#111111", usage=50)] * 2,
            *[given_by_claude("slip", "#111111")] * 2,
        )
    )

    assert names_and_aliases(merged) == {"ink": []}


def test_an_alias_is_never_another_tokens_name() -> None:
    merged = merge(
        colors(
            *[given_by_claude("ink", "#111111", usage=5)] * 2,
            *[given_by_claude("accent", "#111111", usage=4)] * 2,
            *[given_by_claude("accent", "#2563eb")] * 2,
        )
    )

    assert names_and_aliases(merged) == {"ink": [], "accent": []}


def test_colors_named_by_rule_are_called_by_the_part_they_play() -> None:
    merged = merge(
        colors(
            token("gray-900", Color(hex="#111827"), usage=90, role="text"),
            token("gray-500", Color(hex="#6b7280"), usage=30, role="text"),
            token("white", Color(hex="#ffffff"), usage=60, role="background"),
            token("gray-200", Color(hex="#e5e7eb"), usage=10, role="border"),
            token("blue-600", Color(hex="#2563eb"), usage=5, role="other"),
        )
    )

    assert names_and_aliases(merged) == {
        "gray-900": ["text-primary"],
        "white": ["background"],
        "gray-500": ["text-secondary"],
        "gray-200": ["border"],
        "blue-600": [],
    }


def test_a_role_says_nothing_of_a_color_that_claude_named() -> None:
    merged = merge(colors(given_by_claude("ink", "#111111", role="text")))

    assert names_and_aliases(merged) == {"ink": []}


def test_backgrounds_of_text_are_those_they_were_merged_into() -> None:
    ink = token("ink", Color(hex="#111111"), usage=9)
    merged = merge(
        colors(
            ink.model_copy(update={"on": (TextOn(background="#fefefe", count=3, large=1),)}),
            ink.model_copy(update={"on": (TextOn(background="#ffffff", count=4),)}),
            ink.model_copy(update={"on": (TextOn(background="#ff0000", count=5, large=5),)}),
            token("white", Color(hex="#ffffff"), usage=8),
            token("off-white", Color(hex="#fefefe"), usage=1),
        )
    )

    assert merged.color[0].on == (
        TextOn(background="#ffffff", count=7, large=1),
        TextOn(background="#ff0000", count=5, large=5),
    )


def test_the_first_places_of_each_image_are_kept_and_its_item() -> None:
    boxes = tuple(Box(x=x, y=0, width=10, height=5) for x in range(9))
    merging = Merge()
    merging.add(
        "a.png",
        Tokens(spacing=(token("16", px(16), usage=9).model_copy(update={"boxes": boxes}),)),
        "item_1",
    )

    (use,) = merging.sum_up().spacing[0].images
    assert use == ImageUse(image="a.png", count=9, item_id="item_1", boxes=boxes[:3])


def test_of_many_images_those_that_use_a_token_most_are_listed_and_all_are_counted() -> None:
    (united,) = merge(
        [
            (f"{number}.png", Tokens(spacing=(token("16", px(16), usage=number + 1),)))
            for number in range(150)
        ]
    ).spacing

    assert united.image_count == 150
    assert [use.count for use in united.images] == list(range(150, 50, -1))
