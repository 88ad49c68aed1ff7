"""Text has the color it was written in, however thin its strokes are."""

import pytest

from tests import drawing
from workers.measure import read_scene
from workers.measure.textcolors import find_text_colors


def colors_of(page: drawing.Rgb) -> list[str]:
    return [f"#{found.color:06x}" for found in find_text_colors(read_scene(page))]


@pytest.mark.parametrize("size", [14, 16, 24, 40])
@pytest.mark.parametrize("color", ["#111827", "#2563eb", "#9f1239"])
def test_a_line_has_its_color(size: int, color: str) -> None:
    page = drawing.draw_page(900, 160)
    drawing.draw_text(page, (30, 40), "Deliveries of the month", size, color)

    assert colors_of(page) == [color]


def test_small_text_in_the_color_of_a_heading_adds_no_color() -> None:
    page = drawing.draw_page(900, 300)
    drawing.draw_text(page, (30, 30), "Deliveries of the month", 40, "#111827")
    for row in range(5):
        drawing.draw_text(page, (30, 110 + 24 * row), "on time and late", 11, "#111827")

    assert colors_of(page) == ["#111827"]


def test_a_paler_color_that_many_pixels_show_is_its_own() -> None:
    page = drawing.draw_page(900, 300)
    drawing.draw_text(page, (30, 30), "Deliveries of the month", 32, "#374151")
    drawing.draw_text(page, (30, 110), "on time and late in March", 20, "#6b7280")

    assert set(colors_of(page)) == {"#374151", "#6b7280"}


def test_a_page_without_text_has_no_text_colors() -> None:
    assert colors_of(drawing.draw_page(300, 200)) == []
