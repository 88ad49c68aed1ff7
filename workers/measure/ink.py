"""What stands on the background map: connected ink, and what of it is a divider or a picture."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box
from workers.measure.preprocess import unpack
from workers.measure.regions import HARD_STEP, Labels
from workers.measure.scene import ElementKind, Packed, Rgb

# A divider is at most this thick and at least this long, in device pixels, and nearly solid.
DIVIDER_MAX_THICKNESS = 4
DIVIDER_MIN_LENGTH = 24
DIVIDER_SOLID = 0.9
# Pictures and icons that are told from letters by their pixels alone are at least this large.
SHAPE_MIN_SIDE = 12
# Letters above this height, in device pixels, are drawings for all we can tell.
LETTER_MAX_HEIGHT = 120
# Solid shapes fill their box, letters do not (a bold capital fills .6 of it).
SOLID_SHARE = 0.8
# Part of a shape's color that lies off the line from background to its strongest color. Letters
# are blends of two colors, so only rounding lies off it.
OFF_LINE_SHARE = 0.22
# A frame around other things fills less of its box than this.
FRAME_SHARE = 0.3
# Pixels sampled from one shape.
SHAPE_SAMPLE = 600
# Shapes up to this side, in device pixels, are icons; larger ones pictures.
ICON_MAX_SIDE = 64


@dataclass(frozen=True, slots=True)
class Ink:
    """Connected ink: ``labels`` (0 is background) and a row of x, y, width, height, pixels each.

    ``stats`` has one row a label, row 0 being the background.
    """

    labels: Labels
    stats: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Shape:
    """A piece of ink that is no letter."""

    kind: ElementKind
    box: Box
    color: int | None


def find_ink(packed: Packed, background: Packed) -> Ink:
    """Find the 8-connected pieces of what differs from the background."""
    mask = cv2.compare(packed, background, cv2.CMP_NE)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return Ink(cast("Labels", labels), cast("NDArray[np.int32]", stats))


def find_dividers(rgb: Rgb, packed: Packed, ink: Ink) -> list[Shape]:
    """Find straight lines of one color with a hard step on both long sides."""
    wide, tall, pixels = ink.stats[:, 2], ink.stats[:, 3], ink.stats[:, 4]
    solid = pixels >= DIVIDER_SOLID * wide * tall
    flat = (tall <= DIVIDER_MAX_THICKNESS) & (wide >= DIVIDER_MIN_LENGTH) & solid
    upright = (wide <= DIVIDER_MAX_THICKNESS) & (tall >= DIVIDER_MIN_LENGTH) & solid
    shapes = []
    for label in np.flatnonzero(flat | upright):
        box = _box(ink, int(label))
        color = int(packed[box.y + box.height // 2, box.x + box.width // 2])
        if _stands_out(rgb, box, color):
            shapes.append(Shape(ElementKind.DIVIDER, box, color))
    return shapes


def find_shapes(rgb: Rgb, packed: Packed, background: Packed, ink: Ink) -> list[Shape]:
    """Find pieces of ink that cannot be letters: solid, of several colors, or too tall."""
    wide, tall, pixels = ink.stats[:, 2], ink.stats[:, 3], ink.stats[:, 4]
    large = (wide >= SHAPE_MIN_SIDE) & (tall >= SHAPE_MIN_SIDE)
    large &= pixels >= FRAME_SHARE * wide * tall
    large[0] = False
    shapes = []
    for label in np.flatnonzero(large):
        box = _box(ink, int(label))
        area = np.s_[box.y : box.bottom, box.x : box.right]
        mine = ink.labels[area] == label
        solid = float(mine.mean()) >= SOLID_SHARE
        colors = rgb[area][mine].astype(np.float32)
        behind = background[area][mine]
        off_line = _off_line_share(colors, behind)
        if not (solid or off_line > OFF_LINE_SHARE or box.height > LETTER_MAX_HEIGHT):
            continue
        kind = (
            ElementKind.ICON
            if max(box.width, box.height) <= ICON_MAX_SIDE
            else (ElementKind.PICTURE)
        )
        single = solid and off_line <= OFF_LINE_SHARE
        center = int(packed[box.y + box.height // 2, box.x + box.width // 2])
        shapes.append(Shape(kind, box, center if single else None))
    return shapes


def _box(ink: Ink, label: int) -> Box:
    x, y, width, height = (int(value) for value in ink.stats[label, :4])
    return Box(x, y, width, height)


def _stands_out(rgb: Rgb, box: Box, color: int) -> bool:
    """Tell whether the line differs hard from what lies on both of its long sides."""
    middle_x, middle_y = box.x + box.width // 2, box.y + box.height // 2
    if box.width >= box.height:
        beside = [(box.y - 1, middle_x), (box.bottom, middle_x)]
    else:
        beside = [(middle_y, box.x - 1), (middle_y, box.right)]
    height, width = rgb.shape[:2]
    steps = [
        np.abs(rgb[y, x].astype(np.int32) - unpack(color)).max()
        for y, x in beside
        if 0 <= y < height and 0 <= x < width
    ]
    return min(steps, default=0) >= HARD_STEP


def _off_line_share(colors: NDArray[np.float32], behind: Packed) -> float:
    """Return how much of the colors lies off the line from background to strongest color."""
    step = max(1, len(colors) // SHAPE_SAMPLE)
    sample, under = colors[::step], behind[::step]
    back = np.stack([under >> 16 & 255, under >> 8 & 255, under & 255], axis=1)
    offset = sample - back.astype(np.float32)
    length = np.linalg.norm(offset, axis=1)
    strongest = offset[length.argmax()] / max(1.0, float(length.max()))
    along = offset @ strongest
    off = np.linalg.norm(offset - along[:, None] * strongest, axis=1)
    return float(off.sum() / max(1.0, float(length.sum())))
