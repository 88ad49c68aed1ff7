"""Spacing comes out as drawn, in CSS pixels, and nothing comes out that was not drawn."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import drawing
from tests.workers.measure.scenes import element, line, scene
from workers.measure import measure_image
from workers.measure.measurements import SpacingKind
from workers.measure.scene import Element, Rgb, Scene
from workers.measure.spacing import measure_spacing


def cards(padding: int, gap: int, *, scale: int = 1, dpr: float = 1) -> Scene:
    """Return two rows of three cards, each with two boxes in it."""
    elements: list[Element] = []

    def add(x: int, y: int, width: int, height: int, parent: int = 0) -> None:
        box = (scale * x, scale * y, scale * width, scale * height)
        elements.append(element(box, parent=parent))

    for at in range(6):
        x, y = 101 + at % 3 * (200 + gap), 133 + at // 3 * (200 + 2 * padding + gap)
        add(x, y, 200, 200 + 2 * padding)
        parent = len(elements)
        add(x + padding, y + padding, 200 - 2 * padding, 60, parent)
        add(x + padding, y + padding + 140, 200 - 2 * padding, 60, parent)
    return scene((scale * 1000, scale * 800), elements, dpr=dpr)


@given(padding=st.integers(5, 28), gap=st.integers(5, 28))
def test_a_row_of_cards_gives_its_padding_and_its_gap(padding: int, gap: int) -> None:
    found = {each.px for each in measure_spacing(cards(padding, gap))}

    assert any(abs(px - padding) <= 1 for px in found)
    assert any(abs(px - gap) <= 1 for px in found)


@given(padding=st.integers(5, 28), gap=st.integers(5, 28))
def test_the_same_page_at_twice_the_pixels_gives_the_same_spacing(padding: int, gap: int) -> None:
    single = measure_spacing(cards(padding, gap))
    double = measure_spacing(cards(padding, gap, scale=2, dpr=2))

    assert [(each.px, each.kind) for each in single] == [(each.px, each.kind) for each in double]


def test_fractions_of_css_pixels_are_told() -> None:
    found = {each.px for each in measure_spacing(cards(21, 33, dpr=2))}

    assert {10.5, 16.5} <= found


@settings(max_examples=20)
@given(data=st.data())
def test_the_order_of_elements_does_not_matter(data: st.DataObject) -> None:
    page = cards(18, 22)
    order = data.draw(st.permutations(range(1, len(page.elements))))
    place = {0: 0, **{old: new for new, old in enumerate(order, start=1)}}
    elements = [page.elements[old] for old in order]
    moved = [replace(each, parent=place[each.parent]) for each in elements]

    other = measure_spacing(scene((1000, 800), moved))

    assert {(m.px, m.kind, m.count, m.confidence) for m in measure_spacing(page)} == {
        (m.px, m.kind, m.count, m.confidence) for m in other
    }


def test_a_value_has_its_kinds_boxes_and_counts() -> None:
    found = measure_spacing(cards(20, 20))

    kinds = {each.kind: each for each in found if each.px == 20}

    assert set(kinds) >= {SpacingKind.PADDING, SpacingKind.GAP}
    assert all(each.count == len(each.boxes) for each in kinds.values())
    assert all(0 < each.confidence <= 1 for each in found)


def test_the_surest_value_comes_first() -> None:
    confidences = [each.confidence for each in measure_spacing(cards(18, 27))]

    assert confidences == sorted(confidences, reverse=True)


def test_two_values_one_pixel_apart_are_told_where_many_boxes_show_each() -> None:
    assert {18, 19} <= {each.px for each in measure_spacing(cards(18, 19))}


@given(at=st.integers(0, 11), sideways=st.integers(0, 1))
def test_one_box_a_pixel_off_gives_no_value(at: int, sideways: int) -> None:
    page = cards(20, 20)
    inner = [place for place, each in enumerate(page.elements) if each.parent > 0][at]
    box = page.elements[inner].box
    moved = replace(page.elements[inner], box=replace(box, x=box.x + sideways, y=box.y + 1))
    elements = [*page.elements[1:inner], moved, *page.elements[inner + 1 :]]

    found = {each.px for each in measure_spacing(scene((1000, 800), elements))}

    assert found & {19, 20, 21} == {20}


def test_a_page_without_elements_has_no_spacing() -> None:
    assert measure_spacing(scene((800, 600))) == ()


def test_distances_below_two_pixels_are_no_spacing() -> None:
    boxes = [element((300 + 82 * at, 300, 80, 60)) for at in range(2)]
    boxes[1] = element((381, 300, 80, 60))

    assert measure_spacing(scene((900, 900), boxes)) == ()


def test_text_alone_gives_no_value_surely() -> None:
    page = scene((800, 600), lines=[line((200, 300, 300, 12))])

    assert measure_spacing(page) == ()


def sevens() -> Rgb:
    """Draw a page of which every length is a multiple of 7 pixels, its text 13.5 px."""
    page = drawing.draw_page(1036, 756, "#f3f4f6")
    for column in range(4):
        for row in range(2):
            x, y = 140 + 210 * column, 140 + 245 * row
            drawing.draw_box(page, (x, y, 182, 217), "#ffffff")
            drawing.draw_box(page, (x + 14, y + 14, 154, 84), "#1d4ed8")
            drawing.draw_box(page, (x + 14, y + 119, 77, 35), "#e11d48")
            drawing.draw_text(page, (x + 21, y + 130), "Continue", 13.5, "#ffffff")
            drawing.draw_box(page, (x + 14, y + 168, 154, 35), "#d1d5db")
    return page


def test_a_page_on_a_grid_of_sevens_gives_no_usual_values() -> None:
    found = {each.px for each in measure_image(sevens()).spacing}

    exact = {7.0, 14.0, 21.0, 28.0, 35.0, 42.0}
    assert {14.0, 21.0, 28.0} <= found
    assert found & {4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 32.0, 40.0, 48.0} == set()
    assert len(found - exact) <= 2


def test_a_blank_image_has_no_spacing() -> None:
    assert measure_image(np.full((600, 800, 3), 255, np.uint8)).spacing == ()


@pytest.mark.parametrize("scale", [1, 2])
def test_drawn_cards_give_their_spacing(scale: int) -> None:
    page = drawing.draw_page(1000 * scale, 700 * scale, "#f3f4f6")
    for column, row in product(range(3), range(2)):
        x, y = (110 + 279 * column) * scale, (130 + 226 * row) * scale
        drawing.draw_box(page, (x, y, 253 * scale, 200 * scale), "#ffffff", radius=6 * scale)
        inside = (x + 18 * scale, y + 18 * scale, 217 * scale, 90 * scale)
        drawing.draw_box(page, inside, "#2563eb")

    found = measure_image(page, name=f"cards@{scale}x.png").spacing

    assert {18.0, 26.0} <= {each.px for each in found}
