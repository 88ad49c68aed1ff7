"""Color spaces and differences: sRGB, CIE L*a*b* with CIEDE2000, and OKLab.

Source: IEC 61966-2-1 (sRGB); CIE 15:2004 (L*a*b*, D65, 2 degree observer); B. Ottosson, "A
perceptual color space for image processing", 2020 (OKLab); G. Sharma, W. Wu, E. N. Dalal, "The
CIEDE2000 color-difference formula", Color Research and Application 30(1), 2005,
doi:10.1002/col.20070.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SRGB_LINEAR_LIMIT = 0.04045
XYZ_OF_RGB = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
D65_WHITE = np.array([0.95047, 1.0, 1.08883])
LMS_OF_RGB = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
OKLAB_OF_LMS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
LAB_EPSILON, LAB_KAPPA = 216 / 24389, 24389 / 27


def levels_of_hex(hex_color: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255, of ``#rrggbb``."""
    red, green, blue = bytes.fromhex(hex_color.removeprefix("#"))
    return red, green, blue


def linear_of_srgb(levels: ArrayLike) -> Floats:
    """Return linear light, 0 to 1, of sRGB levels, 0 to 255; any shape."""
    share = np.asarray(levels, np.float64) / 255
    curved = ((share + 0.055) / 1.055) ** 2.4
    return np.where(share <= SRGB_LINEAR_LIMIT, share / 12.92, curved)


def oklab_of_srgb(levels: ArrayLike) -> Floats:
    """Return OKLab of sRGB levels: shape (..., 3) in and out, lightness first, 0 to 1."""
    lms = linear_of_srgb(levels) @ LMS_OF_RGB.T
    return np.asarray(np.cbrt(lms) @ OKLAB_OF_LMS.T, np.float64)


def lab_of_srgb(levels: ArrayLike) -> Floats:
    """Return CIE L*a*b* (D65) of sRGB levels: shape (..., 3) in and out, L* 0 to 100."""
    xyz = linear_of_srgb(levels) @ XYZ_OF_RGB.T / D65_WHITE
    curved = np.where(xyz > LAB_EPSILON, np.cbrt(xyz), (LAB_KAPPA * xyz + 16) / 116)
    x, y, z = curved[..., 0], curved[..., 1], curved[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return the CIEDE2000 difference of L*a*b* colors with unit weights.

    Args:
        first: shape (..., 3).
        second: shape (..., 3), broadcast against ``first``.

    Returns:
        The differences, shape (...); 1 is about what an eye just tells apart.

    Source:
        Sharma, Wu and Dalal 2005, equations 2 to 22.
    """
    lightness1, chroma1, hue1, lightness2, chroma2, hue2 = _adjusted(
        np.asarray(first, np.float64), np.asarray(second, np.float64)
    )
    gray = chroma1 * chroma2 == 0
    turn = np.where(gray, 0, (hue2 - hue1 + 180) % 360 - 180)
    # Opposite hues: the sign of a half turn does not matter to the difference.
    delta_hue = 2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn) / 2)
    lightness, chroma = (lightness1 + lightness2) / 2, (chroma1 + chroma2) / 2
    hue = _mean_hue(hue1, hue2, gray)
    scale_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    scale_c = 1 + 0.045 * chroma
    scale_h = 1 + 0.015 * chroma * _hue_weight(hue)
    part_l = (lightness2 - lightness1) / scale_l
    part_c = (chroma2 - chroma1) / scale_c
    part_h = delta_hue / scale_h
    rotated = _rotation(hue, chroma) * part_c * part_h
    return np.asarray(np.sqrt(part_l**2 + part_c**2 + part_h**2 + rotated), np.float64)


def _adjusted(first: Floats, second: Floats) -> tuple[Any, ...]:
    """Return lightness, adjusted chroma and hue in degrees of both colors (equations 2 to 7)."""
    mean_chroma = (
        np.hypot(first[..., 1], first[..., 2]) + np.hypot(second[..., 1], second[..., 2])
    ) / 2
    factor = 1.5 - 0.5 * np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7))
    parts: list[Floats] = []
    for color in (first, second):
        a, b = factor * color[..., 1], color[..., 2]
        parts += [color[..., 0], np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360]
    return tuple(parts)


def _mean_hue(hue1: Floats, hue2: Floats, gray: NDArray[np.bool_]) -> Floats:
    """Return the mean hue in degrees, across the nearer way round (equation 14)."""
    total = hue1 + hue2
    near = np.abs(hue1 - hue2) <= 180  # noqa: PLR2004 - half a turn
    around = np.where(total < 360, total + 360, total - 360)  # noqa: PLR2004 - a turn
    return np.where(gray, total, np.where(near, total, around) / 2)


def _hue_weight(hue: Floats) -> Floats:
    """Return T of equation 15."""
    return np.asarray(
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63)),
        np.float64,
    )


def _rotation(hue: Floats, chroma: Floats) -> Floats:
    """Return the rotation term of equations 16, 17 and 21."""
    angle = 30 * np.exp(-(((hue - 275) / 25) ** 2))
    weight = 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    return np.asarray(-np.sin(np.radians(2 * angle)) * weight, np.float64)
