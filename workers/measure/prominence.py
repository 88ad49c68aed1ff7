"""What speaks for a distance being a value of the page's design.

A page shows hundreds of distances and means a handful of values. What sets these apart is
measured on the page itself: a value comes back in several boxes, both sideways and upright, makes
up a good part of the page's distances, is better supported than the others, and keeps the step
that these keep. No list of usual values takes part.
"""

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from workers.measure.clearances import Clearances
from workers.measure.distances import Axis, Distance, Evidence
from workers.measure.grids import Grid, agreements, find_grid

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# How far, in CSS pixels, a distance of each evidence strays from the value it shows: edges are
# exact up to rounding, origins of text to half a pixel, blank space in words to a whole one.
SPREAD_PX = {
    Evidence.FRAME: 0.25,
    Evidence.EVEN: 0.25,
    Evidence.STEP: 0.25,
    Evidence.INSET: 0.45,
    Evidence.LEAD: 0.45,
    Evidence.WORDS: 0.8,
    Evidence.LINE: 0.5,
    Evidence.BLOCK: 0.5,
    Evidence.INDENT: 0.35,
    Evidence.ICON: 0.45,
}
# Evidence exact enough to tell the page's step, and the largest distance that does.
STEP_EVIDENCE = {Evidence.FRAME, Evidence.EVEN, Evidence.STEP, Evidence.INSET}
STEP_MAX_PX = 72.0
# One value speaks for the step at most so many times, or a long table would decide alone.
STEP_MAX_WEIGHT = 2
# Evidence good enough to tell whether a value is met both sideways and upright.
FIRM_EVIDENCE = {
    Evidence.FRAME,
    Evidence.EVEN,
    Evidence.STEP,
    Evidence.INSET,
    Evidence.LEAD,
    Evidence.LINE,
}
# A value outranks another by this much support (the log of the places that show it).
CLEARLY_BETTER = 0.3
# Support weaker than this is the tail of another value.
MIN_SUPPORT = 0.3
# Values below this, in CSS pixels, are more often the play of strokes and icons.
SMALL_PX = 4.0
# Distances within this, in CSS pixels, are a value's own. Clearances between whole pixels are
# exact but for antialiasing, and near within one pixel.
OWN_PX = 0.5
EXACT_PX, NEAR_PX = 0.3, 1.01


class Feature(StrEnum):
    """What is measured about a value; counts are logs, so that each more says less."""

    SIZE = "size"  # doublings of one pixel, squared: long distances are sums of several
    SMALL = "small"  # halvings of four pixels
    STEP = "step"  # how well it keeps the step of the page's distances
    CROSSED = "crossed"  # how well it is met both sideways and upright
    NEAR = "near"  # clearances within a pixel of it
    SHARE = "share"  # the part of all distances that show it
    RANK = "rank"  # how many values are clearly better supported


def measure_prominence(distances: Sequence[Distance], clear: Clearances, values: Floats) -> Floats:
    """Return what speaks for each value, shape (values, features), in the order of Feature.

    Args:
        distances: all of the page, one at least.
        clear: all clearances of the page.
        values: candidates in CSS pixels, shape (n,), one at least.
    """
    px = np.array([distance.px for distance in distances])
    off = np.abs(px - values[:, None])
    spread = np.array([SPREAD_PX[distance.evidence] for distance in distances])
    close = np.exp(-((off / spread) ** 2) / 2)
    clear_off = np.abs(clear.px - values[:, None])
    support = _places(distances, close).sum(axis=1) + np.log1p(count_clear(clear, values))
    grid = _grid_of(distances)
    return np.column_stack(
        [
            np.log2(values) ** 2,
            np.maximum(0.0, np.log2(SMALL_PX / values)),
            agreements(grid, values),
            _crossed(distances, close),
            np.log1p((clear_off <= NEAR_PX).sum(axis=1)),
            (off <= OWN_PX).mean(axis=1),
            np.log1p((support > support[:, None] + CLEARLY_BETTER).sum(axis=1)),
        ]
    )


def count_clear(clear: Clearances, values: Floats) -> Ints:
    """Return how many clearances have each value to the pixel, shape (values,)."""
    exact: Ints = np.count_nonzero(np.abs(clear.px - values[:, None]) <= EXACT_PX, axis=1)
    return exact


def _places(distances: Sequence[Distance], close: Floats) -> Floats:
    """Return for each value the log of how many boxes show it, a column for each evidence."""
    ranks = {evidence: rank for rank, evidence in enumerate(Evidence)}
    evidence = np.array([ranks[distance.evidence] for distance in distances])
    parent = np.array([distance.parent for distance in distances])
    order = np.lexsort((parent, evidence))
    evidence, parent, close = evidence[order], parent[order], close[:, order]
    starts = np.flatnonzero(
        np.diff(evidence, prepend=-1).astype(bool) | np.diff(parent, prepend=-1).astype(bool)
    )
    best = np.maximum.reduceat(close, starts, axis=1)
    counts = np.zeros((len(close), len(ranks)))
    sums = np.zeros_like(counts)
    for rank in np.unique(evidence):
        counts[:, rank] = best[:, evidence[starts] == rank].sum(axis=1)
        sums[:, rank] = close[:, evidence == rank].sum(axis=1)
    return np.where(sums > MIN_SUPPORT, np.log1p(counts), 0.0)


def _crossed(distances: Sequence[Distance], close: Floats) -> Floats:
    """Return how well a value is met both sideways and upright, 0 to 1.

    Widths come from words and columns, heights from lines; a value that both directions agree on
    is owed to neither.
    """
    met = []
    for axis in Axis:
        firm = [
            distance.evidence in FIRM_EVIDENCE and distance.axis is axis for distance in distances
        ]
        met.append(close[:, firm].max(axis=1, initial=0.0))
    crossed: Floats = np.minimum(*met)
    return crossed


def _grid_of(distances: Sequence[Distance]) -> Grid:
    """Find the step that the exact distances keep."""
    places: dict[float, set[tuple[int, Evidence]]] = defaultdict(set)
    for distance in distances:
        if distance.evidence in STEP_EVIDENCE and distance.px <= STEP_MAX_PX:
            places[float(round(distance.px))].add((distance.parent, distance.evidence))
    return find_grid({px: min(STEP_MAX_WEIGHT, len(seen)) for px, seen in places.items()})
