"""What one image shows before anything is summed up: elements, text lines, their nesting.

The measuring modules hand these records to each other; only ``measurements`` leaves the package.
All lengths here are in device pixels of the image as decoded. Colors are packed as
``red << 16 | green << 8 | blue``.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box, FamilyClass, GradientKind, GradientStop, Path

Rgb = NDArray[np.uint8]  # (height, width, 3), red green blue
Packed = NDArray[np.uint32]  # (height, width), one packed color a pixel
Mask = NDArray[np.uint8]  # (height, width), 0 or 255

ROOT = 0  # index of the page itself in Scene.elements


class ElementKind(StrEnum):
    """What an element is painted as."""

    CONTAINER = "container"  # one color, or a ring around one
    GRADIENT = "gradient"  # a box filled with a gradient
    PICTURE = "picture"  # a dense area of many colors
    ICON = "icon"  # a small glyph-like shape that stands alone
    DIVIDER = "divider"  # a line of 1 to 4 px


@dataclass(frozen=True, slots=True)
class Border:
    """A ring, or single sides, drawn inside an element's outer box."""

    top: int
    right: int
    bottom: int
    left: int
    color: int


@dataclass(frozen=True, slots=True)
class Element:
    """A painted box. ``box`` is the outer one, border included.

    ``fill`` is the packed inner color, None for gradients and pictures. ``parent`` indexes
    ``Scene.elements``; the page (index 0) has parent -1. ``hard`` tells for top, right, bottom
    and left whether a step in color was seen there (a side at the image's edge is not).
    ``radii_px`` are its corners clockwise from the top left, None where a corner is unclear.
    """

    kind: ElementKind
    box: Box
    fill: int | None
    border: Border | None
    parent: int
    hard: tuple[bool, bool, bool, bool]
    radii_px: tuple[float | None, float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class GradientRegion:
    """A box whose pixels a gradient explains; ``rms_levels`` is what it leaves unexplained."""

    box: Box
    kind: GradientKind
    angle_deg: float | None
    stops: tuple[GradientStop, ...]
    rms_levels: float


@dataclass(frozen=True, slots=True)
class TextLine:
    """A run of glyphs on one baseline inside one element.

    ``box`` is the ink. ``baseline_y`` is the first row below the letters without descender, in
    fractions of a pixel. ``size_px`` and ``weight`` are estimates of the font (device pixels),
    with ``size_sd_px`` the estimate's own uncertainty. ``line_height_px`` is the baseline
    distance within the line's block, None for a line that stands alone. ``glyphs`` are the ink
    boxes, shape (n, 4): x, y, width, height.
    """

    box: Box
    parent: int
    baseline_y: float
    size_px: float
    size_sd_px: float
    weight: int
    family: FamilyClass
    line_height_px: float | None
    color: int
    color_confidence: float
    background: int | None
    glyphs: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything found in one image. ``background`` is the color behind each pixel's ink."""

    rgb: Rgb
    packed: Packed
    background: Packed
    path: Path
    dpr: float
    elements: tuple[Element, ...]
    gradients: tuple[GradientRegion, ...]
    lines: tuple[TextLine, ...]
