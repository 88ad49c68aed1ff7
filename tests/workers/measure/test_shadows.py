"""Shadows drawn with known offsets and blurs, and boxes that have none.

Shadows are drawn with a true Gaussian, the fit supposes Skia's three boxes: blurs agree within
15 % (at least 1.5 px), offsets within 8 % of the blur (at least 1 px), opacities within .04.
"""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.drawing import (
    Rgb,
    Shadow,
    draw_box,
    draw_linear_gradient,
    draw_page,
    draw_shadow,
    draw_text,
)
from workers.measure.blur import OUTWARD, REACH_PX, fall_off
from workers.measure.measurements import ShadowMeasurement
from workers.measure.pipeline import measure_image

LEAST_OFFSET_TOLERANCE_PX = 1.0
OFFSET_TOLERANCE = 0.08  # of the blur: a faint wide shadow ends below one level
BLUR_TOLERANCE = 0.15
LEAST_BLUR_TOLERANCE_PX = 1.5
ALPHA_TOLERANCE = 0.04

CARD = (160, 120, 280, 160)


def draw_card(
    shadow: Shadow, *, ground: str = "#eef0f3", fill: str = "#ffffff", radius: float = 8
) -> Rgb:
    page = draw_page(600, 420, ground)
    draw_shadow(page, CARD, shadow, radius=radius)
    return draw_box(page, CARD, fill, radius=radius)


def only_shadow(rgb: Rgb) -> ShadowMeasurement:
    (shadow,) = measure_image(rgb).shadows
    return shadow


def is_blur(found: float, drawn: float) -> bool:
    return abs(found - drawn) <= max(LEAST_BLUR_TOLERANCE_PX, BLUR_TOLERANCE * drawn)


@settings(max_examples=30, deadline=None)
@given(
    blur=st.integers(3, 40),
    share=st.floats(0, 0.7),
    alpha=st.floats(0.12, 0.4),
    radius=st.sampled_from([0.0, 4.0, 10.0]),
)
def test_the_offset_and_the_blur_of_a_drawn_shadow_are_found(
    blur: int, share: float, alpha: float, radius: float
) -> None:
    drawn = Shadow(y=round(share * blur), blur=blur, alpha=alpha)

    found = only_shadow(draw_card(drawn, radius=radius))

    allowed = max(LEAST_OFFSET_TOLERANCE_PX, OFFSET_TOLERANCE * blur)
    assert abs(found.y_px - drawn.y) <= allowed
    assert is_blur(found.blur_px, blur)


@settings(max_examples=15, deadline=None)
@given(alpha=st.floats(0.1, 0.5), ground=st.sampled_from(["#f4f5f7", "#dde3ea", "#8090a0"]))
def test_the_opacity_of_a_black_shadow_is_found(alpha: float, ground: str) -> None:
    found = only_shadow(
        draw_card(Shadow(y=4, blur=12, alpha=alpha), ground=ground, fill="#fafafa")
    )

    assert found.color_hex == "#000000"
    assert abs(found.alpha - alpha) <= ALPHA_TOLERANCE


def test_a_shadow_below_gives_a_positive_offset_y() -> None:
    assert only_shadow(draw_card(Shadow(y=8, blur=16))).y_px == pytest.approx(8, abs=1)


def test_a_shadow_above_gives_a_negative_offset_y() -> None:
    assert only_shadow(draw_card(Shadow(y=-6, blur=16))).y_px == pytest.approx(-6, abs=1)


def test_a_colored_shadow_is_not_called_black() -> None:
    found = only_shadow(
        draw_card(Shadow(y=4, blur=14, color="#2040ff", alpha=0.4), ground="#ffffff")
    )

    red, blue = int(found.color_hex[1:3], 16), int(found.color_hex[5:7], 16)
    assert blue > red + 100


def test_a_drawn_in_shadow_has_a_negative_spread() -> None:
    found = only_shadow(draw_card(Shadow(y=10, blur=20, spread=-5, alpha=0.3)))

    assert found.spread_px == pytest.approx(-5, abs=2)
    assert found.y_px == pytest.approx(10, abs=1.5)


def test_equal_cards_are_one_shadow_counted() -> None:
    page = draw_page(900, 300, "#f2f4f6")
    for x in (40, 320, 600):
        draw_shadow(page, (x, 60, 220, 150), Shadow(y=3, blur=8, alpha=0.2), radius=6)
    for x in (40, 320, 600):
        draw_box(page, (x, 60, 220, 150), "#ffffff", radius=6)

    assert only_shadow(page).count == 3


