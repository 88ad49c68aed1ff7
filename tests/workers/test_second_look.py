from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.tokens import TokenType
from tests.drawing import (
    Rgb,
    Shadow,
    draw_box,
    draw_linear_gradient,
    draw_page,
    draw_shadow,
)
from workers.measure import Measurements, measure_image
from workers.measure.measurements import Box, ColorMeasurement, SpacingMeasurement
from workers.names import Added, Missed
from workers.second_look import MAX_PLACE_PX, claim_again, look_again

BUTTON, CARD, BAND = Box(40, 400, 100, 40), Box(40, 160, 240, 160), Box(400, 160, 300, 100)
GAP = Box(140, 400, 24, 40)


@pytest.fixture(scope="module")
def page() -> Rgb:
    """A page with a card that casts a shadow, a gradient, and four buttons 24 px apart."""
    rgb = draw_page(800, 480, "#f8fafc")
    card = (CARD.x, CARD.y, CARD.width, CARD.height)
    draw_shadow(rgb, card, Shadow(y=6, blur=16, alpha=0.3), radius=8)
    draw_box(rgb, card, "#ffffff", radius=8)
    stops = (("#3366ff", 0.0), ("#66ccff", 1.0))
    draw_linear_gradient(rgb, (BAND.x, BAND.y, BAND.width, BAND.height), 90, stops)
    for place in range(4):
        x = BUTTON.x + place * (BUTTON.width + GAP.width)
        draw_box(rgb, (x, BUTTON.y, BUTTON.width, BUTTON.height), "#2563eb")
    return rgb


@pytest.fixture(scope="module")
def blind(page: Rgb) -> Measurements:
    """Measurements of the page that missed everything."""
    return replace(
        measure_image(page), colors=(), spacing=(), typography=(), shadows=(), gradients=()
    )


def missed(token_type: TokenType, box: Box, value: str = "") -> Missed:
    return Missed(token_type, "thing", 0.7, value, box)


def test_a_color_is_added_as_measured_and_not_as_claimed(page: Rgb, blind: Measurements) -> None:
    (added,) = look_again(page, blind, [missed(TokenType.COLOR, BUTTON, "#2661ec")])

    assert isinstance(added.measurement, ColorMeasurement)
    assert (added.measurement.hex, added.name.slug) == ("#2563eb", "thing")
    assert BUTTON in added.measurement.boxes
    assert 0 < added.measurement.share < 0.1


@pytest.mark.parametrize(
    ("box", "value"),
    [
        (BUTTON, "#ff0000"),  # another color
        (BUTTON, ""),  # none
        (BUTTON, "16"),
        (replace(BUTTON, width=4, height=4), "#2563eb"),  # 16 px of it
        (Box(40, 40, 100, 40), "#2563eb"),  # elsewhere
        (Box(5000, 40, 100, 40), "#2563eb"),  # outside
    ],
)
def test_a_color_that_is_not_there_is_not_added(
    page: Rgb, blind: Measurements, box: Box, value: str
) -> None:
    assert look_again(page, blind, [missed(TokenType.COLOR, box, value)]) == ()


def lengths(added: Sequence[Added]) -> list[float]:
    found = [each.measurement for each in added]
    return [each.px for each in found if isinstance(each, SpacingMeasurement)]


@pytest.mark.parametrize(("value", "found"), [("24", [24]), ("25", [24]), ("999", []), ("", [])])
def test_a_distance_is_added_as_measured_where_the_claim_is_near(
    page: Rgb, blind: Measurements, value: str, found: list[float]
) -> None:
    added = look_again(page, blind, [missed(TokenType.SPACING, GAP, value)])

    assert lengths(added) == found
    assert all(each.measurement.boxes for each in added)


@pytest.mark.parametrize("token_type", [TokenType.SHADOW, TokenType.GRADIENT])
@pytest.mark.parametrize("box", [CARD, BAND, BUTTON])
def test_a_shadow_or_a_gradient_is_added_where_there_is_one(
    page: Rgb, blind: Measurements, token_type: TokenType, box: Box
) -> None:
    added = look_again(page, blind, [missed(token_type, box)])

    there = {TokenType.SHADOW: CARD, TokenType.GRADIENT: BAND}[token_type]
    assert len(added) == (box == there)


