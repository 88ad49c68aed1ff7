"""Text as an unhinting rasteriser draws it, and lines as they are read from it."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.drawing import Rgb, levels_of
from tests.workers.measure.scenes import element, line
from workers.measure.scene import Element, TextLine

# Letters are drawn this much larger and averaged down, so that Pillow's hinting, which keeps to
# whole pixels, is left with a sixteenth of one.
SUPERSAMPLING = 16


def write(
    rgb: Rgb, left: int, baseline: int, text: str, size_px: float, color: str = "#222222"
) -> Rgb:
    """Write a line in Pillow's typeface (Aileron) with its baseline at the top of a row."""
    scale = SUPERSAMPLING
    font = ImageFont.load_default(size_px * scale)
    ascent, height = int(size_px * 1.25), int(size_px * 2)
    width = int(font.getlength(text) / scale) + 4
    large = Image.new("L", (width * scale, height * scale), 0)
    ImageDraw.Draw(large).text((scale, ascent * scale), text, fill=255, font=font, anchor="ls")
    cover = np.asarray(large, np.float64).reshape(height, scale, width, scale).mean((1, 3)) / 255
    area = rgb[baseline - ascent : baseline - ascent + height, left : left + width]
    cover = cover[: area.shape[0], : area.shape[1], None]
    area[:] = np.round(area + (levels_of(color) - area) * cover).astype(np.uint8)
    return rgb


def page_of(rgb: Rgb) -> Element:
    """Return the element that is the page itself."""
    return element((0, 0, rgb.shape[1], rgb.shape[0]), parent=-1)


def background_of(rgb: Rgb, color: int = 0xFFFFFF) -> NDArray[np.uint32]:
    """Return a background map of one color."""
    return np.full(rgb.shape[:2], color, np.uint32)


def text_line(
    x: int, baseline: float, *, size_px: float = 16, glyphs: int = 20, **changes: object
) -> TextLine:
    """Return a measured line, 100 px wide, regular unless ``changes`` say otherwise."""
    height = round(size_px * 0.75)
    box = (x, round(baseline) - height, 100, height)
    plain = line(box, size_px=size_px, baseline_y=baseline, color=0x222222)
    known = {"size_sd_px": 0.1, "glyphs": np.zeros((glyphs, 4), np.int32)}
    return replace(plain, **known | changes)  # type: ignore[arg-type]
