"""Boxes drawn at known places are found there, to the pixel."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import drawing
from tests.workers.measure.lettering import write
from workers.measure import read_scene
from workers.measure.measurements import Box
from workers.measure.scene import Element, ElementKind, Scene


def containers(scene: Scene) -> list[Element]:
    return [e for e in scene.elements[1:] if e.kind is ElementKind.CONTAINER]


@settings(max_examples=40, deadline=None)
@given(
    x=st.integers(12, 120),
    y=st.integers(12, 120),
    width=st.integers(24, 200),
    height=st.integers(24, 150),
    color=st.sampled_from(["#f4f4f5", "#2563eb", "#111827", "#fef3c7"]),
)
def test_a_box_is_found_at_its_pixels(x: int, y: int, width: int, height: int, color: str) -> None:
    page = drawing.draw_page(400, 320)
    drawing.draw_box(page, (x, y, width, height), color)

    found = containers(read_scene(page))

    assert [element.box for element in found] == [Box(x, y, width, height)]


@settings(max_examples=40, deadline=None)
@given(radius=st.integers(0, 24), border=st.integers(1, 3), height=st.integers(60, 140))
def test_a_bordered_box_includes_its_border(radius: int, border: int, height: int) -> None:
    page = drawing.draw_page(400, 320)
    drawing.draw_box(
        page,
        (40, 30, 220, height),
        "#ffffff",
        radius=radius,
        border_px=border,
        border_color="#d1d5db",
    )

    (element,) = containers(read_scene(page))

    assert element.box == Box(40, 30, 220, height)
    assert element.border is not None
    assert (element.border.top, element.border.left) == (border, border)
    assert element.border.color == 0xD1D5DB


def test_a_box_in_a_box_has_it_as_parent() -> None:
    page = drawing.draw_page(400, 320)
    drawing.draw_box(page, (20, 20, 300, 200), "#e5e7eb", radius=12)
    drawing.draw_box(page, (44, 44, 120, 60), "#ffffff", radius=6)

    outer, inner = containers(read_scene(page))

    assert outer.parent == 0
    assert read_scene(page).elements[inner.parent].box == outer.box


def test_a_white_card_on_white_with_a_soft_shadow_is_found() -> None:
    page = drawing.draw_page(400, 320)
    card = (60, 50, 240, 160)
    drawing.draw_shadow(page, card, drawing.Shadow(y=4, blur=12, alpha=0.15), radius=8)
    drawing.draw_box(page, card, "#ffffff", radius=8)

    found = containers(read_scene(page))

    assert Box(*card) in [element.box for element in found]


def test_a_header_over_a_body_makes_one_card_of_both() -> None:
    page = drawing.draw_page(400, 320)
    drawing.draw_box(page, (40, 40, 300, 200), "#ffffff", border_px=1, border_color="#cbd5e1")
    drawing.draw_box(page, (41, 41, 298, 39), "#f1f5f9")
    drawing.draw_box(page, (41, 80, 298, 1), "#cbd5e1")

    found = containers(read_scene(page))

    assert Box(40, 40, 300, 200) in [element.box for element in found]


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_a_line_between_texts_is_a_divider(thickness: int) -> None:
    page = drawing.draw_page(400, 320)
    drawing.draw_box(page, (20, 100, 340, thickness), "#d4d4d8")

    scene = read_scene(page)

    found = [e.box for e in scene.elements if e.kind is ElementKind.DIVIDER]
    assert found == [Box(20, 100, 340, thickness)]


def test_the_band_of_a_shadow_is_no_divider() -> None:
    page = drawing.draw_page(400, 320)
    button = (60, 50, 160, 40)
    drawing.draw_shadow(page, button, drawing.Shadow(y=2, blur=4))
    drawing.draw_box(page, button, "#1f2937")

    scene = read_scene(page)

    assert not [e for e in scene.elements if e.kind is ElementKind.DIVIDER]


def test_a_strong_shadow_is_no_picture() -> None:
    page = drawing.draw_page(400, 320)
    card = (60, 50, 160, 120)
    drawing.draw_shadow(page, card, drawing.Shadow(y=8, blur=16, alpha=0.4), radius=8)
    drawing.draw_box(page, card, "#4f46e5", radius=8)

    scene = read_scene(page)

    assert [element.kind for element in scene.elements[1:]] == [ElementKind.CONTAINER]


def test_a_photograph_is_a_picture_without_text() -> None:
    page = drawing.draw_page(500, 400)
    drawing.draw_picture(page, (50, 60, 220, 180))

    scene = read_scene(page)

    assert Box(50, 60, 220, 180) in [
        e.box for e in scene.elements if e.kind is ElementKind.PICTURE
    ]
    assert not scene.lines


def test_text_makes_no_boxes() -> None:
    page = drawing.draw_page(700, 240)
    drawing.draw_text(page, (20, 20), "BOOGDB pqod 0880", 64)
    drawing.draw_text(page, (20, 120), "The quick brown fox jumps over the lazy dog", 16)

    assert not containers(read_scene(page))


def test_large_letters_open_at_a_side_are_no_boxes() -> None:
    page = write(drawing.draw_page(900, 160), 20, 100, "hundred Human UNION", 76)

    assert not containers(read_scene(page))


def test_text_on_an_area_of_any_outline_is_read_against_its_color() -> None:
    page = drawing.draw_page(600, 400)
    drawing.draw_box(page, (40, 40, 520, 320), "#344767")
    drawing.draw_box(page, (200, 120, 400, 280), "#ffffff")
    write(page, 60, 90, "Hill climbing in mind", 28, "#ffffff")

    (line,) = read_scene(page).lines

    assert line.background == 0x344767
    assert line.color == 0xFFFFFF
    assert line.size_px == pytest.approx(28, rel=0.05)


def test_a_blank_page_has_nothing_but_itself() -> None:
    scene = read_scene(drawing.draw_page(320, 200, "#fafafa"))

    assert len(scene.elements) == 1
    assert scene.elements[0].fill == 0xFAFAFA
    assert not scene.lines
