"""Images with known values: boxes, borders, round corners, shadows, gradients and text.

All shapes are drawn antialiased by area, as browsers do. Colors are ``#rrggbb``; lengths are
pixels of the image. Every function draws onto the array it is given and returns it.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Rgb = NDArray[np.uint8]
Stop = tuple[str, float]

# Samples a pixel, each way.
SUPERSAMPLING = 8


def levels_of(color: str) -> NDArray[np.float64]:
    """Return red, green and blue of ``#rrggbb``, 0 to 255."""
    return np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)], np.float64)


def draw_page(width: int, height: int, color: str = "#ffffff") -> Rgb:
    """Return a page of one color, shape (height, width, 3)."""
    return np.full((height, width, 3), levels_of(color), np.uint8)


def draw_box(
    rgb: Rgb,
    box: tuple[float, float, float, float],
    color: str,
    *,
    radius: float = 0,
    border_px: float = 0,
    border_color: str | None = None,
) -> Rgb:
    """Draw a filled box, its border inside it.

    Args:
        rgb: the page.
        box: x, y, width and height of the outer box; fractions are antialiased.
        color: of the fill.
        radius: of the outer corners.
        border_px: width of the border, 0 for none.
        border_color: needed where ``border_px`` is not 0.
    """
    x, y, width, height = box
    if border_px and border_color:
        _blend(rgb, border_color, _cover(rgb, (x, y), (width, height), radius))
        x, y = x + border_px, y + border_px
        width, height = width - 2 * border_px, height - 2 * border_px
        radius = max(0.0, radius - border_px)
    return _blend(rgb, color, _cover(rgb, (x, y), (width, height), radius))


@dataclass(frozen=True)
class Shadow:
    """A CSS box shadow."""

    x: float = 0
    y: float = 0
    blur: float = 0
    spread: float = 0
    color: str = "#000000"
    alpha: float = 0.2


