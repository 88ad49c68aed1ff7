"""Blocks of lines and the distance between their baselines.

Two lines belong to one block when they are set alike, start (or center) at the same place, and
lie as near as lines of a paragraph do. Only such lines show a line height; a line that stands
alone has one, but not one that can be seen.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from workers.measure.scene import TextLine

# Lines of one paragraph are this many sizes apart: "solid" setting to double spacing. Rows of
# lists and tables lie farther apart.
PITCH_MIN = 0.95
PITCH_MAX = 2.05
# Lines of one style may differ this much in measured size (relative) and weight.
SIZE_TOLERANCE = 0.06
WEIGHT_TOLERANCE = 150
# Their edges or centers may differ this much, in sizes: bearings of the first letters.
ALIGN_TOLERANCE = 0.2


def with_line_heights(lines: Sequence[TextLine]) -> tuple[TextLine, ...]:
    """Return the lines with the baseline distance of the block each stands in."""
    distances: list[list[float]] = [[] for _ in lines]
    order = sorted(range(len(lines)), key=lambda index: lines[index].baseline_y)
    for place, upper in enumerate(order):
        lower = _next_below(lines, upper, order[place + 1 :])
        if lower is not None:
            distance = lines[lower].baseline_y - lines[upper].baseline_y
            distances[upper].append(distance)
            distances[lower].append(distance)
    return tuple(
        replace(line, line_height_px=float(np.mean(found))) if found else line
        for line, found in zip(lines, distances, strict=True)
    )


def _next_below(lines: Sequence[TextLine], upper: int, below: Sequence[int]) -> int | None:
    """Return the nearest line below in the same column, if it continues the upper one's block."""
    line = lines[upper]
    for index in below:
        other = lines[index]
        distance = other.baseline_y - line.baseline_y
        if distance > PITCH_MAX * line.size_px:
            return None
        if distance < PITCH_MIN * line.size_px or not _overlap(line, other):
            continue
        return index if _set_alike(line, other) else None
    return None


def _overlap(line: TextLine, other: TextLine) -> bool:
    return line.box.x < other.box.right and other.box.x < line.box.right


def _set_alike(line: TextLine, other: TextLine) -> bool:
    slack = ALIGN_TOLERANCE * line.size_px
    starts = abs(line.box.x - other.box.x) <= slack
    ends = abs(line.box.right - other.box.right) <= slack
    middles = abs(line.box.x + line.box.right - other.box.x - other.box.right) <= 2 * slack
    return (
        line.parent == other.parent
        and (starts or ends or middles)
        and abs(line.size_px - other.size_px) <= SIZE_TOLERANCE * line.size_px
        and abs(line.weight - other.weight) <= WEIGHT_TOLERANCE
    )
