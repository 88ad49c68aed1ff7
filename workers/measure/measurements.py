"""The records that measuring returns: what was seen, where, how often, how surely.

Lengths named ``*_px`` are CSS pixels (device pixels divided by the device ratio); boxes are in
pixels of the image as decoded. Lists are ordered by use, most used first. Nothing here holds a
value that was not measured: a page without shadows has no shadow records.
"""

from dataclasses import dataclass
from enum import StrEnum


class Path(StrEnum):
    """Which way the pixels were read, chosen by the noise that was measured."""

    EXACT = "exact"  # clean pixels: single-colored regions
    PALETTE = "palette"  # codec noise: pixels snapped to the picture's own peaks, then as exact
    PHOTO = "photo"  # sensor noise: grayscale, bilateral, CLAHE, Canny, findContours


class ColorRole(StrEnum):
    """Where a color was found."""

    BACKGROUND = "background"  # the page, or a band as wide as the page
    SURFACE = "surface"  # a box on the background: card, input, table head
    TEXT = "text"
    BORDER = "border"  # rings and dividers
    FILL = "fill"  # small solid boxes: buttons, badges, icons


class SpacingKind(StrEnum):
    """What lies on the two sides of a distance."""

    PADDING = "padding"  # between a box and its content
    GAP = "gap"  # between equal neighbours in a row, column or grid
    MARGIN = "margin"  # between unlike blocks


class FamilyClass(StrEnum):
    """The class of a typeface, as far as its shapes tell."""

    SANS = "sans"
    SERIF = "serif"
    MONO = "mono"
    UNKNOWN = "unknown"


class GradientKind(StrEnum):
    """The CSS gradient function that draws the same pixels."""

    LINEAR = "linear"
    RADIAL = "radial"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in image pixels: ``x`` and ``y`` of its top left pixel, and its size."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column past the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row past the box."""
        return self.y + self.height

    @property
    def area(self) -> int:
        """Pixels in the box."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class TextBackground:
    """A color behind text: ``count`` lines of it, ``large`` of them large text to WCAG 2.2."""

    hex: str
    count: int
    large: int


@dataclass(frozen=True, slots=True)
class ColorMeasurement:
    """One color as it stands in the pixels.

    ``hex`` is ``#rrggbb`` in lower case; ``share`` is its part of the image's pixels, 0 to 1;
    ``roles`` are ordered by how much of the color each role holds. ``on`` are the colors behind
    the text that has it, most lines first.
    """

    hex: str
    share: float
    roles: tuple[ColorRole, ...]
    count: int
    boxes: tuple[Box, ...]
    confidence: float
    on: tuple[TextBackground, ...] = ()


@dataclass(frozen=True, slots=True)
class SpacingMeasurement:
    """One distance of one kind. ``boxes`` are the stretches of empty space that were measured."""

    px: float
    kind: SpacingKind
    count: int
    boxes: tuple[Box, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class TypographyMeasurement:
    """One text style. ``line_height_px`` is None where no two lines of one block show it.

    ``weight`` is a CSS font weight (100 to 900, a multiple of 100), ``chars`` counts glyphs,
    ``count`` lines, ``color_hex`` is the style's most used text color.
    """

    size_px: float
    weight: int
    line_height_px: float | None
    family: FamilyClass
    color_hex: str
    chars: int
    count: int
    boxes: tuple[Box, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class ShadowMeasurement:
    """One effective outer shadow, in the terms of CSS ``box-shadow``; ``boxes`` cast it."""

    x_px: float
    y_px: float
    blur_px: float
    spread_px: float
    color_hex: str
    alpha: float
    count: int
    boxes: tuple[Box, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class GradientStop:
    """A color at a position on the gradient line, 0 to 1."""

    hex: str
    position: float


@dataclass(frozen=True, slots=True)
class GradientMeasurement:
    """One gradient. ``angle_deg`` is CSS's: 0 upward, 90 to the right; None for radial ones."""

    kind: GradientKind
    angle_deg: float | None
    stops: tuple[GradientStop, ...]
    count: int
    boxes: tuple[Box, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class RadiusMeasurement:
    """One corner radius; ``count`` is the number of boxes that show it. Pills are left out."""

    px: float
    count: int
    boxes: tuple[Box, ...]
    confidence: float


# What every value carries: ``count`` places, their ``boxes``, and a ``confidence`` from 0 to 1.
Measured = (
    ColorMeasurement
    | SpacingMeasurement
    | TypographyMeasurement
    | ShadowMeasurement
    | GradientMeasurement
    | RadiusMeasurement
)


@dataclass(frozen=True, slots=True)
class Measurements:
    """All that was measured in one image, each tuple most used first."""

    width: int
    height: int
    dpr: float
    path: Path
    colors: tuple[ColorMeasurement, ...]
    spacing: tuple[SpacingMeasurement, ...]
    typography: tuple[TypographyMeasurement, ...]
    shadows: tuple[ShadowMeasurement, ...]
    gradients: tuple[GradientMeasurement, ...]
    radii: tuple[RadiusMeasurement, ...]
