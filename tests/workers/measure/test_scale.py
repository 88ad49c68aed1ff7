"""The device ratio follows from names, widths, hairlines and body text."""

import numpy as np
import pytest

from tests import drawing
from workers.measure import measure_image
from workers.measure.scale import find_device_ratio
from workers.measure.scene import Element, TextLine


def page_at(ratio: float, css_width: int = 1440) -> drawing.Rgb:
    """Return a page of 16 px text and hairlines as a device of this ratio shows it."""
    width, height = round(css_width * ratio), round(420 * ratio)
    page = drawing.draw_page(width, height)
    line = max(1, int(ratio))
    for row in range(6):
        y = round((20 + 60 * row) * ratio)
        at = (round(40 * ratio), y)
        drawing.draw_text(page, at, "Invoices of the last quarter", 16 * ratio, "#1f2937")
        drawing.draw_box(
            page, (round(40 * ratio), y + round(40 * ratio), width // 2, line), "#d1d5db"
        )
    return page


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("css_width", [390, 1280, 1440])
def test_the_ratio_is_read_off_the_page(ratio: float, css_width: int) -> None:
    assert measure_image(page_at(ratio, css_width)).dpr == ratio


def test_a_name_that_states_the_ratio_is_believed() -> None:
    none: tuple[list[Element], list[TextLine]] = ([], [])

    assert find_device_ratio(1440, *none, name="home@3x") == 3
    assert find_device_ratio(1440, *none, name="home@1.5x.png") == 1.5


def test_without_any_sign_a_pixel_is_a_pixel() -> None:
    assert find_device_ratio(1000, [], []) == 1


def test_lengths_do_not_depend_on_the_ratio() -> None:
    once, twice = measure_image(page_at(1.0)), measure_image(page_at(2.0))

    assert [style.size_px for style in once.typography] == pytest.approx([16], abs=1)
    assert [style.size_px for style in twice.typography] == pytest.approx([16], abs=1)
    assert np.array_equal(
        [color.hex for color in once.colors], [color.hex for color in twice.colors]
    )
