"""Whether a line is set in a typeface whose letters are all equally wide."""

import numpy as np
from numpy.typing import NDArray

# Monospaced faces advance by .6 of the size in Courier, Menlo and all that keep to their metrics.
PITCH_EM = (0.58, 0.62)
PITCH_STEPS = 9
PITCHES_EM = np.linspace(*PITCH_EM, PITCH_STEPS)
# Letters needed to tell, and how far their centers may lie off the grid on average, in pitches.
# Centers of proportional letters lie .25 off; those of monospaced ones .03 to .08, for some
# letters are drawn off the middle of their cell.
LETTERS_MIN = 9
OFF_GRID_MAX = 0.07


def is_monospaced(boxes: NDArray[np.int32], size_px: float) -> bool:
    """Tell whether letters stand on an even grid.

    Args:
        boxes: (n, 4) ink boxes of x, y, width and height.
        size_px: the font's size, in the same pixels.
    """
    if len(boxes) < LETTERS_MIN:
        return False
    centers = _letter_centers(boxes)
    if len(centers) < LETTERS_MIN:
        return False
    steps = (centers[1:] - centers[:-1])[:, None] / (PITCHES_EM * size_px)
    off = np.abs(steps - np.round(steps)).mean(axis=0)
    return bool(off.min() <= OFF_GRID_MAX)


def _letter_centers(boxes: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the middle of each letter, dots and accents joined to what they stand on."""
    ordered = boxes[np.argsort(boxes[:, 0])]
    ends = np.maximum.accumulate(ordered[:, 0] + ordered[:, 2])
    starts = np.concatenate(([0], np.flatnonzero(ordered[1:, 0] >= ends[:-1]) + 1))
    last = np.append(starts[1:], len(ordered)) - 1
    return np.asarray((ordered[starts, 0] + ends[last]) / 2, np.float64)
