"""Ink that may be letters: contrast, connected pieces, and the rows they stand in.

Letters are blends of two colors, so the largest channel difference to the background is
proportional to how much of a pixel a letter covers: one plane of contrast serves for finding
the letters and, later, for measuring them below the pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.components import Components, label_components
from workers.measure.scene import Element, ElementKind, Mask, Packed, Rgb
from workers.measure.steps import STRIP_ROWS, write_largest
from workers.measure.touching import unite_touching

Plane = NDArray[np.uint8]  # (height, width)
Floats = NDArray[np.float64]

# Contrast under this (8-bit levels) is codec noise, a shadow's outskirts or a letter's faint rim.
INK_MIN_LEVELS = 20
# Letters, in device pixels: a 7 px font's dot up to a 64 px heading at 2x.
GLYPH_MIN_PIXELS = 2
GLYPH_MAX_HEIGHT = 140
# A word of touching bold letters is wide; a rule or a progress bar is wider.
GLYPH_MAX_ASPECT = 14.0
# How far a letter reaches for its neighbour on each side, in its own heights. Two of these span
# a word space (.25 to .3 em plus bearings, between letters of .53 em) and stay under the gap
# between separate items, which is about an em.
REACH = 0.38
REACH_MIN_PX = 3
# A piece this much taller than the median of its row is an icon or an avatar beside the text.
MARK_HEIGHT = 2.3

# An icon before a line: the gap after it in heights of the row, its pieces, width over height.
ICON_GAP = 0.2
ICON_MAX_PIECES = 6
ICON_ASPECT = (0.6, 1.8)


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Pieces of ink: ``boxes`` (n, 4) of x, y, width, height; ``owners`` (n,) element indices.

    ``pieces`` marks each pixel with its piece's ``ids`` entry, 0 for none.
    """

    boxes: NDArray[np.int32]
    owners: NDArray[np.int32]
    ids: NDArray[np.int32]
    pieces: Components

    def take(self, chosen: NDArray[np.bool_]) -> "Glyphs":
        """Return the chosen pieces over the same labels."""
        return Glyphs(self.boxes[chosen], self.owners[chosen], self.ids[chosen], self.pieces)


def measure_contrast(rgb: Rgb, background: Packed) -> Plane:
    """Return the largest channel difference between each pixel and its background, 0 to 255."""
    contrast = np.empty(background.shape, np.uint8)
    for top in range(0, len(rgb), STRIP_ROWS):
        strip = slice(top, top + STRIP_ROWS)
        packed = np.ascontiguousarray(background[strip], "<u4")
        channels = packed.view(np.uint8).reshape(*packed.shape, 4)
        behind = cv2.cvtColor(channels, cv2.COLOR_BGRA2RGB)
        apart = cast("Rgb", cv2.absdiff(rgb[strip], behind))
        write_largest(apart, contrast[strip])
    return contrast


def find_glyphs(contrast: Plane, elements: Sequence[Element]) -> Glyphs:
    """Find the pieces of ink that may be letters, outside pictures, dividers and icons."""
    _, mask = cv2.threshold(contrast, INK_MIN_LEVELS - 1, 1, cv2.THRESH_BINARY)
    pieces = label_components(cast("Mask", mask), connectivity=8)
    del mask
    stats = pieces.stats
    wide, tall, pixels = stats[:, 2], stats[:, 3], stats[:, 4]
    letters = (tall <= GLYPH_MAX_HEIGHT) & (pixels >= GLYPH_MIN_PIXELS)
    letters &= wide <= GLYPH_MAX_ASPECT * np.maximum(tall, 2)
    letters[0] = False
    owners = _owner_map(contrast.shape, elements)
    centers = owners[stats[:, 1] + tall // 2, stats[:, 0] + wide // 2]
    letters &= centers >= 0
    ids = np.flatnonzero(letters).astype(np.int32)
    return Glyphs(
        boxes=np.ascontiguousarray(stats[ids, :4]),
        owners=centers[ids].astype(np.int32),
        ids=ids,
        pieces=pieces,
    )


def _owner_map(shape: tuple[int, ...], elements: Sequence[Element]) -> NDArray[np.signedinteger]:
    """Mark each pixel with the innermost element around it, -1 where no text can be."""
    owners = np.zeros(shape[:2], np.min_scalar_type(-len(elements)))
    order = sorted(range(len(elements)), key=lambda index: -elements[index].box.area)
    for index in order:
        element = elements[index]
        box = element.box
        holds_text = element.kind in (ElementKind.CONTAINER, ElementKind.GRADIENT)
        owners[box.y : box.bottom, box.x : box.right] = index if holds_text else -1
    return owners


def group_rows(glyphs: Glyphs) -> list[NDArray[np.intp]]:
    """Group pieces that reach each other sideways, each group inside one element.

    A first pass tells how tall letters are around each piece. In the second, tall marks are left
    out, for they would tie the lines beside them together, and commas reach as far as letters.

    Returns:
        Index arrays into ``glyphs``, each ordered from left to right.
    """
    if len(glyphs.ids) == 0:
        return []
    tall = glyphs.boxes[:, 3].astype(np.float64)
    usual = tall.copy()
    for row in _reach(glyphs, np.arange(len(tall)), tall):
        usual[row] = np.sort(tall[row])[len(row) // 2]
    kept = np.flatnonzero(tall <= MARK_HEIGHT * usual)
    rows = _reach(glyphs, kept, np.maximum(tall, usual))
    return [row[_count_icon(glyphs.boxes[row]) :] for row in rows]


def _count_icon(boxes: NDArray[np.int32]) -> int:
    """Return how many pieces at a row's start are an icon before the text, 0 for none.

    An icon is set apart, about square, and centered on the letters, so it sticks out above and
    below them; letters that do both (j, Q and brackets) are narrow or part of a word.
    """
    wide_gap = ICON_GAP * boxes[:, 3].max()
    count, end = 0, int(boxes[0, 0])
    for x, _, wide, _ in boxes[: ICON_MAX_PIECES + 1].tolist():
        if count and x - end >= wide_gap:
            break
        count, end = count + 1, max(end, x + wide)
    else:
        return 0
    bottoms = boxes[:, 1] + boxes[:, 3]
    top, bottom = boxes[:count, 1].min(), bottoms[:count].max()
    aspect = float(end - boxes[0, 0]) / float(bottom - top)
    squarish = ICON_ASPECT[0] <= aspect <= ICON_ASPECT[1]
    above = top < boxes[count:, 1].min()
    below = bottom > np.sort(bottoms[count:])[(len(bottoms) - count) // 2]
    return count if squarish and above and below else 0


def _reach(glyphs: Glyphs, chosen: NDArray[np.intp], tall: Floats) -> list[NDArray[np.intp]]:
    """Give every piece its reach and take what touches as one row."""
    x, y, wide, high = glyphs.boxes[chosen].T
    reach = np.maximum(REACH_MIN_PX, np.round(REACH * tall[chosen])).astype(np.int32)
    left = np.maximum(0, x - reach)
    rows = unite_touching(left, y, x + wide + reach, y + high)
    owners = glyphs.owners[chosen]
    keys = rows * (int(owners.max()) + 2) + owners
    order = np.lexsort((x, keys))
    cuts = np.flatnonzero(np.diff(keys[order])) + 1
    return np.split(chosen[order], cuts)