def test_shadows_that_meet_in_a_gap_are_told_apart() -> None:
    page = draw_page(900, 360, "#f2f4f6")
    boxes = [(40, 80, 250, 180), (306, 80, 250, 180), (572, 80, 250, 180)]
    for box in boxes:
        draw_shadow(page, box, Shadow(y=5, blur=20, alpha=0.25), radius=4)
    for box in boxes:
        draw_box(page, box, "#ffffff", radius=4)

    found = only_shadow(page)

    assert found.y_px == pytest.approx(5, abs=1)
    assert is_blur(found.blur_px, 20)


@settings(max_examples=10, deadline=None)
@given(
    size=st.integers(36, 56),
    y=st.integers(2, 6),
    blur=st.integers(12, 20),
    radius=st.sampled_from([0.0, 4.0, 6.0]),
)
@example(size=37, y=6, blur=20, radius=6.0)  # the outermost band of the shadow is all one color
def test_the_shadow_of_a_small_box_is_found_though_no_part_of_a_side_is_even(
    size: int, y: int, blur: int, radius: float
) -> None:
    page = draw_page(240, 240, "#f8fafc")
    box = (100, 100, size, size)
    draw_shadow(page, box, Shadow(y=y, blur=blur, alpha=0.3), radius=radius)
    draw_box(page, box, "#066fd1", radius=radius)

    found = only_shadow(page)

    assert abs(found.y_px - y) <= LEAST_OFFSET_TOLERANCE_PX
    assert is_blur(found.blur_px, blur)


@pytest.mark.parametrize(("y", "blur"), [(4, 12), (6, 20), (10, 24)])
def test_a_bar_across_the_image_shows_its_shadow_below(y: int, blur: int) -> None:
    page = draw_page(600, 400, "#f4f6f8")
    bar = (-100, -20, 800, 84)
    draw_shadow(page, bar, Shadow(y=y, blur=blur, alpha=0.3))
    draw_box(page, (0, 0, 600, 64), "#ffffff")

    found = only_shadow(page)

    assert abs(found.y_px - y) <= max(LEAST_OFFSET_TOLERANCE_PX, 0.15 * blur)
    assert is_blur(found.blur_px, blur)


@pytest.mark.parametrize("blur", [12, 24, 32])
def test_a_shadow_on_a_gradient_is_what_the_gradient_does_not_explain(blur: int) -> None:
    page = draw_page(600, 420)
    draw_linear_gradient(page, (0, 0, 600, 420), 180, [("#4060a0", 0), ("#305080", 1)])
    draw_shadow(page, CARD, Shadow(y=4, blur=blur, alpha=0.4))
    draw_box(page, CARD, "#ffffff")

    found = only_shadow(page)

    assert abs(found.y_px - 4) <= max(LEAST_OFFSET_TOLERANCE_PX, OFFSET_TOLERANCE * blur)
    assert is_blur(found.blur_px, blur)


def test_a_retina_shadow_is_given_in_css_pixels() -> None:
    page = draw_page(1200, 840, "#eef0f3")
    box = (320, 240, 560, 320)
    draw_shadow(page, box, Shadow(y=8, blur=24, alpha=0.25), radius=16)
    draw_box(page, box, "#ffffff", radius=16)

    measured = measure_image(page, name="card@2x")

    assert measured.dpr == 2
    assert measured.shadows[0].y_px == pytest.approx(4, abs=0.5)
    assert is_blur(measured.shadows[0].blur_px, 12)


@settings(max_examples=15, deadline=None)
@given(
    border=st.sampled_from([0, 1, 2]),
    radius=st.sampled_from([0.0, 4.0, 16.0]),
    ground=st.sampled_from(["#ffffff", "#f3f4f6", "#101820"]),
)
def test_boxes_without_a_shadow_give_none(border: int, radius: float, ground: str) -> None:
    page = draw_page(600, 420, ground)
    draw_box(page, CARD, "#fdfdfd", radius=radius, border_px=border, border_color="#c0c8d0")
    draw_text(page, (180, 140), "No shadow here", 18, "#333333")

    assert measure_image(page).shadows == ()


def test_a_hard_shadow_is_no_blurred_one() -> None:
    assert measure_image(draw_card(replace(Shadow(y=3), alpha=0.6))).shadows == ()


@pytest.mark.parametrize("blur", [0.0, 3.0, 4.0, 15.0, 48.0, 90.0])
def test_a_blurred_edge_falls_from_one_to_zero(blur: float) -> None:
    shares = fall_off(blur)

    assert shares[0] == pytest.approx(1)
    assert shares[-1] == pytest.approx(0, abs=1e-9)
    assert (shares[1:] <= shares[:-1] + 1e-12).all()


@pytest.mark.parametrize("blur", [3.0, 4.0, 15.0, 48.0])
def test_a_blurred_edge_is_symmetric(blur: float) -> None:
    shares = fall_off(blur)

    # The edge lies between the last pixel inside, -1, and the first outside, 0.
    assert shares[REACH_PX] + shares[REACH_PX - 1] == pytest.approx(1)
    assert OUTWARD[REACH_PX] == 0
