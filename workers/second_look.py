"""A second look where Claude says that measuring has missed something.

Claude says what is there and where; only what is then measured in that place goes on, with the
value that was measured. The place is measured by itself, as an image of its own: what is lost in a
whole page often is plain there. A claim that does not come true is dropped.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from shared.colorspace import Floats, ciede2000, lab_of_srgb
from shared.tokens import TokenType
from workers.measure import Measurements, measure_scene, read_scene
from workers.measure.measurements import (
    Box,
    ColorMeasurement,
    GradientMeasurement,
    ShadowMeasurement,
    SpacingMeasurement,
)
from workers.measure.scene import Rgb
from workers.names import OTHER, Added, Missed, Name

Found = ColorMeasurement | SpacingMeasurement | ShadowMeasurement | GradientMeasurement
F = TypeVar("F", ColorMeasurement, SpacingMeasurement, ShadowMeasurement, GradientMeasurement)

# Room around a place. A color: its edges, and little more, so that something small stays large. A
# shadow: its blur; a gradient: its ends, where it is told of by its middle. A distance: the boxes
# on both its sides, which are none where they are cut off.
MARGINS_CSS_PX = {
    TokenType.COLOR: 8,
    TokenType.SHADOW: 64,
    TokenType.GRADIENT: 64,
    TokenType.SPACING: 320,
}
# A whole screen is no place, and measuring it again takes as long as the first time.
MAX_PLACE_PX = 1_000_000
# How far a claim may be from what is measured: a color read off a picture, a length by eye.
MAX_COLOR_DIFFERENCE = 3.0
MAX_LENGTH_DIFFERENCE_PX = 1.0
# Fewer pixels than that are no color of a design.
MIN_COLOR_PX = 20
# Colors that an eye does not tell apart, and lengths that are one after rounding.
SAME_COLOR = 1.0
SAME_LENGTH_PX = 0.5


def look_again(
    rgb: Rgb, measurements: Measurements, missed: Iterable[Missed]
) -> tuple[Added, ...]:
    """Return what is measured where something was missed, in the claims' order.

    Args:
        rgb: The image, (height, width, 3) uint8.
        measurements: What was measured in it at first.
        missed: Claims, with boxes in pixels of the image.
    """
    added: list[Added] = []
    for claim in missed:
        known = [*_known(measurements, claim.type), *(each.measurement for each in added)]
        found = _measure(rgb, measurements.dpr, claim)
        if found is not None and not any(_is_same(found, each) for each in known):
            added.append(Added(claim.type, _name(claim, found), found))
    return tuple(added)


def claim_again(added: Iterable[Added]) -> tuple[Missed, ...]:
    """Return what came true in one image as claims about one that looks the same."""
    return tuple(
        Missed(
            each.type,
            each.name.slug,
            each.name.confidence,
            _value(each),
            each.measurement.boxes[0],
        )
        for each in added
        if each.measurement.boxes
    )


def _value(added: Added) -> str:
    """Return a measured value as a claim says it."""
    match added.measurement:
        case ColorMeasurement(hex=value):
            return value
        case SpacingMeasurement(px=px):
            return f"{px:g}"
        case _:
            return ""


def _name(claim: Missed, found: Found) -> Name:
    role = found.kind.value if isinstance(found, SpacingMeasurement) else OTHER
    return Name(claim.slug, claim.confidence, "", role)


def _known(measurements: Measurements, token_type: TokenType) -> Sequence[Found]:
    known: dict[TokenType, Sequence[Found]] = {
        TokenType.COLOR: measurements.colors,
        TokenType.SPACING: measurements.spacing,
        TokenType.SHADOW: measurements.shadows,
        TokenType.GRADIENT: measurements.gradients,
    }
    return known.get(token_type, ())


def _measure(rgb: Rgb, dpr: float, claim: Missed) -> Found | None:
    """Return what is there of what a claim says; None where it is not, or cannot be told."""
    height, width = rgb.shape[:2]
    image = Box(0, 0, width, height)
    place = _overlap(claim.box, image)
    if place is None or place.area > MAX_PLACE_PX or claim.type not in MARGINS_CSS_PX:
        return None
    margin = round(MARGINS_CSS_PX[claim.type] * dpr)
    around = _overlap(_grow(place, margin), image) or place
    scene = read_scene(np.ascontiguousarray(_cut(rgb, around)))
    seen = measure_scene(replace(scene, dpr=dpr))
    view = _View(
        place=replace(place, x=place.x - around.x, y=place.y - around.y),
        whole=_uncut(around, image),
    )
    found = _find(seen, view, _cut(rgb, place), claim)
    return None if found is None else _move(found, around, image.area)


@dataclass(frozen=True, slots=True)
class _View:
    """A part of an image that is measured by itself, in its own pixels.

    ``place`` is where something was missed. What does not lie in ``whole`` may go on outside.
    """

    place: Box
    whole: Box

    def keep(self, found: Sequence[F]) -> list[F]:
        """Return what was seen in the place, less the boxes that lie elsewhere or are cut off."""
        here = [(each, tuple(filter(self._holds, each.boxes))) for each in found]
        return [replace(each, boxes=boxes, count=len(boxes)) for each, boxes in here if boxes]

    def _holds(self, box: Box) -> bool:
        return _overlap(box, self.place) is not None and _overlap(box, self.whole) == box


def _uncut(around: Box, image: Box) -> Box:
    """Return the part of a cutting, in its own pixels, that no cut edge belongs to."""
    left, top = int(around.x > 0), int(around.y > 0)
    right = around.width - int(around.right < image.width)
    bottom = around.height - int(around.bottom < image.height)
    return Box(left, top, right - left, bottom - top)


def _find(seen: Measurements, view: _View, pixels: Rgb, claim: Missed) -> Found | None:
    """Return what was seen in a place of what a claim says."""
    match claim.type:
        case TokenType.COLOR:
            return _find_color(seen.colors, pixels, claim.value)
        case TokenType.SPACING:
            return _find_distance(view.keep(seen.spacing), claim.value)
        case TokenType.SHADOW:
            return _surest(view.keep(seen.shadows))
        case TokenType.GRADIENT:
            return _surest(view.keep(seen.gradients))
        case _:
            return None


def _find_color(
    colors: Sequence[ColorMeasurement], pixels: Rgb, value: str
) -> ColorMeasurement | None:
    """Return the measured color next to a value, if enough of the pixels have it."""
    if not value.startswith("#"):
        return None
    lab = lab_of_srgb(pixels)
    near = [
        (difference, color)
        for color in colors
        if (difference := _difference(color.hex, value)) <= MAX_COLOR_DIFFERENCE
        and np.count_nonzero(ciede2000(lab, _lab(color.hex)) < SAME_COLOR) >= MIN_COLOR_PX
    ]
    return min(near, key=lambda pair: pair[0])[1] if near else None


def _find_distance(found: Sequence[SpacingMeasurement], value: str) -> SpacingMeasurement | None:
    """Return the distance nearest to a length, if it is near enough."""
    if not value or value.startswith("#"):
        return None
    px = float(value)
    near = [each for each in found if abs(each.px - px) <= MAX_LENGTH_DIFFERENCE_PX]
    return min(near, key=lambda each: (abs(each.px - px), -each.count), default=None)


def _surest(found: Sequence[F]) -> F | None:
    return max(found, key=lambda each: each.confidence, default=None)


def _is_same(one: Found, other: Found) -> bool:
    """Tell whether two measurements say the same thing."""
    if isinstance(one, ColorMeasurement) and isinstance(other, ColorMeasurement):
        return _difference(one.hex, other.hex) < SAME_COLOR
    if isinstance(one, SpacingMeasurement) and isinstance(other, SpacingMeasurement):
        return abs(one.px - other.px) < SAME_LENGTH_PX
    # A box has one shadow and one gradient, however differently they are read.
    return type(one) is type(other) and any(
        _overlap(box, each) is not None for box in one.boxes for each in other.boxes
    )


def _difference(one: str, other: str) -> float:
    return float(ciede2000(_lab(one), _lab(other)))


def _lab(hex_color: str) -> Floats:
    return lab_of_srgb([int(hex_color[at : at + 2], 16) for at in (1, 3, 5)])


def _move(found: Found, around: Box, image_px: int) -> Found:
    """Return what was measured in a part of an image as measured in the whole."""
    boxes = tuple(replace(box, x=box.x + around.x, y=box.y + around.y) for box in found.boxes)
    if isinstance(found, ColorMeasurement):
        share = found.share * around.area / image_px
        return replace(found, boxes=boxes, share=share)
    return replace(found, boxes=boxes)


def _overlap(one: Box, other: Box) -> Box | None:
    """Return the part that two boxes share, None if there is none."""
    x, y = max(one.x, other.x), max(one.y, other.y)
    right, bottom = min(one.right, other.right), min(one.bottom, other.bottom)
    return Box(x, y, right - x, bottom - y) if right > x and bottom > y else None


def _grow(box: Box, margin: int) -> Box:
    return Box(box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin)


def _cut(rgb: Rgb, box: Box) -> Rgb:
    return rgb[box.y : box.bottom, box.x : box.right]
