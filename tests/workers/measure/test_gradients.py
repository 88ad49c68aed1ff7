"""Gradients drawn with known angles and stops, and pages that have none.

Tolerances: angles 1 degree (3 where a gradient spans few levels), stop colors 2 levels, their
positions .03, boxes 1 px a side.
"""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.drawing import (
    Rgb,
    Shadow,
    draw_box,
    draw_linear_gradient,
    draw_page,
    draw_picture,
    draw_radial_gradient,
    draw_shadow,
    draw_text,
    levels_of,
)
from workers.measure.gradients import find_gradients
from workers.measure.measurements import GradientKind
from workers.measure.pipeline import measure_image
from workers.measure.preprocess import pack
from workers.measure.scene import GradientRegion
from workers.measure.steps import measure_steps

ANGLE_TOLERANCE_DEG = 1.0
LEVEL_TOLERANCE = 2.0
POSITION_TOLERANCE = 0.03
SIDE_TOLERANCE_PX = 1


def gradients_of(rgb: Rgb) -> tuple[GradientRegion, ...]:
    return find_gradients(rgb, pack(rgb), measure_steps(rgb))


def turn(first: float, second: float) -> float:
    """Degrees between two directions, opposite ones being the same."""
    apart = abs(first - second) % 180
    return min(apart, 180 - apart)


def ends_apart(region: GradientRegion, stops: list[tuple[str, float]], angle: float) -> float:
    """Levels between the ends of a region and those drawn, whichever way round."""
    found = [levels_of(region.stops[0].hex), levels_of(region.stops[-1].hex)]
    assert region.angle_deg is not None
    if abs((region.angle_deg - angle + 180) % 360 - 180) > 90:
        found.reverse()
    drawn = [levels_of(stops[0][0]), levels_of(stops[-1][0])]
    return max(float(np.abs(one - two).max()) for one, two in zip(found, drawn, strict=True))


@settings(max_examples=40, deadline=None)
@given(
    angle=st.floats(0, 360),
    width=st.integers(52, 400),
    height=st.integers(52, 300),  # the steepest one then changes by 5 levels a pixel
    ends=st.sampled_from([("#5e72e4", "#825ee4"), ("#ff6600", "#0033aa"), ("#101018", "#404860")]),
    radius=st.sampled_from([0, 4, 12]),
)
def test_the_angle_and_the_ends_of_a_drawn_gradient_are_found(
    angle: float, width: int, height: int, ends: tuple[str, str], radius: int
) -> None:
    stops = [(ends[0], 0.0), (ends[1], 1.0)]
    page = draw_page(480, 380)

    (region,) = gradients_of(
        draw_linear_gradient(page, (40, 40, width, height), angle, stops, radius=radius)
    )

    assert region.kind is GradientKind.LINEAR
    assert region.angle_deg is not None
    assert turn(region.angle_deg, angle) <= ANGLE_TOLERANCE_DEG
    assert ends_apart(region, stops, angle) <= LEVEL_TOLERANCE


@settings(max_examples=25, deadline=None)
@given(x=st.integers(1, 60), y=st.integers(1, 60), width=st.integers(30, 300))
def test_the_box_of_a_gradient_is_found_to_a_pixel(x: int, y: int, width: int) -> None:
    page = draw_page(400, 200)
    stops = [("#2dce89", 0.0), ("#2dcecc", 1.0)]

    (region,) = gradients_of(draw_linear_gradient(page, (x, y, width, 70), 130, stops))

    assert abs(region.box.x - x) <= SIDE_TOLERANCE_PX
    assert abs(region.box.y - y) <= SIDE_TOLERANCE_PX
    assert abs(region.box.right - x - width) <= SIDE_TOLERANCE_PX
    assert abs(region.box.bottom - y - 70) <= SIDE_TOLERANCE_PX


