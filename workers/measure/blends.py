"""The color of text whose pixels a codec has moved: by what it adds to its background.

Each pixel of a letter is a blend of background and text color, and so is every sum of pixels.
Codecs keep sums, even of the color channels that they store at half the size, but move single
pixels. So the direction from background to text color is told by sums over the whole line, and
how far it goes by the lightness of the strokes' middles, which codecs keep best.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.colorspace import oklab_of_srgb
from workers.measure.preprocess import unpack
from workers.measure.scene import Packed, Rgb, Scene, TextLine

Floats = NDArray[np.float32]

# Pixels around a line that its blurred color reaches: two, where chroma is stored at half size.
REACH_PX = 2
# Averages of three pixels along a stroke lie this far from each other at most, as parts of the
# strongest: what is less is the strokes' sides.
CORE = 0.6
# The strongest but for the ringing of codecs, and where among the middles full color lies. Of
# .5 to 1, the least error against the same pages uncompressed, in JPEG and in WebP.
PEAK_QUANTILE, FULL_QUANTILE = 0.995, 0.95
# A pixel with this part of the strongest lightness is ink.
INK = 0.25
# A line too short or too thin has fewer such averages, for each pixel of the device ratio, and its
# color is then as likely wrong as right.
MIN_CORE = 150
# Estimates of one color differ by less than this in OKLab: three times the usual error of a line.
SAME_COLOR = 0.06
# A color of text this near to one of an area is that color.
AREA_COLOR = 0.05
# ITU-R BT.601, as JPEG and WebP store colors: lightness, blue and red difference.
TO_YCC = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)
TO_RGB = np.linalg.inv(TO_YCC)


@dataclass(frozen=True, slots=True)
class Blend:
    """Lines of one color: its levels (3,), how many pixels tell it, and the lines."""

    levels: Floats
    pixels: int
    lines: tuple[TextLine, ...]

    @property
    def color(self) -> int:
        """The packed color."""
        red, green, blue = (int(level) for level in np.clip(self.levels.round(), 0, 255))
        return red << 16 | green << 8 | blue


def find_blends(scene: Scene, areas: set[int]) -> list[Blend]:
    """Return the colors of text in an image with noise, told by most pixels first.

    Args:
        scene: with lines, in device pixels.
        areas: packed colors of boxes; text of nearly such a color has it.
    """
    found = []
    for line in scene.lines:
        blend = _estimate(scene, line)
        if blend is not None and blend.pixels >= MIN_CORE * scene.dpr:
            found.append(blend)
    groups: list[list[Blend]] = []
    for blend in sorted(found, key=lambda blend: -blend.pixels):
        lab = oklab_of_srgb(blend.levels)
        near = (g for g in groups if np.linalg.norm(oklab_of_srgb(g[0].levels) - lab) < SAME_COLOR)
        group = next(near, None)
        if group is None:
            groups.append([blend])
        else:
            group.append(blend)
    united = [_as_area(_unite(group), areas) for group in groups]
    return sorted(united, key=lambda blend: -blend.pixels)


def _estimate(scene: Scene, line: TextLine) -> Blend | None:
    if line.background is None:
        return None
    told = estimate_color(scene.rgb, scene.background, line, line.background)
    return None if told is None else Blend(*told, (line,))


def estimate_color(
    rgb: Rgb, background: Packed, line: TextLine, behind: int
) -> tuple[Floats, int] | None:
    """Return the levels (3,) of a line's color and how many pixels tell it; None without ink.

    Args:
        rgb: (height, width, 3), as decoded.
        background: (height, width), the color behind each pixel's ink.
        line: the line.
        behind: the color on which it stands.
    """
    box, reach = line.box, REACH_PX
    top, left = max(0, box.y - reach), max(0, box.x - reach)
    area = np.s_[top : box.bottom + reach, left : box.right + reach]
    mine = background[area] == behind
    offset = (rgb[area].astype(np.float32) - unpack(behind).astype(np.float32)) @ TO_YCC.T
    ink = np.zeros(mine.shape, np.bool_)
    ink[box.y - top : box.bottom - top, box.x - left : box.right - left] = True
    ink &= mine
    if not ink.any():
        return None
    lightness = offset[..., 0]
    sign = 1.0 if lightness[ink].max() >= -lightness[ink].min() else -1.0
    strength = cast("Floats", lightness * np.float32(sign))
    along = np.maximum(cv2.blur(strength, (1, 3)), cv2.blur(strength, (3, 1)))[ink]
    peak = float(np.quantile(along, PEAK_QUANTILE))
    if peak <= 0:
        return None
    core = along[along >= CORE * peak]
    full = sign * float(np.quantile(core, FULL_QUANTILE))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    near = cv2.dilate(((strength > INK * peak) & mine).astype(np.uint8), kernel).astype(np.bool_)
    sums = offset[near & mine].sum(axis=0)
    if sums[0] * sign <= 0:
        return None
    levels = unpack(behind) + TO_RGB @ (sums * (full / sums[0]))
    return np.clip(levels, 0, 255).astype(np.float32), len(core)


def _unite(group: list[Blend]) -> Blend:
    """Return the mean of estimates of one color, by how many pixels tell each."""
    pixels = np.array([blend.pixels for blend in group], np.float32)
    levels = np.average([blend.levels for blend in group], axis=0, weights=pixels)
    lines = tuple(line for blend in group for line in blend.lines)
    return Blend(levels.astype(np.float32), int(pixels.sum()), lines)


def _as_area(blend: Blend, areas: set[int]) -> Blend:
    """Return a color as an area shows it, where one nearly does."""
    lab = oklab_of_srgb(blend.levels)
    off = {area: float(np.linalg.norm(oklab_of_srgb(unpack(area)) - lab)) for area in areas}
    nearest = min(off, key=off.__getitem__, default=None)
    if nearest is None or off[nearest] >= AREA_COLOR:
        return blend
    return Blend(unpack(nearest).astype(np.float32), blend.pixels, blend.lines)
