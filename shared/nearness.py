"""When two measured values are one design value: places in a space, and distances in it.

A value has a family, within which alone it may be united with another, and a place, a vector. A
distance of 1 is the most that is still the same: each part is divided by its own tolerance.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.colorspace import Floats, ciede2000, lab_of_srgb, levels_of_hex
from shared.tokens import Color, Dimension, Gradient, Shadow, Token, TokenType, Typography

# CIEDE2000: 1 is about what an eye just tells apart, side by side.
MAX_COLOR_DIFFERENCE = 2.0
# CIEDE2000 weighs lightness by no less than 1/1.75, so beyond this it need not be computed.
_MAX_LIGHTNESS = 1.75 * MAX_COLOR_DIFFERENCE
# Half-leading and anti-aliasing shift a distance by a pixel; corners are found within half of one.
MAX_SPACING_PX = 1.0
MAX_RADIUS_PX = 0.5
# Glyphs of one style come out up to this much apart from image to image.
MAX_SIZE_PX = 0.5
# One pixel of a line of 20.
MAX_LINE_HEIGHT = 0.05
# A soft edge tells its offset within a pixel, and its blur within two.
MAX_OFFSET_PX = 1.0
MAX_BLUR_PX = 2.0
MAX_ALPHA = 0.03
MAX_ANGLE_DEG = 5.0
MAX_STOP = 0.05
# The strokes of small letters are thinner than a pixel, so that their color is mixed with up to
# this part of what is behind them. A mixture is rounded in each channel, and measured as finely.
_TEXT = "text"
_MOST_PALE = 0.15
_OFF_LEVELS = 3


@dataclass(frozen=True, slots=True)
class Space:
    """How values of one type compare.

    ``family`` returns what values must agree in exactly. ``place`` returns shape (parts,), which
    is the same for all of a family. ``distance`` takes places (values, parts) and one place, and
    returns shape (values,).
    """

    family: Callable[[Any], Hashable]
    place: Callable[[Any], Floats]
    distance: Callable[[Floats, Floats], Floats]


def _no_family(_value: object) -> Hashable:
    return None


def _lab(color: Color) -> Floats:
    return lab_of_srgb(levels_of_hex(color.hex))


def _color_distance(places: Floats, place: Floats) -> Floats:
    return np.asarray(ciede2000(places, place) / MAX_COLOR_DIFFERENCE, np.float64)


def _lone_color_distance(places: Floats, place: Floats) -> Floats:
    """Return the distance of colors, infinity where their lightness alone is too far."""
    distances = np.full(len(places), np.inf)
    near = np.abs(places[:, 0] - place[0]) <= _MAX_LIGHTNESS
    distances[near] = _color_distance(places[near], place)
    return distances


def _length_place(length: Dimension) -> Floats:
    return np.array([length.px])


def _spacing_distance(places: Floats, place: Floats) -> Floats:
    return _farthest(places - place, MAX_SPACING_PX)


def _radius_distance(places: Floats, place: Floats) -> Floats:
    return _farthest(places - place, MAX_RADIUS_PX)


def _style_family(style: Typography) -> Hashable:
    return style.font_family, style.font_weight, style.letter_spacing


def _style_place(style: Typography) -> Floats:
    """Return size and line height in pixels, as both are measured: their ratio doubles errors."""
    size_px = style.font_size.px
    leading = np.nan if style.line_height is None else style.line_height
    return np.array([size_px, leading * size_px])


def _style_distance(places: Floats, place: Floats) -> Floats:
    """Return the distance of sizes, and of line heights where both were measured."""
    sizes = np.abs(places[:, 0] - place[0]) / MAX_SIZE_PX
    mean_px = (places[:, 0] + place[0]) / 2
    lines = np.abs(places[:, 1] - place[1]) / (MAX_LINE_HEIGHT * np.maximum(mean_px, 1))
    return np.asarray(np.fmax(sizes, lines), np.float64)


def _shadow_place(shadow: Shadow) -> Floats:
    lengths = (shadow.offset_x, shadow.offset_y, shadow.blur, shadow.spread)
    pixels = [length.px for length in lengths]
    return np.array([*pixels, shadow.color.alpha, *_lab(shadow.color)])


def _shadow_distance(places: Floats, place: Floats) -> Floats:
    """Return the distance of shadows; colors differ as far as their alpha lets them be seen."""
    tolerances = [MAX_OFFSET_PX, MAX_OFFSET_PX, MAX_BLUR_PX, MAX_OFFSET_PX, MAX_ALPHA]
    shape = _farthest(places[:, :5] - place[:5], tolerances)
    seen = _color_distance(places[:, 5:], place[5:]) * places[:, 4]
    return np.asarray(np.maximum(shape, seen), np.float64)


def _gradient_family(gradient: Gradient) -> Hashable:
    alphas = tuple(stop.color.alpha for stop in gradient.stops)
    return gradient.kind, alphas, gradient.angle is None


def _gradient_place(gradient: Gradient) -> Floats:
    stops = [np.array([stop.position, *_lab(stop.color)]) for stop in gradient.stops]
    return np.concatenate([[gradient.angle or 0.0], *stops])


def _gradient_distance(places: Floats, place: Floats) -> Floats:
    """Return the distance of gradients: the farthest of angle, positions and colors."""
    turn = (places[:, 0] - place[0] + 180) % 360 - 180
    stops, stop = places[:, 1:].reshape(len(places), -1, 4), place[1:].reshape(-1, 4)
    shifts = _farthest(stops[..., 0] - stop[:, 0], MAX_STOP)
    colors = _color_distance(stops[..., 1:], stop[:, 1:]).max(axis=1)
    parts = [np.abs(turn) / MAX_ANGLE_DEG, shifts, colors]
    return np.asarray(np.maximum.reduce(parts), np.float64)


def _farthest(differences: Floats, tolerance: float | list[float]) -> Floats:
    """Return the largest part of each row of differences, in tolerances."""
    return np.asarray((np.abs(differences) / tolerance).max(axis=1), np.float64)


SPACES: Mapping[TokenType, Space] = {
    TokenType.COLOR: Space(lambda color: color.alpha, _lab, _lone_color_distance),
    TokenType.SPACING: Space(_no_family, _length_place, _spacing_distance),
    TokenType.TYPOGRAPHY: Space(_style_family, _style_place, _style_distance),
    TokenType.SHADOW: Space(lambda shadow: shadow.inset, _shadow_place, _shadow_distance),
    TokenType.GRADIENT: Space(_gradient_family, _gradient_place, _gradient_distance),
    TokenType.RADIUS: Space(_no_family, _length_place, _radius_distance),
}


class Lookup:
    """Values of one type, among which others are looked up."""

    def __init__(self, space: Space, values: Sequence[Any]) -> None:
        """Place the values once, by family."""
        self._space = space
        self._members: dict[Hashable, list[int]] = {}
        for at, value in enumerate(values):
            self._members.setdefault(space.family(value), []).append(at)
        self._places = {
            family: np.stack([space.place(values[at]) for at in members])
            for family, members in self._members.items()
        }

    def find_near(self, value: Any) -> list[tuple[float, int]]:  # noqa: ANN401 - of any type
        """Return the values that are the same: how far each is, and its index."""
        family = self._space.family(value)
        if family not in self._places:
            return []
        distances = self._space.distance(self._places[family], self._space.place(value))
        members = self._members[family]
        return [(float(distances[at]), members[at]) for at in np.flatnonzero(distances <= 1)]

    def find_nearest(self, value: Any) -> tuple[float, int] | None:  # noqa: ANN401 - of any type
        """Return how far the nearest value is, in tolerances, and its index.

        None where no value is of the same family.
        """
        family = self._space.family(value)
        if family not in self._places:
            return None
        # The space of colors only tells how far those are that are near.
        measure = _color_distance if isinstance(value, Color) else self._space.distance
        distances = measure(self._places[family], self._space.place(value))
        nearest = int(np.argmin(distances))
        return float(distances[nearest]), self._members[family][nearest]


def color_differences(color: Color, others: Sequence[Color]) -> Floats:
    """Return the CIEDE2000 differences of a color to others, whatever their alpha."""
    return ciede2000(lab_of_srgb(_levels([other.hex for other in others])), _lab(color))


def color_difference(one: Color, other: Color) -> float:
    """Return the CIEDE2000 difference of two colors, whatever their alpha."""
    return float(color_differences(one, [other])[0])


def is_paler_text(token: Token[Any], others: Iterable[Token[Any]]) -> bool:
    """Tell whether a color is that of other text, which is used more, read from thin letters.

    It is, if it is on the first part of the way from that color to a background of its own.
    """
    if not (isinstance(token.value, Color) and token.role == _TEXT):
        return False
    texts = [each for each in others if each.role == _TEXT and each.usage > token.usage]
    start = _levels([each.value.hex for each in texts])
    ways = _levels([each.background for each in token.on])[:, np.newaxis] - start
    gone = levels_of_hex(token.value.hex) - start
    parts = (gone * ways).sum(axis=-1) / np.maximum(1, (ways**2).sum(axis=-1))
    off = np.abs(gone - parts[..., np.newaxis] * ways).max(axis=-1)
    return bool(((parts > 0) & (parts <= _MOST_PALE) & (off <= _OFF_LEVELS)).any())


def _levels(hex_colors: Sequence[str]) -> Floats:
    """Return the levels of colors, shape (colors, 3)."""
    return np.array([levels_of_hex(each) for each in hex_colors], np.float64).reshape(-1, 3)