@pytest.mark.parametrize(
    ("token_type", "box", "value"),
    [
        (TokenType.GRADIENT, Box(530, 200, 20, 20), ""),  # its stops are outside
        (TokenType.SPACING, Box(40, 300, 100, 80), "80"),
    ],
)
def test_what_the_cutting_itself_would_make_up_is_not_added(
    page: Rgb, blind: Measurements, token_type: TokenType, box: Box, value: str
) -> None:
    tall = np.concatenate([page[:160].repeat(4, axis=0), page])
    lower = replace(box, y=box.y + 640)

    assert look_again(tall, blind, [missed(token_type, lower, value)]) == ()


def test_what_was_measured_already_is_not_added(page: Rgb) -> None:
    claims = [
        missed(TokenType.COLOR, BUTTON, "#2563eb"),
        missed(TokenType.SPACING, GAP, "24"),
        missed(TokenType.SHADOW, CARD),
        missed(TokenType.GRADIENT, BAND),
    ]

    assert look_again(page, measure_image(page), claims) == ()


def test_what_is_claimed_twice_is_added_once(page: Rgb, blind: Measurements) -> None:
    claim = missed(TokenType.COLOR, BUTTON, "#2563eb")

    assert len(look_again(page, blind, [claim, claim])) == 1


CLAIMS = [
    missed(TokenType.COLOR, BUTTON, "#2563eb"),
    missed(TokenType.SPACING, GAP, "24"),
    missed(TokenType.GRADIENT, BAND),
]


def test_what_came_true_in_an_image_comes_true_in_its_copy(page: Rgb, blind: Measurements) -> None:
    added = look_again(page, blind, CLAIMS)
    again = look_again(page, blind, claim_again(added))

    assert [each.type for each in added] == [each.type for each in CLAIMS]
    assert [(each.type, each.name) for each in again] == [(each.type, each.name) for each in added]


def test_what_came_true_in_an_image_is_dropped_where_another_lacks_it(
    page: Rgb, blind: Measurements
) -> None:
    added = look_again(page, blind, CLAIMS)
    empty = draw_page(page.shape[1], page.shape[0], "#f8fafc")

    assert look_again(empty, blind, claim_again(added)) == ()


def test_a_place_as_large_as_a_screen_is_not_looked_at(blind: Measurements) -> None:
    side = int(MAX_PLACE_PX**0.5) + 1
    rgb = draw_page(side, side, "#2563eb")

    whole = missed(TokenType.COLOR, Box(0, 0, side, side), "#2563eb")
    assert look_again(rgb, blind, [whole]) == ()


def test_lengths_are_told_in_css_pixels_of_the_whole_image(page: Rgb, blind: Measurements) -> None:
    twice = np.ascontiguousarray(page.repeat(2, axis=0).repeat(2, axis=1))
    box = Box(2 * GAP.x, 2 * GAP.y, 2 * GAP.width, 2 * GAP.height)

    added = look_again(twice, replace(blind, dpr=2.0), [missed(TokenType.SPACING, box, "24")])

    assert lengths(added) == [24]


SIDES = st.integers(1, 90)


@settings(max_examples=40)
@given(
    SIDES,
    SIDES,
    st.builds(Box, SIDES, SIDES, SIDES, SIDES),
    st.sampled_from(list(TokenType)),
    st.sampled_from(["#2563eb", "#000000", "8", "999", ""]),
    st.integers(0, 9),
)
def test_any_claim_about_any_image_is_answered(
    width: int, height: int, box: Box, token_type: TokenType, value: str, seed: int
) -> None:
    random = np.random.default_rng(seed)
    rgb = random.choice(np.array([0, 37, 99, 255], np.uint8), (height, width, 3))
    rgb[: height // 2] = (37, 99, 235)

    added = look_again(rgb, measure_image(draw_page(9, 9)), [missed(token_type, box, value)])

    for each in added:
        assert each.type is token_type
        assert all(
            0 <= found.x < width and 0 <= found.y < height for found in each.measurement.boxes
        )
