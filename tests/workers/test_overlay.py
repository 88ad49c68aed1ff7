"""Overlays lie on the pixels that were measured, one group a layer."""

import base64
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tests import drawing
from workers.images import decode, encode_png
from workers.marks import STYLES, layers_of
from workers.measure import measure_scene, read_scene
from workers.measure.measurements import Measured
from workers.measure.scene import Scene
from workers.overlay import NAMESPACE, Layer, Mark, draw_overlay, draw_sheet

SVG = f"{{{NAMESPACE}}}"
CARDS = [(40, 40, 200, 120), (264, 40, 200, 120), (488, 40, 200, 120)]
STOPS = [("#5e72e4", 0.0), ("#825ee4", 1.0)]


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A page that shows something of every type."""
    page = drawing.draw_page(728, 360, "#eef2f6")
    shadow = drawing.Shadow(y=4, blur=12, alpha=0.2)
    for card in CARDS:
        drawing.draw_shadow(page, card, shadow, radius=8)
    for card in CARDS:
        drawing.draw_box(page, card, "#ffffff", radius=8)
        drawing.draw_text(page, (card[0] + 24, 64), "Deliveries today", 16, "#20304a")
    drawing.draw_linear_gradient(page, (40, 220, 648, 100), 90, STOPS)
    return read_scene(page)


def groups_of(svg: str) -> dict[str, ET.Element]:
    root = ET.fromstring(svg)  # noqa: S314 -- drawn by ourselves
    return {group.get("id", ""): group for group in root.iter(f"{SVG}g") if group.get("id")}


def titles_of(svg: str, layer: str) -> list[str]:
    return [title.text or "" for title in groups_of(svg)[layer].iter(f"{SVG}title")]


def paths_of(svg: str, layer: str) -> list[str]:
    return [path.get("d", "") for path in groups_of(svg)[layer].iter(f"{SVG}path")]


def overlay_of(scene: Scene) -> str:
    return draw_overlay((728, 360), layers_of(measure_scene(scene), scene))


def test_every_type_has_a_group_and_something_in_it(scene: Scene) -> None:
    svg = overlay_of(scene)

    assert set(groups_of(svg)) == set(STYLES)
    assert all(paths_of(svg, layer) for layer in STYLES)


def test_boxes_are_drawn_at_the_pixels_they_were_found_at(scene: Scene) -> None:
    outlines = paths_of(overlay_of(scene), "boxes")

    for x, y, width, height in CARDS:
        assert f"M{x} {y}h{width}v{height}h-{width}z" in outlines


def test_every_box_of_every_value_is_marked(scene: Scene) -> None:
    measured = measure_scene(scene)
    marks = {layer.id: len(layer.marks) for layer in layers_of(measured, scene)}

    groups: dict[str, Sequence[Measured]] = {
        "color": measured.colors,
        "spacing": measured.spacing,
        "typography": measured.typography,
        "shadow": measured.shadows,
        "gradient": measured.gradients,
        "radius": measured.radii,
    }
    for layer, found in groups.items():
        assert marks[layer] == sum(len(each.boxes) for each in found)
        assert all(len(each.boxes) == each.count for each in found)


def test_titles_tell_value_count_and_confidence(scene: Scene) -> None:
    (title,) = set(titles_of(overlay_of(scene), "radius"))

    assert title.startswith("radius 8 px, seen 3 times, ")
    assert title.endswith("% sure")


def test_a_distance_is_labelled_where_it_lies(scene: Scene) -> None:
    (layer,) = [each for each in layers_of(measure_scene(scene), scene) if each.id == "spacing"]

    marks = [mark for mark in layer.marks if mark.path.startswith("M0 40h40v120")]
    assert [mark.label for mark in marks] == ["40"]
    assert 0 < marks[0].at[0] < 40


def test_a_radius_is_drawn_in_image_pixels_on_retina() -> None:
    page = drawing.draw_page(750, 500)
    drawing.draw_box(page, (40, 40, 400, 200), "#111827", radius=24)
    scene = read_scene(page, name="home@2x")

    assert "a24 24 " in paths_of(overlay_of(scene), "radius")[0]


def test_text_in_marks_is_escaped() -> None:
    layer = Layer("boxes", "#000000", 0, (Mark("M0 0h1", "a < b & c", label="<svg>"),))

    assert titles_of(draw_overlay((1, 1), [layer]), "boxes") == ["a < b & c"]


def test_a_sheet_carries_the_image_itself(scene: Scene) -> None:
    svg = draw_sheet((728, 360), encode_png(scene.rgb), (), scale=1, shown=())

    root = ET.fromstring(svg)  # noqa: S314 -- drawn by ourselves
    (image,) = root.iter(f"{SVG}image")
    carried = decode(base64.b64decode(image.get("href", "").split(",")[1]))
    assert np.array_equal(carried, scene.rgb)


def test_a_sheet_shows_the_layers_asked_for_and_hides_the_others(scene: Scene) -> None:
    layers = layers_of(measure_scene(scene), scene)

    groups = groups_of(draw_sheet((728, 360), b"", layers, scale=1, shown={"spacing"}))

    assert [id_ for id_, group in groups.items() if group.get("display") != "none"] == ["spacing"]
