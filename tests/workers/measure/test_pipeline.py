"""An image gives what it shows, and nothing that it does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import drawing
from workers.measure import measure_image
from workers.measure.measurements import (
    ColorMeasurement,
    Measurements,
    RadiusMeasurement,
    SpacingMeasurement,
    TypographyMeasurement,
)

# A grid and type that no design system has, in CSS pixels.
GRID, ODD_SIZE = 7, 13.5


def odd_page() -> drawing.Rgb:
    """Return cards on a grid of 7 px with text of 13.5 px."""
    page = drawing.draw_page(1022, 560, "#eef2f6")
    for column in range(3):
        for row in range(2):
            x, y = 21 + column * 329, 21 + row * 259
            drawing.draw_box(page, (x, y, 308, 238), "#ffffff", radius=7)
            for line in range(3):
                at = (x + 35, y + 28 + 21 * line)
                drawing.draw_text(page, at, "Deliveries on their way", ODD_SIZE, "#20304a")
            drawing.draw_box(page, (x + 35, y + 182, 98, 35), "#0b7285", radius=7)
    return page


def count_groups(measured: Measurements) -> dict[str, int]:
    return {
        "spacing": len(measured.spacing),
        "typography": len(measured.typography),
        "shadows": len(measured.shadows),
        "gradients": len(measured.gradients),
        "radii": len(measured.radii),
    }


def every_value(
    measured: Measurements,
) -> list[ColorMeasurement | SpacingMeasurement | TypographyMeasurement | RadiusMeasurement]:
    """Return what was measured of a page that shows all but shadows and gradients."""
    groups = (measured.colors, measured.spacing, measured.typography, measured.radii)
    assert all(groups)
    return [one for group in groups for one in group]


@settings(max_examples=15, deadline=None)
@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    color=st.sampled_from(["#ffffff", "#000000", "#3b82f6"]),
)
def test_a_blank_page_of_any_size_gives_its_color_alone(
    width: int, height: int, color: str
) -> None:
    measured = measure_image(drawing.draw_page(width, height, color))

    assert [one.hex for one in measured.colors] == [color]
    assert not any(count_groups(measured).values())
    assert (measured.width, measured.height) == (width, height)


def test_an_odd_grid_gives_odd_values_and_no_usual_ones() -> None:
    measured = measure_image(odd_page())

    assert measured.spacing
    # Distances that end at text are ink distances and may fall between.
    assert {gap.px for gap in measured.spacing} & {21.0, 35.0}
    assert not {gap.px for gap in measured.spacing} & {4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 32.0}
    assert [radius.px for radius in measured.radii] == [GRID]


def test_odd_type_is_measured_as_it_is() -> None:
    sizes = [style.size_px for style in measure_image(odd_page()).typography]

    # Pillow hints its letters to whole pixels, so half a pixel of the size may be lost.
    assert sizes == pytest.approx([ODD_SIZE], abs=0.75)


def test_every_value_has_boxes_and_they_lie_in_the_image() -> None:
    measured = measure_image(odd_page())

    for one in every_value(measured):
        assert one.boxes
        for box in one.boxes:
            assert 0 <= box.x <= box.right <= measured.width
            assert 0 <= box.y <= box.bottom <= measured.height


def test_confidences_are_between_nothing_and_certain() -> None:
    for one in every_value(measure_image(odd_page())):
        assert 0 < one.confidence <= 1


def test_the_same_pixels_give_the_same_measurements() -> None:
    assert measure_image(odd_page()) == measure_image(odd_page())


def test_measuring_leaves_the_image_as_it_was() -> None:
    page = odd_page()
    before = page.copy()

    measure_image(page)

    assert (page == before).all()
