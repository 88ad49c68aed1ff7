"""What stands on the background map: connected ink, and what of it is a divider or a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.components import Components, label_components
from workers.measure.measurements import Box
from workers.measure.regions import HARD_STEP
from workers.measure.scene import ElementKind, Mask, Packed, Rgb

# A divider is at most this thick and at least this long, in device pixels, and nearly solid.
DIVIDER_MAX_THICKNESS = 4
DIVIDER_MIN_LENGTH = 24
DIVIDER_SOLID = 0.9
# Beside a divider the color rests for so many pixels, within this many levels.
REST_PX = 3
REST_LEVELS = 1
# Places along a divider that are looked at.
DIVIDER_SAMPLES = 9
# Letters stand nearer to each other than this part of their height.
LETTER_GAP = 0.2
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
# A shape of one color shows it on this part of its pixels.
SINGLE_SHARE = 0.5
# Steps up to so many levels a pixel, diagonally, are a shadow's, which has hardly any larger.
SOFT_STEP_MAX, SOFT_PART = 24, 0.1
# Pixels sampled from one shape.
SHAPE_SAMPLE = 200
# Shapes up to this side, in device pixels, are icons; larger ones pictures.
ICON_MAX_SIDE = 64


@dataclass(frozen=True, slots=True)
class Shape:
    """A piece of ink that is no letter."""

    kind: ElementKind
    box: Box
    color: int | None


def find_ink(packed: Packed, background: Packed) -> Components:
    """Find the 8-connected pieces of what differs from the background."""
    mask = cast("Mask", cv2.compare(packed, background, cv2.CMP_NE))
    return label_components(mask, connectivity=8)


def find_dividers(rgb: Rgb, packed: Packed, ink: Components) -> list[Shape]:
    """Find straight lines of one color with a hard step, and then rest, on both long sides."""
    wide, tall, pixels = ink.stats[:, 2], ink.stats[:, 3], ink.stats[:, 4]
    solid = pixels >= DIVIDER_SOLID * wide * tall
    flat = (tall <= DIVIDER_MAX_THICKNESS) & (wide >= DIVIDER_MIN_LENGTH) & solid
    upright = (wide <= DIVIDER_MAX_THICKNESS) & (tall >= DIVIDER_MIN_LENGTH) & solid
    shapes = []
    for label in ink.largest(flat | upright):
        box = _box(ink, int(label))
        if _stands_alone(rgb, box) and not _is_letter(ink, box):
            color = int(packed[box.y + box.height // 2, box.x + box.width // 2])
            shapes.append(Shape(ElementKind.DIVIDER, box, color))
    return shapes


def find_shapes(rgb: Rgb, packed: Packed, background: Packed, ink: Components) -> list[Shape]:
    """Find pieces of ink that cannot be letters: solid, of several colors, or too tall."""
    wide, tall, pixels = ink.stats[:, 2], ink.stats[:, 3], ink.stats[:, 4]
    large = (wide >= SHAPE_MIN_SIDE) & (tall >= SHAPE_MIN_SIDE)
    large &= pixels >= FRAME_SHARE * wide * tall
    boxes = {int(label): _box(ink, int(label)) for label in ink.largest(large)}
    samples = [_sample(ink, label, box) for label, box in boxes.items()]
    off_lines = _off_line_shares(packed, background, samples)
    shapes = []
    for (label, box), sample, off_line in zip(boxes.items(), samples, off_lines, strict=True):
        solid = bool(pixels[label] >= SOLID_SHARE * box.area)
        blended = off_line <= OFF_LINE_SHARE
        if blended and not solid and box.height <= LETTER_MAX_HEIGHT:
            continue
        color = _single_color(packed.reshape(-1)[sample]) if solid else None
        if color is None and blended and _is_soft(rgb, ink, label, box):
            continue
        small = max(box.width, box.height) <= ICON_MAX_SIDE
        shapes.append(Shape(ElementKind.ICON if small else ElementKind.PICTURE, box, color))
    return shapes


def _sample(ink: Components, label: int, box: Box) -> NDArray[np.intp]:
    """Return some of a piece's pixels, by their index in the whole image."""
    mine = ink.cut(box) == label
    at = np.flatnonzero(mine)
    at = at[:: len(at) // SHAPE_SAMPLE + 1]
    row = at // box.width
    width = ink.distinct.shape[1]
    return np.asarray((box.y + row) * width + box.x + at - row * box.width, np.intp)


def _box(ink: Components, label: int) -> Box:
    x, y, width, height = (int(value) for value in ink.stats[label, :4])
    return Box(x, y, width, height)


def _stands_alone(rgb: Rgb, box: Box) -> bool:
    """Tell whether the colors on both long sides differ hard from the line, and stay the same.

    The first band of a shadow is a line too, but its surroundings go on changing.
    """
    if box.width >= box.height:
        lines = rgb[:, _samples(box.x, box.width)].transpose(1, 0, 2)
        start, end = box.y, box.bottom
    else:
        lines = rgb[_samples(box.y, box.height)]
        start, end = box.x, box.right
    if start < REST_PX or end + REST_PX > lines.shape[1]:
        return False
    levels = lines[:, start - REST_PX : end + REST_PX].astype(np.int16)
    color = levels[:, REST_PX]
    before, after = levels[:, :REST_PX], levels[:, -REST_PX:]
    hard = np.minimum(
        np.abs(before[:, -1] - color).max(axis=1), np.abs(after[:, 0] - color).max(axis=1)
    )
    ramp = np.maximum(
        np.abs(before[:, -1] - before[:, 0]).max(axis=1),
        np.abs(after[:, -1] - after[:, 0]).max(axis=1),
    )
    return bool(median(hard.tolist()) >= HARD_STEP and median(ramp.tolist()) <= REST_LEVELS)


def _samples(start: int, length: int) -> NDArray[np.intp]:
    """Return positions inside a stretch, clear of its ends."""
    return np.linspace(start, start + length - 1, DIVIDER_SAMPLES + 2).astype(np.intp)[1:-1]


def _is_letter(ink: Components, box: Box) -> bool:
    """Tell whether an upright stroke has ink beside it as near as letters stand."""
    if box.width > box.height:
        return False
    near = int(np.ceil(LETTER_GAP * box.height)) if box.height <= LETTER_MAX_HEIGHT else 0
    start = max(0, box.x - near)
    left = ink.cut(Box(start, box.y, box.x - start, box.height))
    right = ink.cut(Box(box.right, box.y, near, box.height))
    return bool(left.any() or right.any())


def _single_color(pixels: Packed) -> int | None:
    """Return the color of most pixels, None where no color has so many."""
    colors, counts = np.unique(pixels, return_counts=True)
    most = int(counts.argmax())
    return int(colors[most]) if counts[most] >= SINGLE_SHARE * counts.sum() else None


def _is_soft(rgb: Rgb, ink: Components, label: int, box: Box) -> bool:
    """Tell whether a shape has hardly a hard step inside, as shadows have."""
    area = np.s_[box.y : box.bottom, box.x : box.right]
    pixels, mine = rgb[area], ink.cut(box) == label
    inside = mine[:-1, :-1] & mine[1:, 1:]
    steps = cv2.absdiff(pixels[1:, 1:], pixels[:-1, :-1]).max(axis=2)[inside]
    return bool(len(steps)) and float((steps > SOFT_STEP_MAX).mean()) <= SOFT_PART


def _off_line_shares(
    packed: Packed, background: Packed, samples: Sequence[NDArray[np.intp]]
) -> list[float]:
    """Return how much of each shape's colors lies off the line to the strongest of them.

    The line starts at the background. All shapes are told at once.
    """
    if not samples:
        return []
    lengths = np.array([len(sample) for sample in samples])
    starts = np.cumsum(lengths) - lengths
    shape = np.repeat(np.arange(len(samples)), lengths)
    at = np.concatenate(samples)
    offset = _levels(packed.reshape(-1)[at]) - _levels(background.reshape(-1)[at])
    length = np.sqrt((offset * offset).sum(axis=1))
    peak = np.maximum.reduceat(length, starts)
    strongest = np.zeros(len(samples), np.intp)
    peaks = np.flatnonzero(length == peak[shape])[::-1]
    strongest[shape[peaks]] = peaks  # of several, the last written, the first, stays
    line = offset[strongest] / np.maximum(peak, np.float32(1))[:, None]
    along = (offset * line[shape]).sum(axis=1)
    off = offset - along[:, None] * line[shape]
    away = np.add.reduceat(np.sqrt((off * off).sum(axis=1)), starts)
    shares = away / np.maximum(1, np.add.reduceat(length, starts))
    return [float(share) for share in shares]


def _levels(colors: Packed) -> NDArray[np.float32]:
    """Return red, green and blue of packed colors, (n, 3)."""
    channels = [(colors >> shift & 255).astype(np.float32) for shift in (16, 8, 0)]
    return np.stack(channels, axis=1)