def draw_shadow(
    rgb: Rgb, box: tuple[float, float, float, float], shadow: Shadow, *, radius: float = 0
) -> Rgb:
    """Draw the shadow of a box, a Gaussian of half the blur as CSS says; the box comes later."""
    x, y, width, height = box
    grow = shadow.spread
    margin = math.ceil(1.5 * shadow.blur) + 1
    cover = _cover(
        np.zeros((rgb.shape[0] + 2 * margin, rgb.shape[1] + 2 * margin, 3), np.uint8),
        (x + shadow.x - grow + margin, y + shadow.y - grow + margin),
        (width + 2 * grow, height + 2 * grow),
        max(0.0, radius + grow if radius else 0),
    )
    if shadow.blur:
        sigma = shadow.blur / 2
        cover[:] = cv2.GaussianBlur(cover, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    inside = cover[margin : margin + rgb.shape[0], margin : margin + rgb.shape[1]]
    return _blend(rgb, shadow.color, inside * shadow.alpha)


def draw_linear_gradient(
    rgb: Rgb,
    box: tuple[int, int, int, int],
    angle_deg: float,
    stops: Sequence[Stop],
    *,
    radius: float = 0,
) -> Rgb:
    """Fill a box with a CSS linear gradient: 0 degrees point up, 90 to the right."""
    _, _, width, height = box
    across = np.arange(width) + 0.5 - width / 2
    down = np.arange(height)[:, None] + 0.5 - height / 2
    angle = math.radians(angle_deg)
    toward_x, toward_y = math.sin(angle), -math.cos(angle)
    length = abs(width * toward_x) + abs(height * toward_y)
    along = (across * toward_x + down * toward_y) / length + 0.5
    return _fill(rgb, box, _colors_at(along, stops), radius)


def draw_radial_gradient(rgb: Rgb, box: tuple[int, int, int, int], stops: Sequence[Stop]) -> Rgb:
    """Fill a box with ``radial-gradient(circle farthest-corner, ...)``."""
    _, _, width, height = box
    across = np.arange(width) + 0.5 - width / 2
    down = np.arange(height)[:, None] + 0.5 - height / 2
    along = np.hypot(across, down) / math.hypot(width / 2, height / 2)
    return _fill(rgb, box, _colors_at(along, stops), 0)


def draw_text(
    rgb: Rgb, position: tuple[int, int], text: str, size_px: float, color: str = "#000000"
) -> Rgb:
    """Write text in Pillow's own typeface (Aileron), its line's top left at ``position``."""
    image = Image.fromarray(rgb)
    red, green, blue = (int(level) for level in levels_of(color))
    font = ImageFont.load_default(size_px)
    ImageDraw.Draw(image).text(position, text, fill=(red, green, blue), font=font)
    rgb[:] = np.asarray(image)
    return rgb


def draw_picture(rgb: Rgb, box: tuple[int, int, int, int], *, seed: int = 0) -> Rgb:
    """Draw something like a photograph: soft blotches of many colors under a little noise."""
    x, y, width, height = box
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 12 + 2, width // 12 + 2, 3)).astype(np.float32)
    soft = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    noisy = soft + random.normal(0, 4, soft.shape)
    rgb[y : y + height, x : x + width] = np.clip(noisy, 0, 255).astype(np.uint8)
    return rgb


def encode(rgb: Rgb, kind: str, quality: int = 85) -> bytes:
    """Return an image file's bytes; ``kind`` is one of Pillow's formats, such as ``JPEG``."""
    target = io.BytesIO()
    Image.fromarray(rgb).save(target, kind, quality=quality)
    return target.getvalue()


def _cover(
    rgb: Rgb, corner: tuple[float, float], size: tuple[float, float], radius: float
) -> NDArray[np.float64]:
    """Return the part of each pixel that a rounded box covers, 0 to 1."""
    (x, y), (width, height) = corner, size
    rows, columns = rgb.shape[:2]
    across = _overlap(columns, x, x + width)
    down = _overlap(rows, y, y + height)
    cover = down[:, None] * across[None]
    reach = min(radius, width / 2, height / 2)
    if reach <= 0:
        return cover
    for left in (True, False):
        for top in (True, False):
            center_x = x + reach if left else x + width - reach
            center_y = y + reach if top else y + height - reach
            _round(cover, (x, y, x + width, y + height), (center_x, center_y), reach)
    return cover


def _round(
    cover: NDArray[np.float64],
    edges: tuple[float, float, float, float],
    center: tuple[float, float],
    radius: float,
) -> None:
    """Cut one corner of a box out of its cover."""
    x0, x1 = sorted((center[0], edges[0] if center[0] - edges[0] <= radius + 1e-9 else edges[2]))
    y0, y1 = sorted((center[1], edges[1] if center[1] - edges[1] <= radius + 1e-9 else edges[3]))
    left, top = max(0, math.floor(x0)), max(0, math.floor(y0))
    right, bottom = min(cover.shape[1], math.ceil(x1)), min(cover.shape[0], math.ceil(y1))
    if right <= left or bottom <= top:
        return
    fine_x = left + (np.arange((right - left) * SUPERSAMPLING) + 0.5) / SUPERSAMPLING
    fine_y = top + (np.arange((bottom - top) * SUPERSAMPLING) + 0.5) / SUPERSAMPLING
    in_square = ((fine_x >= x0) & (fine_x < x1)) & ((fine_y >= y0) & (fine_y < y1))[:, None]
    off = (fine_x - center[0]) ** 2 + (fine_y[:, None] - center[1]) ** 2
    cut = in_square & (off > radius**2)
    shape = (bottom - top, SUPERSAMPLING, right - left, SUPERSAMPLING)
    cover[top:bottom, left:right] -= cut.reshape(shape).mean(axis=(1, 3))
    np.clip(cover, 0, 1, out=cover)


def _overlap(count: int, start: float, end: float) -> NDArray[np.float64]:
    """Return the part of each of ``count`` pixels that lies between start and end."""
    at = np.arange(count)
    covered = np.minimum(at + 1.0, end) - np.maximum(at, start)
    return np.asarray(np.clip(covered, 0, 1), np.float64)


def _blend(rgb: Rgb, color: str, cover: NDArray[np.float64]) -> Rgb:
    """Paint a color over the page by the part of each pixel it covers."""
    mixed = rgb + (levels_of(color) - rgb) * cover[..., None]
    rgb[:] = np.clip(np.round(mixed), 0, 255).astype(np.uint8)
    return rgb


def _colors_at(along: NDArray[np.float64], stops: Sequence[Stop]) -> NDArray[np.float64]:
    """Return the colors at positions on a gradient line, shape (..., 3)."""
    positions = [position for _, position in stops]
    levels = np.array([levels_of(color) for color, _ in stops])
    return np.stack([np.interp(along, positions, levels[:, c]) for c in range(3)], axis=-1)


def _fill(
    rgb: Rgb, box: tuple[int, int, int, int], colors: NDArray[np.float64], radius: float
) -> Rgb:
    """Paint colors into a box, its corners antialiased."""
    x, y, width, height = box
    cover = _cover(rgb, (x, y), (width, height), radius)[y : y + height, x : x + width, None]
    area = rgb[y : y + height, x : x + width]
    area[:] = np.round(area + (np.round(colors) - area) * cover).astype(np.uint8)
    return rgb