@settings(max_examples=15, deadline=None)
@given(position=st.floats(0.25, 0.75), angle=st.sampled_from([90.0, 180.0, 45.0]))
@example(position=0.75, angle=45.0)
@example(position=0.25, angle=45.0)
def test_a_stop_between_the_ends_is_found_where_it_is(position: float, angle: float) -> None:
    page = draw_page(500, 400)
    stops = [("#2244cc", 0.0), ("#ee8822", position), ("#22cc66", 1.0)]

    (region,) = gradients_of(draw_linear_gradient(page, (30, 30, 420, 320), angle, stops))

    assert region.angle_deg is not None
    assert turn(region.angle_deg, angle) <= ANGLE_TOLERANCE_DEG
    assert len(region.stops) == 3
    # Either end may come first.
    apart = min(
        abs(region.stops[1].position - position), abs(region.stops[1].position + position - 1)
    )
    assert apart <= POSITION_TOLERANCE


def test_text_over_a_gradient_does_not_hide_it() -> None:
    page = draw_page(500, 120)
    stops = [("#0072ff", 0.0), ("#00c6ff", 1.0)]
    draw_linear_gradient(page, (20, 20, 360, 48), 180, stops, radius=6)
    draw_text(page, (120, 32), "Start a new thread", 18, "#ffffff")

    (region,) = gradients_of(page)

    assert region.angle_deg == pytest.approx(180, abs=ANGLE_TOLERANCE_DEG)


def test_a_thin_bar_shows_its_gradient() -> None:
    page = draw_page(300, 60)
    stops = [("#22c55e", 0.0), ("#98ec2d", 1.0)]

    (region,) = gradients_of(draw_linear_gradient(page, (21, 31, 120, 6), 90, stops, radius=3))

    assert region.angle_deg == pytest.approx(90, abs=3)


def test_a_radial_gradient_is_told_from_a_linear_one() -> None:
    page = draw_page(400, 400)
    stops = [("#ffffff", 0.0), ("#3355aa", 1.0)]

    (region,) = gradients_of(draw_radial_gradient(page, (50, 50, 300, 300), stops))

    assert region.kind is GradientKind.RADIAL
    assert region.angle_deg is None
    assert np.abs(levels_of(region.stops[-1].hex) - levels_of("#3355aa")).max() <= LEVEL_TOLERANCE


def test_boxes_of_one_gradient_are_one_measurement() -> None:
    page = draw_page(700, 200)
    stops = [("#11998e", 0.0), ("#38ef7d", 1.0)]
    for x, width in ((20, 120), (180, 120), (340, 300)):
        draw_linear_gradient(page, (x, 40, width, 80), 90, stops)

    (gradient,) = measure_image(page).gradients

    assert gradient.count == 3


@pytest.mark.parametrize("blur", [4, 12, 30, 60])
def test_shadows_are_no_gradients(blur: int) -> None:
    page = draw_page(600, 400, "#f4f5f7")
    box = (150, 120, 300, 160)
    draw_shadow(page, box, Shadow(y=blur / 3, blur=blur, alpha=0.3), radius=8)

    assert gradients_of(draw_box(page, box, "#ffffff", radius=8)) == ()


def test_a_gradient_on_a_slanted_part_of_a_drawing_is_none() -> None:
    page = draw_page(300, 200)
    draw_linear_gradient(page, (40, 40, 98, 68), 128, [("#7f94ff", 0), ("#5057ce", 1)])
    for row in range(68):
        page[40 + row, 40 : 40 + max(0, 26 - row)] = 255

    assert gradients_of(page) == ()


def test_a_photograph_is_no_gradient() -> None:
    assert gradients_of(draw_picture(draw_page(500, 400), (40, 40, 400, 300))) == ()


@given(color=st.sampled_from(["#ffffff", "#1e1e2f", "#6c757d"]), size=st.floats(10, 40))
@settings(max_examples=10, deadline=None)
def test_a_page_of_plain_boxes_and_text_has_no_gradient(color: str, size: float) -> None:
    page = draw_box(draw_page(400, 200, color), (30, 30, 200, 90), "#dd4466", radius=10)

    assert gradients_of(draw_text(page, (45, 50), "Plain", size, "#ffffff")) == ()
