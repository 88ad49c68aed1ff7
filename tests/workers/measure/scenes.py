"""Scenes written down by hand: what boxes and lines there are, without a picture to read."""

from collections.abc import Sequence

import numpy as np

from workers.measure.measurements import Box, FamilyClass, Path
from workers.measure.scene import Border, Element, ElementKind, Scene, TextLine

PAPER = 0xFFFFFF
INK = 0x000000


def element(
    box: tuple[int, int, int, int],
    *,
    parent: int = 0,
    kind: ElementKind = ElementKind.CONTAINER,
    border_px: int = 0,
) -> Element:
    border = Border(border_px, border_px, border_px, border_px, INK) if border_px else None
    return Element(kind, Box(*box), PAPER, border, parent, (True,) * 4, (0.0,) * 4)


def line(
    box: tuple[int, int, int, int],
    *,
    parent: int = 0,
    size_px: float = 16,
    baseline_y: float | None = None,
    color: int = INK,
) -> TextLine:
    x, y, width, height = box
    return TextLine(
        box=Box(*box),
        parent=parent,
        baseline_y=y + height if baseline_y is None else baseline_y,
        size_px=size_px,
        size_sd_px=0.2,
        weight=400,
        family=FamilyClass.SANS,
        line_height_px=None,
        color=color,
        color_confidence=1,
        background=PAPER,
        glyphs=np.array([[x, y, width, height]], np.int32),
    )


def scene(
    size: tuple[int, int],
    elements: Sequence[Element] = (),
    lines: Sequence[TextLine] = (),
    *,
    dpr: float = 1,
) -> Scene:
    """Return a white page; the ink of its lines fills their boxes."""
    width, height = size
    packed = np.full((height, width), PAPER, np.uint32)
    rgb = np.full((height, width, 3), 255, np.uint8)
    for each in lines:
        rgb[each.box.y : each.box.bottom, each.box.x : each.box.right] = 0
    page = Element(
        ElementKind.CONTAINER,
        Box(0, 0, width, height),
        PAPER,
        None,
        -1,
        (False,) * 4,
        (None,) * 4,
    )
    return Scene(rgb, packed, packed, Path.EXACT, dpr, (page, *elements), (), tuple(lines))
