"""Borders: lines of one color that run along the outside of a filled area."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from workers.measure.measurements import Box
from workers.measure.regions import HARD_STEP
from workers.measure.scene import Border, Packed

# CSS borders above 8 px are bands, that is boxes of their own. Three device pixels a CSS pixel
# make 24, yet thick borders are rare and a false one swallows a neighbour.
MAX_BORDER_PX = 8
# Part of a side's straight stretch that has to show the line's color: badges may cover some.
UNIFORM_SHARE = 0.85
# The straight stretch is looked at between these parts of the side; corners may be round.
STRETCH = (0.3, 0.7)
# Samples along one side.
SAMPLES = 24
# Past a border the color must rest for as many pixels, else the line is a shadow's first band.
REST_PX = 3
# A ring over a shadow: its step outward is larger than the shadow's own by this factor.
RING_TO_RAMP = 2.5

# A translucent ring takes on the shadow below it and differs from side to side; it is told by
# ending, on all sides, in a step of so many levels that is so much larger than the next one.
SHARP_STEP, SHARP_TO_RAMP = 8, 4
# A half covered pixel lies this near to the middle of the two colors, in parts of their distance.
HALF_SLACK = 0.15
# Sides that share a color make a ring; the fourth may carry an accent, or be hidden.
RING_SIDES = 3
# Of those, as many must show that they are no band of a shadow.
CLEAR_SIDES = 2

# On a side this short, round corners may leave a straight stretch in the very middle only.
SHORT_SIDE_PX = 100
MIDDLE_SAMPLES = 3

NO_COLOR = -1


@dataclass(frozen=True, slots=True)
class Line:
    """What lies outside one side: a line of ``width`` px in one color.

    ``rests``: beyond it the color stays the same; ``ramp``: the steps beyond go on as they came,
    as in a shadow; ``sharp``: it ends in a step far larger than what follows.
    """

    width: int
    color: int
    rests: bool
    ramp: bool
    sharp: bool


NO_LINE = Line(0, NO_COLOR, rests=False, ramp=False, sharp=False)


def find_border(packed: Packed, box: Box, fill: int) -> Border | None:
    """Find the border around an area.

    Args:
        packed: (height, width) packed colors.
        box: the area inside the border, in pixels.
        fill: the area's packed color.

    Returns:
        The ring around it, its color that of at least three sides, or None.
    """
    lengths = (box.width, box.height, box.width, box.height)
    lines: list[Line] = []
    for strip, length in zip(_strips(packed, box), lengths, strict=True):
        lines.append(_line_outside(strip if length > SHORT_SIDE_PX else _middle(strip), fill))
        if lines.count(NO_LINE) > len(lengths) - RING_SIDES:
            return None
    drawn = [line for line in lines if line.width]
    color, agreeing = Counter(line.color for line in drawn).most_common(1)[0]
    ring = [line for line in drawn if line.color == color]
    if agreeing == len(lines):
        return None if all(line.ramp for line in ring) else _border(lines, color)
    if agreeing == RING_SIDES and sum(line.rests or line.sharp for line in ring) >= CLEAR_SIDES:
        return _border([NO_LINE if _is_shadow(line, color) else line for line in lines], color)
    widths = {line.width for line in drawn}
    if len(drawn) == len(lines) and len(widths) == 1 and all(line.sharp for line in drawn):
        return _border(lines, color)
    return None


def _border(lines: Sequence[Line], color: int) -> Border:
    """Make a border of the lines on the top, right, bottom and left."""
    top, right, bottom, left = (line.width for line in lines)
    return Border(top, right, bottom, left, color)


def find_accents(packed: Packed, outer: Box, border: Border) -> list[tuple[Box, int]]:
    """Return the sides of a ring that have a color of their own: where they lie, their color."""
    inner_y = outer.y + border.top
    inner_right, inner_bottom = outer.right - border.right, outer.bottom - border.bottom
    sides = (
        Box(outer.x, outer.y, outer.width, border.top),
        Box(inner_right, inner_y, border.right, inner_bottom - inner_y),
        Box(outer.x, inner_bottom, outer.width, border.bottom),
        Box(outer.x, inner_y, border.left, inner_bottom - inner_y),
    )
    drawn = [side for side in sides if side.area > 0]
    middles = [int(packed[s.y + s.height // 2, s.x + s.width // 2]) for s in drawn]
    # A translucent ring over a shadow differs on all sides, and none of them is an accent.
    if middles.count(border.color) < RING_SIDES:
        return []
    return [
        (side, middle)
        for side, middle in zip(drawn, middles, strict=True)
        if _step(middle, border.color) >= SHARP_STEP
    ]


def _is_shadow(line: Line, ring_color: int) -> bool:
    """Tell whether the fourth side of a ring shows a shadow's band and no line."""
    return line.ramp and line.color != ring_color


