"""Spacing: which distances of a page are values of its design.

A page shows hundreds of distances and means a handful of values. What sets these apart is
measured on the page itself: a value comes back in several boxes, in several ways (as padding and
as gap), rests on painted edges rather than on text, is met more often than its neighbours one
pixel off, and keeps the step that the page's other distances keep. No list of usual values takes
part: a page drawn on a grid of 7 pixels gives multiples of 7.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.measure.distances import Axis, Distance, Evidence, find_distances
from workers.measure.grids import Grid, agreement, find_grid
from workers.measure.measurements import SpacingMeasurement
from workers.measure.scene import Scene

Floats = NDArray[np.float64]

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
STEP_MAX_PX = 64.0
# One value speaks for the step at most so many times, or a long table would decide alone.
STEP_MAX_WEIGHT = 2
# Evidence good enough to tell which values are supported better than others, and by how much
# (the log of the boxes that show them) one has to be, so that it counts as better.
FIRM_EVIDENCE = (
    Evidence.FRAME,
    Evidence.EVEN,
    Evidence.STEP,
    Evidence.INSET,
    Evidence.LEAD,
    Evidence.LINE,
)
CLEARLY_BETTER = 0.3
# Support weaker than this is the tail of another value.
MIN_SUPPORT = 0.3
# Values below this, in CSS pixels, are more often the play of strokes and icons.
MIN_VALUE_PX = 1.9
SMALL_PX = 4.0
# From here on, in CSS pixels, a distance is likelier the sum of several that nothing shows.
LARGE_PX = 32.0
# Values closer than this, in CSS pixels, are one value seen twice; the surer one stands.
SAME_PX = 1.01
# Distances within this, in CSS pixels, are reported as a value's own.
OWN_PX = 0.5
# Confidence below which a value is not reported. F1 is greatest when about what is as likely
# right as half of F1 is told.
MIN_CONFIDENCE = 0.38

# Log odds that a value is one of the design, per unit of what is measured about it. Fitted by
# logistic regression on the pages of the benchmark; with whole families of design systems left
# out in turn, what is said with .9 is right nine times in ten. Evidence that adds nothing beside
# these stands in the peak, the crossing and the rivals only.
BASE = 4.13
LOG_SIZE = -1.14
LOG_LARGE = -1.05
LOG_SMALL = -6.0
PEAK = 0.6
STEP_AGREEMENT = 1.63
CROSSED = 1.07
RIVALS = -0.47
WEIGHTS = {
    Evidence.FRAME: 0.69,
    Evidence.EVEN: 0.26,
    Evidence.INSET: 0.43,
    Evidence.LEAD: 0.99,
    Evidence.ICON: 0.4,
}


def measure_spacing(scene: Scene) -> tuple[SpacingMeasurement, ...]:
    """Measure the paddings, gaps and margins that a page repeats.

    Args:
        scene: elements and text lines in device pixels.

    Returns:
        One measurement a value and kind, surest value first, in CSS pixels. Empty where nothing
        lies at a distance from anything.
    """
    distances = find_distances(scene)
    values = _candidates(distances, scene.dpr)
    if not len(values):
        return ()
    odds = BASE + features(distances, values) @ _weights()
    confidences = 1 / (1 + np.exp(-odds))
    measured: list[SpacingMeasurement] = []
    kept: list[float] = []
    for at in np.argsort(-confidences, kind="stable"):
        px = float(values[at])
        if confidences[at] < MIN_CONFIDENCE:
            break
        if all(abs(px - other) > SAME_PX for other in kept):
            kept.append(px)
            measured += _measurements_of(px, float(confidences[at]), distances)
    return tuple(measured)


def features(distances: Sequence[Distance], values: Floats) -> Floats:
    """Return what speaks for each value, shape (values, features), in the order of the weights.

    Args:
        distances: all of the page.
        values: candidates in CSS pixels, shape (n,).
    """
    support = _support(distances, values)
    total, below, above = (
        _closeness(distances, values + shift).sum(axis=1) for shift in (0.0, -1.0, 1.0)
    )
    peak = np.log((total + 0.5) / (np.maximum(below, above) + 0.5))
    grid = _grid_of(distances)
    keeps = np.array([agreement(grid, float(px)) for px in values])
    size = np.log2(values)
    large = np.maximum(0.0, np.log2(values / LARGE_PX))
    small = np.maximum(0.0, np.log2(SMALL_PX / values))
    crossed = _crossed(distances, values)
    rivals = _rivals(support)
    return np.column_stack([size, large, small, peak, keeps, crossed, rivals, support])


def _weights() -> Floats:
    """Return the weights of the features."""
    shape = [LOG_SIZE, LOG_LARGE, LOG_SMALL, PEAK, STEP_AGREEMENT, CROSSED, RIVALS]
    return np.array(shape + [WEIGHTS.get(evidence, 0.0) for evidence in Evidence])


def _candidates(distances: Sequence[Distance], dpr: float) -> Floats:
    """Return the distinct distances, to the device pixel, in CSS pixels."""
    known = {
        round(distance.px * dpr) / dpr for distance in distances if distance.px >= MIN_VALUE_PX
    }
    return np.array(sorted(known), np.float64)


def _closeness(distances: Sequence[Distance], values: Floats) -> Floats:
    """Return how well each distance fits each value, 0 to 1, shape (values, distances)."""
    px = np.array([distance.px for distance in distances])
    spread = np.array([SPREAD_PX[distance.evidence] for distance in distances])
    close: Floats = np.exp(-(((px - values[:, None]) / spread) ** 2) / 2)
    return close


def _support(distances: Sequence[Distance], values: Floats) -> Floats:
    """Return for each value the log of how many boxes show it, a column for each evidence."""
    close = _closeness(distances, values)
    places: dict[tuple[Evidence, int], list[int]] = defaultdict(list)
    for at, distance in enumerate(distances):
        places[distance.evidence, distance.parent].append(at)
    counts = {evidence: np.zeros(len(values)) for evidence in Evidence}
    sums = {evidence: np.zeros(len(values)) for evidence in Evidence}
    for (evidence, _), members in places.items():
        counts[evidence] += close[:, members].max(axis=1)
        sums[evidence] += close[:, members].sum(axis=1)
    columns = [
        np.where(sums[evidence] > MIN_SUPPORT, np.log1p(counts[evidence]), 0.0)
        for evidence in Evidence
    ]
    return np.column_stack(columns)


def _crossed(distances: Sequence[Distance], values: Floats) -> Floats:
    """Return how well a value is met both sideways and upright, 0 to 1.

    Widths come from words and columns, heights from lines; a value that both directions agree on
    is owed to neither.
    """
    met = []
    for axis in Axis:
        firm = [each for each in distances if each.evidence in FIRM_EVIDENCE and each.axis is axis]
        met.append(_closeness(firm, values).max(axis=1, initial=0.0))
    crossed: Floats = np.minimum(*met)
    return crossed


def _rivals(support: Floats) -> Floats:
    """Return the log of how many values of the page are clearly better supported than each."""
    columns = [list(Evidence).index(evidence) for evidence in FIRM_EVIDENCE]
    firm = support[:, columns].sum(axis=1)
    rivals: Floats = np.log1p((firm > firm[:, None] + CLEARLY_BETTER).sum(axis=1))
    return rivals


def _grid_of(distances: Sequence[Distance]) -> Grid:
    """Find the step that the exact distances keep."""
    places: dict[float, set[tuple[int, Evidence]]] = defaultdict(set)
    for distance in distances:
        if distance.evidence in STEP_EVIDENCE and distance.px <= STEP_MAX_PX:
            places[float(round(distance.px))].add((distance.parent, distance.evidence))
    return find_grid({px: min(STEP_MAX_WEIGHT, len(seen)) for px, seen in places.items()})


def _measurements_of(
    px: float, confidence: float, distances: Sequence[Distance]
) -> list[SpacingMeasurement]:
    """Make one measurement for each kind in which a value was seen, most seen first."""
    own = [distance for distance in distances if abs(distance.px - px) <= OWN_PX]
    kinds = Counter(distance.kind for distance in own)
    return [
        SpacingMeasurement(
            px=round(px, 3),
            kind=kind,
            count=count,
            boxes=tuple(distance.box for distance in own if distance.kind is kind),
            confidence=round(confidence, 3),
        )
        for kind, count in kinds.most_common()
    ]
