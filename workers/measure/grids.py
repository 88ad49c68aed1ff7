"""The step that a page's distances are multiples of, as far as they show one.

Nothing is known beforehand of any step: every whole number of pixels is as likely as another
until the distances of this page speak, and a value is judged by the others alone, so that it
cannot vouch for itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Steps that are weighed, in CSS pixels. Larger ones explain too few distances to be told.
STEPS = np.arange(1, 17, dtype=np.float64)
# A distance is a multiple of a step when it is no further off, in CSS pixels.
ON_GRID_PX = 0.3
# On a page that has a step, about half of the distances keep it: the rest comes from words,
# columns and borders.
KEPT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Grid:
    """What the distances of one page say about each of ``STEPS``.

    ``values_px`` are the distinct distances; ``said`` has a row of log likelihoods a value, a
    column a step, shape (n, 16).
    """

    values_px: Floats
    said: Floats


def find_grid(values: Mapping[float, float]) -> Grid:
    """Weigh the steps by distances.

    Args:
        values: the weight of each distinct distance, in CSS pixels.

    Returns:
        The grid; without values every step stays equally likely.
    """
    values_px = np.array(sorted(values), np.float64)
    weights = np.array([values[px] for px in sorted(values)], np.float64)
    return Grid(values_px, np.log(_odds(values_px)) * weights[:, None])


def agreements(grid: Grid, values_px: Floats) -> Floats:
    """Return the log odds that a page of this grid has each of some distances against any page.

    Positive for multiples of the step that the other distances keep, negative for values off it,
    0 where they keep none.
    """
    others = np.abs(grid.values_px - values_px[:, None]) >= ON_GRID_PX
    heard = np.where(others[:, :, None], grid.said, 0.0).sum(axis=1)
    belief = np.exp(heard - heard.max(axis=1, keepdims=True))
    belief /= belief.sum(axis=1, keepdims=True)
    return np.asarray(np.log((belief * _odds(values_px)).sum(axis=1)), np.float64)


def _odds(values_px: Floats) -> Floats:
    """Return how much likelier each value is under each step than by chance, shape (n, 16)."""
    steps = values_px[:, None] / STEPS
    off_px = np.abs(steps - np.round(steps)) * STEPS
    odds: Floats = KEPT_SHARE * STEPS * (off_px < ON_GRID_PX) + 1 - KEPT_SHARE
    return odds
