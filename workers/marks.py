"""Where each measured value was seen, as layers of marks to draw over the image."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from workers.measure.measurements import (
    Box,
    ColorMeasurement,
    GradientMeasurement,
    Measured,
    Measurements,
    RadiusMeasurement,
    ShadowMeasurement,
    SpacingMeasurement,
    TypographyMeasurement,
)
from workers.measure.scene import ROOT, Element, Scene, TextLine
from workers.overlay import Layer, Mark

# In CSS pixels: the side of a color's swatch, the space a label keeps, half a digit's size.
SWATCH_PX, ROOM_PX = 8.0, 2.0
HALF_DIGIT_PX, HALF_LABEL_PX = 2.6, 3.0

# Of each layer: its color, and how much its shapes hide of what is below.
STYLES = {
    "boxes": ("#1971c2", 0.0),
    "text": ("#868e96", 0.0),
    "gradient": ("#ae3ec9", 0.0),
    "shadow": ("#5f3dc4", 0.0),
    "radius": ("#2b8a3e", 0.0),
    "spacing": ("#e03131", 0.15),
    "typography": ("#0b7285", 0.06),
    "color": ("#495057", 1.0),
}


def layers_of(measured: Measurements, scene: Scene) -> tuple[Layer, ...]:
    """Return what was measured in a scene as layers, from the lowest to the topmost.

    Args:
        measured: the values, which give the layers of the token types.
        scene: the same image's elements and lines, which give ``boxes`` and ``text``.
    """
    dpr = measured.dpr
    marks = {
        "boxes": [_of_element(each, dpr) for each in scene.elements[ROOT + 1 :]],
        "text": [_of_line(each, dpr) for each in scene.lines],
        "gradient": [mark for each in measured.gradients for mark in _of_gradient(each, dpr)],
        "shadow": [mark for each in measured.shadows for mark in _of_shadow(each, dpr)],
        "radius": [mark for each in measured.radii for mark in _of_radius(each, dpr)],
        "spacing": [mark for each in measured.spacing for mark in _of_spacing(each, dpr)],
        "typography": [mark for each in measured.typography for mark in _of_style(each, dpr)],
        "color": _swatches(measured.colors, dpr),
    }
    return tuple(Layer(id_, *STYLES[id_], tuple(found)) for id_, found in marks.items())


def _of_element(element: Element, dpr: float) -> Mark:
    box = element.box
    title = f"{element.kind} {_css(box.width, dpr)} by {_css(box.height, dpr)} px"
    return Mark(_outline(box), title)


def _of_line(line: TextLine, dpr: float) -> Mark:
    box = line.box
    baseline = f"M{box.x} {line.baseline_y:.2f}H{box.right}"
    title = f"{len(line.glyphs)} glyphs of {_css(line.size_px, dpr)} px"
    return Mark(_outline(box) + baseline, title)


def _of_spacing(gap: SpacingMeasurement, dpr: float) -> Iterator[Mark]:
    """Draw the empty stretch and the line along which it was measured."""
    label = f"{gap.px:g}"
    title = f"{gap.kind} {label} px, {_told(gap)}"
    for box in gap.boxes:
        middle_x, middle_y = box.x + box.width / 2, box.y + box.height / 2
        sideways = abs(box.width - gap.px * dpr) <= abs(box.height - gap.px * dpr)
        line = (
            f"M{box.x} {middle_y:g}H{box.right}"
            if sideways
            else f"M{middle_x:g} {box.y}V{box.bottom}"
        )
        at = middle_x - HALF_DIGIT_PX * len(label) * dpr, middle_y + HALF_LABEL_PX * dpr
        yield Mark(_outline(box) + line, title, at, label)


def _of_style(style: TypographyMeasurement, dpr: float) -> Iterator[Mark]:
    leading = f"/{style.line_height_px:g}" if style.line_height_px is not None else ""
    label = f"{style.size_px:g}{leading} · {style.weight}"
    title = f"{label} {style.family} {style.color_hex}, {style.chars} glyphs, {_told(style)}"
    for box in style.boxes:
        yield Mark(_outline(box), title, (box.x, box.y - ROOM_PX * dpr), label)


def _of_shadow(shadow: ShadowMeasurement, dpr: float) -> Iterator[Mark]:
    """Draw the box that casts it and, moved and grown, the edge that is blurred."""
    lengths = (shadow.x_px, shadow.y_px, shadow.blur_px, shadow.spread_px)
    label = " ".join(f"{length:g}" for length in lengths)
    title = f"shadow {label} {shadow.color_hex} {shadow.alpha:.0%}, {_told(shadow)}"
    for box in shadow.boxes:
        x = box.x + (shadow.x_px - shadow.spread_px) * dpr
        y = box.y + (shadow.y_px - shadow.spread_px) * dpr
        grow = 2 * shadow.spread_px * dpr
        edge = f"M{x:g} {y:g}h{box.width + grow:g}v{box.height + grow:g}h{-box.width - grow:g}z"
        at = box.x + ROOM_PX * dpr, box.bottom - ROOM_PX * dpr
        yield Mark(_outline(box) + edge, title, at, label)


def _of_gradient(gradient: GradientMeasurement, dpr: float) -> Iterator[Mark]:
    """Draw each box and its gradient line, as CSS defines it: through the center.

    Source: CSS Images Module Level 3, 3.1.1.
    """
    stops = " → ".join(stop.hex for stop in gradient.stops)
    kind = "radial" if gradient.angle_deg is None else f"{gradient.angle_deg:g}°"
    title = f"{gradient.kind} gradient {kind} {stops}, {_told(gradient)}"
    turn = math.radians(90 if gradient.angle_deg is None else gradient.angle_deg)
    right, down = math.sin(turn), -math.cos(turn)
    for box in gradient.boxes:
        middle_x, middle_y = box.x + box.width / 2, box.y + box.height / 2
        half = (abs(box.width * right) + abs(box.height * down)) / 2
        start = 0 if gradient.angle_deg is None else half
        line = (
            f"M{middle_x - right * start:.1f} {middle_y - down * start:.1f}"
            f"L{middle_x + right * half:.1f} {middle_y + down * half:.1f}"
        )
        at = box.x + ROOM_PX * dpr, middle_y + HALF_LABEL_PX * dpr
        yield Mark(_outline(box) + line, title, at, f"{kind} {stops}")


def _of_radius(radius: RadiusMeasurement, dpr: float) -> Iterator[Mark]:
    """Draw the four corners as they were measured."""
    title = f"radius {radius.px:g} px, {_told(radius)}"
    r = radius.px * dpr
    for box in radius.boxes:
        right, bottom = box.right, box.bottom
        path = (
            f"M{box.x} {box.y + r:g}a{r:g} {r:g} 0 0 1 {r:g} {-r:g}"
            f"M{right - r:g} {box.y}a{r:g} {r:g} 0 0 1 {r:g} {r:g}"
            f"M{right} {bottom - r:g}a{r:g} {r:g} 0 0 1 {-r:g} {r:g}"
            f"M{box.x + r:g} {bottom}a{r:g} {r:g} 0 0 1 {-r:g} {-r:g}"
        )
        at = right - r - 2 * SWATCH_PX * dpr, box.y + SWATCH_PX * dpr
        yield Mark(path, title, at, f"r {radius.px:g}")


def _swatches(colors: Sequence[ColorMeasurement], dpr: float) -> list[Mark]:
    """Put a swatch into the corner of every box a color was read from, side by side."""
    taken: Counter[tuple[int, int]] = Counter()
    marks = []
    for color in colors:
        title = f"{color.hex} {', '.join(color.roles)}, {color.share:.2%} of it, {_told(color)}"
        for box in color.boxes:
            corner = box.x, box.y
            x = box.x + taken[corner] * SWATCH_PX * dpr
            taken[corner] += 1
            side = SWATCH_PX * dpr
            path = f"M{x:g} {box.y}h{side:g}v{side:g}h{-side:g}z"
            marks.append(Mark(path, title, swatch=color.hex))
    return marks


def _outline(box: Box) -> str:
    """Return a box as a path along its outer edges."""
    return f"M{box.x} {box.y}h{box.width}v{box.height}h{-box.width}z"


def _told(measured: Measured) -> str:
    """Return how often a value was seen and how surely."""
    return f"seen {measured.count} times, {measured.confidence:.0%} sure"


def _css(length: float, dpr: float) -> str:
    return f"{length / dpr:.1f}".removesuffix(".0")
