"""Edges of boxes to a fraction of a pixel.

At device ratios such as 1.5 a border of one CSS pixel covers a pixel and a half, so browsers
paint half a pixel of it on one side. How much of its color the outermost pixel shows tells where
the edge is. At whole ratios edges lie between pixels and nothing is changed.
"""

import numpy as np
from numpy.typing import NDArray

from workers.measure.scene import Border, Element, Scene

Floats = NDArray[np.float64]

# Borders thinner than this show no pixel of their full color.
MIN_BORDER_PX = 2
# A border fainter than this, in levels, cannot tell shares of itself.
MIN_CONTRAST = 8.0


def find_edges(scene: Scene, element: Element) -> tuple[Floats, Floats]:
    """Return left, top, right and bottom of a box and of what is inside its border.

    Args:
        scene: for its pixels and its ratio.
        element: in device pixels.

    Returns:
        The outer and the inner edges, shape (4,) each, in device pixels.
    """
    box, border = element.box, element.border
    outer = np.array([box.x, box.y, box.right, box.bottom], np.float64)
    if border is None:
        return outer, outer
    widths = (border.left, border.top, border.right, border.bottom)
    toward_inside = np.array([1, 1, -1, -1])
    missing = np.zeros((4, 2))
    if not float(scene.dpr).is_integer():
        missing = np.array([_missing(scene, element, border, side) for side in range(4)])
    inner = outer + toward_inside * (np.array(widths) - missing[:, 1])
    return outer + toward_inside * missing[:, 0], inner


def _missing(scene: Scene, element: Element, border: Border, side: int) -> tuple[float, float]:
    """Return how much the outermost and the innermost pixel of a border lack of its color.

    Sides are left, top, right, bottom; the profile across each is taken in its middle.
    """
    box = element.box
    width = (border.left, border.top, border.right, border.bottom)[side]
    start = (box.x, box.y, box.right - 1, box.bottom - 1)[side]
    step = 1 if side in (0, 1) else -1
    places = start + step * np.arange(-1, width + 1)
    across = box.x + box.width // 2 if side % 2 else box.y + box.height // 2
    limit = scene.rgb.shape[side % 2 ^ 1]
    if width < MIN_BORDER_PX or places.min() < 0 or places.max() >= limit:
        return 0.0, 0.0
    profile = scene.rgb[places, across] if side % 2 else scene.rgb[across, places]
    levels = profile.astype(np.float64)
    color = np.array([border.color >> shift & 255 for shift in (16, 8, 0)], np.float64)
    return _lack(levels[1], levels[0], color), _lack(levels[-2], levels[-1], color)


def _lack(pixel: Floats, beyond: Floats, color: Floats) -> float:
    """Return the share of a pixel that shows what is beyond instead of the border's color."""
    contrast = float(np.linalg.norm(color - beyond))
    if contrast < MIN_CONTRAST:
        return 0.0
    return min(1.0, float(np.linalg.norm(color - pixel)) / contrast)
