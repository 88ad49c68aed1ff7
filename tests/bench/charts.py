"""Small charts as SVG, plain enough to be read in a diff and on light and dark pages."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.figures import ROOT

IMAGES = ROOT / "docs/images"
FONT = "system-ui, sans-serif"
INK, FAINT, POINT, BAND = "#495057", "#ced4da", "#1971c2", "#a5d8ff"
# The room around a panel's frame.
LEFT, TOP, RIGHT, BOTTOM = 38, 26, 10, 32


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale with the values that are named on it."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Return where a value lies, 0 at the low end to 1 at the high one."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart.

    ``points`` are x, y, and the low and high end of what y may be; ``lines`` are drawn faintly.
    """

    title: str
    points: Sequence[tuple[float, float, float, float]]
    lines: Sequence[tuple[tuple[float, float], tuple[float, float]]] = field(default=())


def write_chart(
    name: str, panels: Sequence[Panel], axes: tuple[Axis, Axis], size: tuple[int, int], across: int
) -> Path:
    """Write panels that share their axes, so many in a row, into docs/images."""
    width, height = size[0] + LEFT + RIGHT, size[1] + TOP + BOTTOM
    rows = math.ceil(len(panels) / across)
    drawn = []
    for index, panel in enumerate(panels):
        x, y = index % across * width + LEFT, index // across * height + TOP
        drawn.append(f'<g transform="translate({x} {y})">{_draw(panel, axes, size)}</g>')
    whole = (width * min(across, len(panels)), height * rows)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole[0]} {whole[1]}" '
        f'width="{whole[0]}" font-family="{FONT}" font-size="10" fill="{INK}">'
        '<rect width="100%" height="100%" fill="#fff"/>'
    )
    path = IMAGES / name
    path.write_text(head + "\n".join(["", *drawn, "</svg>", ""]), encoding="utf-8")
    return path


def _draw(panel: Panel, axes: tuple[Axis, Axis], size: tuple[int, int]) -> str:
    """Draw one panel from its frame's top left corner."""
    across, up = axes
    width, height = size

    def at(x: float, y: float) -> tuple[str, str]:
        return f"{across.place(x) * width:.1f}", f"{(1 - up.place(y)) * height:.1f}"

    turned = f'transform="translate(-28 {height / 2}) rotate(-90)"'
    parts = [
        f'<rect width="{width}" height="{height}" fill="none" stroke="{FAINT}"/>',
        f'<text y="-8" font-weight="600" font-size="11">{panel.title}</text>',
        f'<text x="{width / 2}" y="{height + 27}" text-anchor="middle">{across.label}</text>',
        f'<text {turned} text-anchor="middle">{up.label}</text>',
    ]
    for tick in across.ticks:
        x, _ = at(tick, up.low)
        parts.append(f'<text x="{x}" y="{height + 13}" text-anchor="middle">{tick:g}</text>')
    for tick in up.ticks:
        _, y = at(across.low, tick)
        parts.append(f'<text x="-4" y="{y}" dy="3" text-anchor="end">{tick:g}</text>')
    for start, end in panel.lines:
        (x1, y1), (x2, y2) = at(*start), at(*end)
        parts.append(f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{FAINT}"/>')
    for x_value, y_value, low, high in panel.points:
        (x, y), (_, bottom), (_, top) = at(x_value, y_value), at(x_value, low), at(x_value, high)
        if low < high:
            parts.append(f'<path d="M{x} {bottom}V{top}" stroke="{BAND}" stroke-width="3"/>')
        parts.append(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{POINT}"/>')
    return "".join(parts)
