"""Noise decides the way pixels are read, and the noisy ways still find what was drawn."""

import numpy as np
import pytest

from tests import drawing
from workers.images import decode
from workers.measure import measure_image, read_scene
from workers.measure.measurements import Box, Path
from workers.measure.palette import find_peaks, snap_palette
from workers.measure.photo import find_outlines
from workers.measure.preprocess import choose_path, find_changes, hex_of, pack, unpack


def dashboard(background: str = "#f1f5f9") -> drawing.Rgb:
    """Return a page of text and three white cards."""
    page = drawing.draw_page(800, 480, background)
    for column in range(3):
        x = 24 + column * 256
        drawing.draw_box(page, (x, 40, 240, 320), "#ffffff", radius=12)
        drawing.draw_text(page, (x + 20, 60), "Revenue per month", 16, "#0f172a")
        for row in range(8):
            drawing.draw_text(page, (x + 20, 100 + 24 * row), "Orders and refunds", 14, "#475569")
        drawing.draw_box(page, (x + 20, 310, 96, 32), "#2563eb", radius=6)
    return page


def photographed(page: drawing.Rgb) -> drawing.Rgb:
    """Return the page with a sensor's noise on it."""
    random = np.random.default_rng(1)
    return np.clip(page + random.normal(0, 6, page.shape), 0, 255).astype(np.uint8)


def nearest(target: Box, boxes: list[Box]) -> int:
    """Return by how many pixels the sides of the nearest box are off at most."""
    return min(
        max(
            abs(box.x - target.x),
            abs(box.y - target.y),
            abs(box.right - target.right),
            abs(box.bottom - target.bottom),
        )
        for box in boxes
    )


def test_packing_and_unpacking_are_inverse() -> None:
    rgb = np.array([[[1, 2, 3], [255, 128, 0]]], np.uint8)

    packed = pack(rgb)

    assert [unpack(int(color)).tolist() for color in packed[0]] == rgb[0].tolist()
    assert hex_of(int(packed[0, 1])) == "#ff8000"


def test_changes_mark_the_last_pixel_before_an_edge() -> None:
    page = drawing.draw_page(5, 4)
    page[:, 3:] = 0

    assert find_changes(pack(page)).tolist() == [[0, 0, 255, 0, 0]] * 4


def test_a_clean_screenshot_is_read_exactly() -> None:
    assert choose_path(dashboard()) is Path.EXACT


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("quality", [70, 85, 92])
def test_codec_noise_asks_for_the_palette(kind: str, quality: int) -> None:
    page = decode(drawing.encode(dashboard(), kind, quality))

    assert choose_path(page) is Path.PALETTE


def test_sensor_noise_makes_a_photo() -> None:
    assert choose_path(photographed(dashboard())) is Path.PHOTO


def test_a_gradient_is_no_noise() -> None:
    page = dashboard()
    drawing.draw_linear_gradient(page, (0, 400, 800, 80), 90, [("#7c3aed", 0), ("#06b6d4", 1)])

    assert choose_path(page) is Path.EXACT


def test_an_image_smaller_than_a_tile_is_read_exactly() -> None:
    assert choose_path(drawing.draw_page(3, 3)) is Path.EXACT


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_cards_in_a_compressed_page_are_found(kind: str) -> None:
    scene = read_scene(decode(drawing.encode(dashboard(), kind, 85)))

    boxes = [element.box for element in scene.elements[1:]]
    for column in range(3):
        assert nearest(Box(24 + column * 256, 40, 240, 320), boxes) <= 1


def test_cards_in_a_photograph_are_found() -> None:
    boxes = find_outlines(photographed(dashboard("#cbd5e1")))

    for column in range(3):
        assert nearest(Box(24 + column * 256, 40, 240, 320), boxes) <= 3


def test_a_photograph_is_measured_too() -> None:
    measured = measure_image(photographed(dashboard()))

    assert measured.path is Path.PHOTO
    assert measured.colors


def test_snapping_restores_the_colors_of_areas() -> None:
    noisy = decode(drawing.encode(dashboard(), "JPEG", 85))

    snapped = snap_palette(noisy).astype(int)

    off = np.abs(snapped - dashboard()).max(axis=2)
    assert (off <= 2).mean() > 0.9


def test_an_image_without_flat_areas_has_no_peaks() -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (64, 64, 3)).astype(np.uint8)

    assert not len(find_peaks(noise))
    assert snap_palette(noise).shape == noise.shape


@pytest.mark.parametrize("width", range(286, 294))
def test_noise_is_measured_at_any_width(width: int) -> None:
    assert choose_path(drawing.draw_page(width, 31)) is Path.EXACT
