"""Areas of softly changing color, where gradients are looked for.

Areas without any hard step are found on cells of 2 x 2 pixels; of those, few change color at
many places and are of no single color. A page without gradients ends after the first count.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.components import Labels, label_components
from workers.measure.measurements import Box
from workers.measure.scene import Mask, Packed, Rgb
from workers.measure.steps import Steps, select_steps

Ints = NDArray[np.int32]

# The steepest gradients of interfaces change by fewer levels a pixel; edges change by more.
SMOOTH_STEP = 6
# Side of a cell in pixels: the interior of a 6 px progress bar still holds a row of them.
CELL_PX = 2
# Fewer soft pixels than this are antialiasing.
MIN_SOFT_PIXELS = 60
# An area of fewer cells (80 px) shows no slope surely.
MIN_CELLS = 20
# A gradient over 8 levels on a tall page changes in one row of cells of fifty.
MIN_SOFT_SHARE = 0.02
# A color that fills more than this part is the area's own; what changes beside it is a shadow.
MAX_COLOR_SHARE = 0.5
# A gradient fills this part of its box, text on it included; what is larger than this part of the
# image may be a page under cards.
MIN_FILL = 0.4
MIN_PAGE_SHARE = 0.1
# With fewer colors than this no slope can be told from a step.
MIN_COLORS = 5
# Points looked at for each area: enough for a slope to a hundredth of a level a pixel.
SAMPLE_POINTS = 3000


@dataclass(frozen=True, slots=True)
class Ramp:
    """An area without hard steps and some of its pixels.

    ``points`` are x and y of pixel centres, shape (n, 2); ``levels`` their colors, shape (n, 3).
    """

    box: Box
    points: NDArray[np.float64]
    levels: NDArray[np.float64]


def find_ramps(rgb: Rgb, packed: Packed, steps: Steps) -> list[Ramp]:
    """Find areas that change color softly and have no color of their own.

    Args:
        rgb: (height, width, 3) uint8.
        packed: the same pixels, packed.
        steps: how far they lie from their neighbours.

    Returns:
        The areas in the order of their topmost pixels; no two overlap.
    """
    if min(rgb.shape[:2]) < CELL_PX:
        return []
    smooth = select_steps(steps, SMOOTH_STEP)
    if cv2.countNonZero(smooth) + cv2.countNonZero(steps) - steps.size < MIN_SOFT_PIXELS:
        return []
    soft = cast("Mask", cv2.threshold(cv2.min(steps, smooth), 0, 255, cv2.THRESH_BINARY)[1])
    whole = _shrink_to_cells(smooth)
    _, cells = cv2.threshold(whole, 254, 255, cv2.THRESH_BINARY)
    components = label_components(cast("Mask", cells), connectivity=4)
    labels, stats = components.labels, components.stats
    soft_labels = labels[(_shrink_to_cells(soft) > 0) & (cells > 0)]
    softness = np.bincount(soft_labels, minlength=len(stats))
    area = stats[:, cv2.CC_STAT_AREA]
    chosen = (area >= MIN_CELLS) & (softness >= MIN_SOFT_SHARE * area)
    chosen[0] = False
    ramps = (_sample(rgb, packed, labels, stats, int(label)) for label in np.flatnonzero(chosen))
    return [ramp for ramp in ramps if ramp is not None]


def _shrink_to_cells(mask: Mask) -> Mask:
    """Return the mean of each cell, a last odd row or column left out."""
    height, width = mask.shape[0] // CELL_PX, mask.shape[1] // CELL_PX
    even = mask[: height * CELL_PX, : width * CELL_PX]
    return cast("Mask", cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))


def _sample(rgb: Rgb, packed: Packed, labels: Labels, stats: Ints, label: int) -> Ramp | None:
    """Take pixels of one area; None where one color rules it."""
    x, y, width, height, area = (int(value) for value in stats[label])
    step = max(1, int((area / SAMPLE_POINTS) ** 0.5))
    rows, columns = np.nonzero(labels[y : y + height : step, x : x + width : step] == label)
    # Each of a cell's four pixels in turn, so that a dither of 2 x 2 averages out.
    turn = np.arange(len(rows))
    pixel_x = (columns * step + x) * CELL_PX + turn % 2
    pixel_y = (rows * step + y) * CELL_PX + turn // 2 % 2
    share = len(rows) / (-(-height // step) * -(-width // step))
    if share < MIN_FILL and area < MIN_PAGE_SHARE * labels.size:
        return None
    colors, counts = np.unique(packed[pixel_y, pixel_x], return_counts=True)
    if len(colors) < MIN_COLORS or counts.max() > MAX_COLOR_SHARE * counts.sum():
        return None
    box = Box(x * CELL_PX, y * CELL_PX, width * CELL_PX, height * CELL_PX)
    points = np.stack([pixel_x, pixel_y], axis=1) + 0.5
    return Ramp(box, points, rgb[pixel_y, pixel_x].astype(np.float64))
