"""Edges between pixels are told by how much of its color the last pixel of a border shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import drawing
from tests.workers.measure.scenes import element, scene
from workers.measure.edges import find_edges
from workers.measure.scene import Scene

SIZE = (400, 300)


def drawn(box: tuple[float, float, float, float], border_px: float, dpr: float) -> Scene:
    page = scene(SIZE, dpr=dpr)
    drawing.draw_box(page.rgb, box, "#f8fafc", border_px=border_px, border_color="#000000")
    return page


@given(
    x=st.sampled_from([40.0, 40.25, 40.5, 40.75]),
    y=st.sampled_from([50.0, 50.25, 50.5, 50.75]),
    border=st.sampled_from([2.5, 3.0, 3.75]),
)
def test_fractions_of_a_pixel_are_told(x: float, y: float, border: float) -> None:
    right, bottom = 240.5, 180.25
    page = drawn((x, y, right - x, bottom - y), border, 1.5)
    left, top = int(x), int(y)
    width = int(np.ceil(x + border)) - left
    found = element((left, top, 241 - left, 181 - top), border_px=width)

    outer, inner = find_edges(page, found)

    assert outer == pytest.approx([x, y, right, bottom], abs=0.13)
    assert inner[0] == pytest.approx(x + border, abs=0.13)


def test_whole_ratios_have_whole_edges() -> None:
    page = drawn((40.5, 50.5, 200, 130), 2.5, 2.0)

    outer, inner = find_edges(page, element((40, 50, 201, 131), border_px=3))

    assert list(outer) == [40, 50, 241, 181]
    assert list(inner) == [43, 53, 238, 178]


def test_a_box_without_border_keeps_its_box() -> None:
    outer, inner = find_edges(scene(SIZE, dpr=1.5), element((40, 50, 200, 130)))

    assert list(outer) == list(inner) == [40, 50, 240, 180]


def test_a_faint_border_keeps_its_box() -> None:
    page = scene(SIZE, dpr=1.5)
    page.rgb[:] = 0

    outer, _ = find_edges(page, element((40, 50, 200, 130), border_px=2))

    assert list(outer) == [40, 50, 240, 180]


def test_a_border_at_the_picture_s_edge_keeps_its_box() -> None:
    outer, _ = find_edges(scene(SIZE, dpr=1.5), element((0, 0, *SIZE), border_px=2))

    assert list(outer) == [0, 0, *SIZE]


def test_a_border_of_one_pixel_keeps_its_box() -> None:
    page = drawn((40.5, 50.5, 200, 130), 1, 1.5)

    outer, inner = find_edges(page, element((40, 50, 201, 131), border_px=1))

    assert list(outer) == [40, 50, 241, 181]
    assert list(inner) == [41, 51, 240, 180]
