"""Corners drawn with a known radius are measured to half a pixel."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import drawing
from tests.workers.measure.scenes import element, scene
from workers.measure import measure_image, read_scene
from workers.measure.radii import measure_radii
from workers.measure.scene import ElementKind

# Device pixels. Radii are reported in halves.
TOLERANCE = 0.5


def radii_of(page: drawing.Rgb) -> tuple[float | None, ...]:
    """Return the corners of the only box on a page."""
    (element,) = [e for e in read_scene(page).elements[1:] if e.kind is ElementKind.CONTAINER]
    return element.radii_px


@settings(max_examples=40, deadline=None)
@given(
    radius=st.floats(1.5, 40),
    color=st.sampled_from(["#f3f4f6", "#111827", "#dc2626", "#e0f2fe"]),
)
def test_a_filled_box_shows_its_radius(radius: float, color: str) -> None:
    page = drawing.draw_page(300, 240)
    drawing.draw_box(page, (40, 30, 200, 150), color, radius=radius)

    assert radii_of(page) == pytest.approx([radius] * 4, abs=TOLERANCE)


@settings(max_examples=40, deadline=None)
@given(radius=st.integers(2, 24), border=st.integers(1, 3))
def test_a_border_does_not_bend_the_radius(radius: int, border: int) -> None:
    page = drawing.draw_page(300, 240, "#f9fafb")
    drawing.draw_box(
        page,
        (40, 30, 200, 150),
        "#ffffff",
        radius=radius,
        border_px=border,
        border_color="#d1d5db",
    )

    assert radii_of(page) == pytest.approx([radius] * 4, abs=TOLERANCE)


@settings(max_examples=20, deadline=None)
@given(radius=st.integers(4, 20), offset=st.integers(0, 8), blur=st.integers(4, 24))
def test_a_shadow_does_not_bend_the_radius(radius: int, offset: int, blur: int) -> None:
    page = drawing.draw_page(300, 240)
    box = (60, 50, 160, 120)
    shadow = drawing.Shadow(y=offset, blur=blur, alpha=0.25)
    drawing.draw_shadow(page, box, shadow, radius=radius)
    drawing.draw_box(page, box, "#4f46e5", radius=radius)

    assert radii_of(page) == pytest.approx([radius] * 4, abs=2 * TOLERANCE)


def test_square_corners_are_zero_and_no_radius() -> None:
    page = drawing.draw_page(300, 240)
    drawing.draw_box(page, (40, 30, 200, 150), "#111827")

    assert radii_of(page) == (0, 0, 0, 0)
    assert measure_image(page).radii == ()


def test_a_pill_is_no_radius() -> None:
    page = drawing.draw_page(300, 240)
    drawing.draw_box(page, (40, 30, 160, 40), "#111827", radius=20)

    assert measure_image(page).radii == ()


def test_corners_at_the_images_edge_stay_unknown() -> None:
    page = drawing.draw_page(300, 240)
    drawing.draw_box(page, (-20, 30, 160, 100), "#111827", radius=12)

    left_top, right_top, right_bottom, left_bottom = radii_of(page)

    assert (left_top, left_bottom) == (None, None)
    assert (right_top, right_bottom) == pytest.approx((12, 12), abs=TOLERANCE)


def test_equal_radii_are_counted_together() -> None:
    page = drawing.draw_page(500, 300)
    for x in (20, 180, 340):
        drawing.draw_box(page, (x, 40, 130, 80), "#e5e7eb", radius=8)
    drawing.draw_box(page, (20, 180, 130, 80), "#e5e7eb", radius=14)

    found = measure_image(page).radii

    assert [(radius.px, radius.count) for radius in found] == [(8, 3), (14, 1)]
    assert found[0].confidence > found[1].confidence


def test_radii_are_reported_in_css_pixels() -> None:
    page = drawing.draw_page(750, 500)
    drawing.draw_box(page, (40, 40, 400, 200), "#111827", radius=24)

    found = measure_image(page, name="home@2x").radii

    assert [radius.px for radius in found] == [12]


@pytest.mark.parametrize(("agreeing", "counts"), [(2, [2, 1]), (3, [4])])
def test_a_box_alone_belongs_to_the_radius_beside_it_that_three_agree_on(
    agreeing: int, counts: list[int]
) -> None:
    radii = [12.0] * agreeing + [12.75]
    boxes = [
        replace(element((40 + 100 * at, 40, 80, 60)), radii_px=(radius,) * 4)
        for at, radius in enumerate(radii)
    ]

    found = measure_radii(scene((800, 200), boxes))

    assert [each.count for each in found] == counts
    assert found[0].px == 12


@settings(max_examples=20, deadline=None)
@given(radius=st.integers(4, 28), angle=st.sampled_from([0, 45, 90, 130]))
def test_a_gradient_shows_its_radius(radius: int, angle: int) -> None:
    page = drawing.draw_page(300, 240)
    stops = [("#2dcecc", 0.0), ("#2dce89", 1.0)]
    drawing.draw_linear_gradient(page, (40, 30, 200, 120), angle, stops, radius=radius)

    found = measure_image(page).radii

    assert [each.px for each in found] == pytest.approx([radius], abs=TOLERANCE)


@pytest.mark.parametrize("height", [44, 52])
def test_a_low_bar_shows_an_arc_that_a_larger_square_would_not(height: int) -> None:
    page = drawing.draw_page(300, 240)
    drawing.draw_box(page, (40, 30, 124, height), "#2dce89", radius=14.4)
    drawing.draw_box(page, (58, 30 + height // 2 - 8, 88, 16), "#ffffff")

    (bar,) = [each for each in measure_image(page).radii if each.boxes[0].height == height]

    assert bar.px == pytest.approx(14.4, abs=TOLERANCE)


@pytest.mark.parametrize("side", [30, 48, 60])
def test_a_circle_is_no_radius(side: int) -> None:
    page = drawing.draw_page(300, 240)
    drawing.draw_box(page, (40, 30, side, side), "#4f46e5", radius=side / 2)
    stops = [("#f5365c", 0.0), ("#f56036", 1.0)]
    drawing.draw_linear_gradient(page, (150, 30, side, side), 90, stops, radius=side / 2)

    assert measure_image(page).radii == ()


def test_what_one_part_of_an_icon_shows_is_no_radius() -> None:
    page = drawing.draw_page(500, 300)
    drawing.draw_box(page, (20, 40, 48, 48), "#e5e7eb", radius=12)
    drawing.draw_box(page, (32, 54, 24, 20), "#111827", radius=5)
    drawing.draw_box(page, (120, 40, 300, 120), "#e5e7eb", radius=8)
    drawing.draw_box(page, (140, 60, 40, 30), "#111827", radius=4)

    found = measure_image(page).radii

    assert sorted(each.px for each in found) == [4, 8, 12]
