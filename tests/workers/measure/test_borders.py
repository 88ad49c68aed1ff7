"""Borders are told from shadows, and their width from antialiasing."""

import pytest

from tests import drawing
from workers.measure.borders import find_accents, find_border, grow
from workers.measure.measurements import Box
from workers.measure.preprocess import pack
from workers.measure.scene import Border

CARD = (40, 30, 200, 120)
WHITE = 0xFFFFFF


def inner(border: int) -> Box:
    """Return the area inside a border of the card."""
    x, y, width, height = CARD
    return Box(x + border, y + border, width - 2 * border, height - 2 * border)


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_a_ring_has_its_width_and_color(width: int) -> None:
    page = drawing.draw_page(300, 200)
    drawing.draw_box(page, CARD, "#ffffff", border_px=width, border_color="#94a3b8")

    border = find_border(pack(page), inner(width), WHITE)

    assert border == Border(width, width, width, width, 0x94A3B8)
    assert grow(inner(width), border) == Box(*CARD)


def test_a_shadow_alone_is_no_border() -> None:
    page = drawing.draw_page(300, 200)
    drawing.draw_shadow(page, CARD, drawing.Shadow(y=1, blur=3, alpha=0.3))
    drawing.draw_box(page, CARD, "#ffffff")

    assert find_border(pack(page), Box(*CARD), WHITE) is None


def test_a_ring_over_a_shadow_is_a_border() -> None:
    page = drawing.draw_page(300, 200)
    drawing.draw_shadow(page, CARD, drawing.Shadow(y=4, blur=12, alpha=0.15))
    drawing.draw_box(page, CARD, "#ffffff", border_px=1, border_color="#cbd5e1")

    assert find_border(pack(page), inner(1), WHITE) == Border(1, 1, 1, 1, 0xCBD5E1)


def test_a_box_without_a_line_has_no_border() -> None:
    page = drawing.draw_page(300, 200, "#e5e7eb")
    drawing.draw_box(page, CARD, "#ffffff")

    assert find_border(pack(page), Box(*CARD), WHITE) is None


def test_a_border_of_one_and_a_half_pixels_covers_two() -> None:
    page = drawing.draw_page(300, 200)
    drawing.draw_box(page, CARD, "#ffffff", border_px=1.5, border_color="#64748b")

    border = find_border(pack(page), inner(2), WHITE)

    assert border == Border(2, 2, 2, 2, 0x64748B)


def test_a_side_in_a_color_of_its_own_is_an_accent() -> None:
    page = drawing.draw_page(300, 200, "#f8fafc")
    drawing.draw_box(page, CARD, "#ffffff", border_px=1, border_color="#cbd5e1")
    drawing.draw_box(page, (40, 30, 200, 4), "#16a34a")

    border = find_border(pack(page), Box(41, 34, 198, 115), WHITE)

    assert border == Border(4, 1, 1, 1, 0xCBD5E1)
    assert find_accents(pack(page), Box(*CARD), border) == [(Box(40, 30, 200, 4), 0x16A34A)]


def test_a_box_at_the_images_corner_has_no_border_there() -> None:
    page = drawing.draw_page(300, 200, "#e5e7eb")
    drawing.draw_box(page, (0, 0, 120, 80), "#ffffff")

    assert find_border(pack(page), Box(0, 0, 120, 80), WHITE) is None
