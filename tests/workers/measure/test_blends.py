"""Text keeps its color through codecs that move every pixel of it."""

import pytest

from shared.colorspace import ciede2000, lab_of_srgb
from tests import drawing
from workers.images import decode
from workers.measure import read_scene
from workers.measure.measurements import Path
from workers.measure.preprocess import unpack
from workers.measure.textcolors import find_text_colors

JPEG, WEBP = "jpeg", "webp"
# By CIEDE2000. Thin strokes never show their color in full, and on white the light that chroma
# blurs beside them is cut off at full white, so strong colors look paler than they are.
NEAR_DE00 = {24: 3.0, 15: 5.0}
STRONG_DE00 = 7.0


def coded(page: drawing.Rgb, codec: str) -> drawing.Rgb:
    """Return what a codec makes of a page."""
    return decode(drawing.encode(page, codec))


def colors_of(page: drawing.Rgb) -> list[int]:
    scene = read_scene(page)
    assert scene.path is Path.PALETTE
    return [found.color for found in find_text_colors(scene)]


def apart(color: int, wanted: str) -> float:
    return float(ciede2000(lab_of_srgb(unpack(color)), lab_of_srgb(drawing.levels_of(wanted))))


def paragraph(color: str, behind: str, size: int) -> drawing.Rgb:
    page = drawing.draw_page(900, 260, behind)
    for row in range(6):
        drawing.draw_text(page, (30, 20 + 38 * row), "Deliveries of the month, late", size, color)
    return page


@pytest.mark.parametrize("codec", [JPEG, WEBP])
@pytest.mark.parametrize("size", NEAR_DE00)
@pytest.mark.parametrize(
    ("color", "behind"),
    [("#1f2937", "#ffffff"), ("#6b7280", "#ffffff"), ("#e5e7eb", "#111827")],
)
def test_coded_text_has_its_color(color: str, behind: str, size: int, codec: str) -> None:
    found = colors_of(coded(paragraph(color, behind, size), codec))

    assert len(found) == 1
    assert apart(found[0], color) <= NEAR_DE00[size]


@pytest.mark.parametrize("codec", [JPEG, WEBP])
@pytest.mark.parametrize("color", ["#0d6efd", "#b91c1c"])
def test_coded_text_in_a_strong_color_has_nearly_that(color: str, codec: str) -> None:
    found = colors_of(coded(paragraph(color, "#f8f9fa", 24), codec))

    assert len(found) == 1
    assert apart(found[0], color) <= STRONG_DE00


def test_coded_text_in_the_color_of_a_box_has_that_very_color() -> None:
    page = drawing.draw_page(900, 400, "#ffffff")
    drawing.draw_box(page, (30, 30, 840, 120), "#374151")
    for row in range(4):
        drawing.draw_text(page, (30, 180 + 40 * row), "Deliveries of the month", 24, "#374151")

    scene = read_scene(coded(page, JPEG))
    fills = {element.fill for element in scene.elements}
    assert {found.color for found in find_text_colors(scene)} <= fills


def test_coded_pages_without_text_have_no_text_colors() -> None:
    page = drawing.draw_page(600, 400, "#ffffff")
    drawing.draw_box(page, (30, 30, 200, 120), "#1d4ed8")

    assert find_text_colors(read_scene(coded(page, JPEG))) == []
