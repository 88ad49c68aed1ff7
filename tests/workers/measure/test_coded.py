"""Boxes that went through JPEG and WebP are where they were drawn, and as round.

Tolerances at quality 85: sides 1 pixel, radii of all corners together 1 pixel.
"""

import numpy as np
import pytest

from tests import drawing
from workers.images import decode
from workers.measure import read_scene
from workers.measure.preprocess import pack
from workers.measure.regions import find_regions
from workers.measure.scene import ElementKind
from workers.measure.steps import measure_steps

SIDE_TOLERANCE_PX, RADIUS_TOLERANCE_PX = 1, 1.0
BOXES = [(61, 53, 200, 44), (301, 53, 180, 90), (61, 187, 333, 61), (433, 201, 97, 47)]


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("radius", [4.0, 8.0, 12.0])
@pytest.mark.parametrize(
    "colors", [("#ffffff", "#5e72e4"), ("#f3f4f7", "#ffffff"), ("#111418", "#e55353")]
)
def test_a_coded_box_keeps_its_sides_and_corners(
    kind: str, radius: float, colors: tuple[str, str]
) -> None:
    page = drawing.draw_page(600, 300, colors[0])
    for box in BOXES:
        drawing.draw_box(page, box, colors[1], radius=radius)
        drawing.draw_text(page, (box[0] + 20, box[1] + 12), "Send", 14, "#374151")

    scene = read_scene(decode(drawing.encode(page, kind, 85)), name="page@1x")

    found = [each for each in scene.elements[1:] if each.kind is ElementKind.CONTAINER]
    read: list[float] = []
    for x, y, width, height in BOXES:
        sides = [x, y, x + width, y + height]
        near = [
            each
            for each in found
            if np.abs(
                np.subtract([each.box.x, each.box.y, each.box.right, each.box.bottom], sides)
            ).max()
            <= SIDE_TOLERANCE_PX
        ]
        assert near
        read += [corner for corner in near[0].radii_px if corner is not None]
    assert abs(np.median(read) - radius) <= RADIUS_TOLERANCE_PX


@pytest.mark.parametrize("side", ["top", "right", "bottom", "left"])
def test_a_spur_left_by_noise_is_no_part_of_a_box(side: str) -> None:
    page = drawing.draw_page(200, 120, "#ffffff")
    drawing.draw_box(page, (40, 30, 100, 50), "#2563eb")
    x, y = {"top": (70, 28), "right": (140, 50), "bottom": (90, 80), "left": (38, 60)}[side]
    page[y : y + 2, x : x + 2] = page[50, 90]

    boxes = [
        region.box
        for region in find_regions(page, pack(page), measure_steps(page), snapped=True).regions
        if region.is_box and region.color == 0x2563EB
    ]

    assert [(box.x, box.y, box.width, box.height) for box in boxes] == [(40, 30, 100, 50)]