def grow(box: Box, border: Border | None) -> Box:
    """Return the outer box of an area with a border."""
    if border is None:
        return box
    return Box(
        box.x - border.left,
        box.y - border.top,
        box.width + border.left + border.right,
        box.height + border.top + border.bottom,
    )


def _strips(packed: Packed, box: Box) -> Iterator[Packed]:
    """Cut what lies outside each side's straight stretch, shape (samples, depth), near first."""
    depth = MAX_BORDER_PX + REST_PX
    columns = _stretch(box.x, box.width)
    rows = _stretch(box.y, box.height)
    yield packed[_backward(box.y - 1, depth)][:, columns].T
    yield packed[rows, box.right : box.right + depth]
    yield packed[box.bottom : box.bottom + depth][:, columns].T
    yield packed[rows, _backward(box.x - 1, depth)]


def _backward(start: int, count: int) -> slice:
    """Return the pixels from ``start`` down to the image's edge, ``count`` at most."""
    end = start - count
    return slice(start, end if end >= 0 else None, -1) if start >= 0 else slice(0, 0)


def _stretch(start: int, length: int) -> list[int]:
    """Return sample positions along a side's straight stretch."""
    low = start + STRETCH[0] * length
    step = (STRETCH[1] - STRETCH[0]) * length / (SAMPLES - 1)
    return sorted({int(low + step * index) for index in range(SAMPLES)})


def _middle(strip: Packed) -> Packed:
    """Return the samples around the middle of a side."""
    return strip[len(strip) // 2 - MIDDLE_SAMPLES // 2 :][:MIDDLE_SAMPLES]


def _line_outside(strip: Packed, fill: int) -> Line:
    """Read the line that begins where the area ends."""
    if strip.shape[1] <= 1:
        return NO_LINE
    # A side's median pixel is the line's color when the line is uniform at all.
    first = sorted(strip[:, 0].tolist())
    color = first[len(first) // 2]
    if color == fill or first.count(color) < UNIFORM_SHARE * len(first):
        return NO_LINE
    counts = np.count_nonzero(strip == color, axis=0)
    if counts.min() == len(strip):
        return NO_LINE
    profile = np.sort(strip, axis=0)[len(strip) // 2]
    uniform = counts >= UNIFORM_SHARE * len(strip)
    width = int((~uniform).argmax()) if not uniform.all() else len(uniform)
    if width > MAX_BORDER_PX or width >= len(profile):
        return NO_LINE
    color, width = _whole_line(profile, fill, color, width)
    beyond = profile[width : width + REST_PX]
    rests = len(beyond) == REST_PX and bool((beyond == beyond[0]).all())
    outward = _step(color, int(beyond[0])) if len(beyond) else 0
    onward = _step(int(beyond[0]), int(beyond[1])) if len(beyond) > 1 else 0
    ramp = not rests and outward <= max(HARD_STEP, RING_TO_RAMP * onward)
    sharp = outward >= max(SHARP_STEP, SHARP_TO_RAMP * onward)
    return Line(width, color, rests, ramp, sharp)


def _whole_line(profile: Packed, fill: int, color: int, width: int) -> tuple[int, int]:
    """Return the color and width of a line that may end half way into a pixel.

    At a device ratio of 1.5 a border of one CSS pixel covers one pixel and half of the next.
    """
    if width != 1 or len(profile) <= width + REST_PX:
        return color, width
    following, beyond = int(profile[1]), int(profile[2])
    if (profile[2:] != beyond)[:REST_PX].any():
        return color, width
    if _is_blend(color, fill, following):
        return following, 2
    if _is_blend(following, color, beyond):
        return color, 2
    return color, width


def _is_blend(middle: int, first: int, second: int) -> bool:
    """Tell whether a color is about half way between two others that differ."""
    step = _step(first, second)
    if min(first, second) < 0 or step < 2 * HARD_STEP:
        return False
    allowed = max(HARD_STEP - 1, HALF_SLACK * step)
    off = (
        abs((middle >> at & 255) - ((first >> at & 255) + (second >> at & 255)) / 2)
        for at in (0, 8, 16)
    )
    return max(off) <= allowed


def _step(first: int, second: int) -> int:
    """Return the largest difference over the channels of two packed colors, in levels."""
    return max(
        abs((first & 255) - (second & 255)),
        abs((first >> 8 & 255) - (second >> 8 & 255)),
        abs((first >> 16 & 255) - (second >> 16 & 255)),
    )
