"""Spacing: which distances of a page are values of its design.

Every distance and every clearance of a page is a candidate; what is measured about it on the
page itself (``prominence``) says whether it was meant. No list of usual values takes part: a
page drawn on a grid of 7 pixels gives multiples of 7.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.measure.clearances import Clearances, find_clearances
from workers.measure.distances import MAX_PX, Distance, box_of, find_distances
from workers.measure.measurements import Box, SpacingKind, SpacingMeasurement
from workers.measure.prominence import OWN_PX, Feature, count_clear, measure_prominence
from workers.measure.scene import Scene
from workers.measure.siblings import find_siblings

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Values below this, in CSS pixels, are more often the play of strokes and icons.
MIN_VALUE_PX = 1.9
# Values closer than this, in CSS pixels, are mostly one value seen twice, and the likelier one
# stands. Not so where a value a whole pixel off is itself this likely and this many clearances
# have it to the pixel: so many are no misreadings of the other.
SAME_PX, BLURRED_PX = 1.01, 0.51
SEPARATE_LIKELIHOOD, SEPARATE_COUNT = 0.4, 6
# How likely a candidate has to be meant to be told. From here on the list is at its best for
# what it serves: what style sheets declare, what layout shows, and what pixels show.
MIN_LIKELIHOOD = 0.2

# Log odds that a value is meant, per unit of what is measured about it. Fitted by
# `python -m tests.bench.spacing` on the pages of the benchmark; fitted on all families of design
# systems but one, they choose as well on that one (docs/measuring.md).
BASE = -0.19
WEIGHTS = {
    Feature.SIZE: -0.088,
    Feature.SMALL: -2.768,
    Feature.STEP: 0.820,
    Feature.CROSSED: 0.766,
    Feature.NEAR: 0.298,
    Feature.SHARE: 6.356,
    Feature.RANK: -0.216,
}
# From those odds to how often such a value is declared by a style sheet (fitted likewise).
CONFIDENCE_BASE, CONFIDENCE_SLOPE = 1.07, 1.15


def measure_spacing(scene: Scene) -> tuple[SpacingMeasurement, ...]:
    """Measure the paddings, gaps and margins that a page repeats.

    Args:
        scene: elements and text lines in device pixels.

    Returns:
        One measurement a value and kind, surest value first, in CSS pixels. Empty where nothing
        lies at a distance from anything.
    """
    distances, clear = find_spaces(scene)
    values = candidates(distances, clear, scene.dpr)
    if not distances or not len(values):
        return ()
    weights = np.array([WEIGHTS[feature] for feature in Feature])
    odds = BASE + measure_prominence(distances, clear, values) @ weights
    px = np.array([distance.px for distance in distances])
    measured: list[SpacingMeasurement] = []
    for at in choose(values, 1 / (1 + np.exp(-odds)), count_clear(clear, values)):
        declared = 1 / (1 + np.exp(-CONFIDENCE_BASE - CONFIDENCE_SLOPE * odds[at]))
        own = [distances[it] for it in np.flatnonzero(np.abs(px - values[at]) <= OWN_PX).tolist()]
        measured += _measurements_of(float(values[at]), float(declared), own, clear)
    return tuple(measured)


def find_spaces(scene: Scene) -> tuple[list[Distance], Clearances]:
    """Return all distances and all clearances of a page."""
    groups = find_siblings(scene)
    return find_distances(groups), find_clearances(groups)


def candidates(distances: Sequence[Distance], clear: Clearances, dpr: float) -> Floats:
    """Return the distinct lengths, to the device pixel, in CSS pixels."""
    lengths = np.concatenate([[distance.px for distance in distances], clear.px])
    lengths = lengths[(lengths >= MIN_VALUE_PX) & (lengths <= MAX_PX)]
    return np.unique(np.round(lengths * dpr)) / dpr


def choose(values: Floats, likelihoods: Floats, clear: Ints) -> list[int]:
    """Return which values are told, likeliest first: no likelier one is told a second time.

    Args:
        values: candidates in CSS pixels, shape (n,).
        likelihoods: that each is meant, 0 to 1, shape (n,).
        clear: how many clearances have each to the pixel, shape (n,).
    """
    told: list[int] = []
    for at in np.argsort(-likelihoods, kind="stable").tolist():
        if likelihoods[at] < MIN_LIKELIHOOD:
            break
        own = likelihoods[at] >= SEPARATE_LIKELIHOOD and clear[at] >= SEPARATE_COUNT
        same = BLURRED_PX if own else SAME_PX
        if all(abs(values[at] - values[other]) > same for other in told):
            told.append(at)
    return told


def _measurements_of(
    px: float, confidence: float, distances: Sequence[Distance], clear: Clearances
) -> list[SpacingMeasurement]:
    """Make one measurement for each kind in which a value's distances were seen, most seen first.

    Clearances stand in only where no distance shows the value: it lies at text whose line height
    the page does not show.
    """
    own = [(each.kind, each.box) for each in distances]
    own = own or _clear_of(px, clear)
    kinds = Counter(kind for kind, _ in own)
    return [
        SpacingMeasurement(
            px=round(px, 3),
            kind=kind,
            count=count,
            boxes=tuple(box for other, box in own if other is kind),
            confidence=round(confidence, 3),
        )
        for kind, count in kinds.most_common()
    ]


def _clear_of(px: float, clear: Clearances) -> list[tuple[SpacingKind, Box]]:
    """Return the kinds and boxes of a value's clearances."""
    kinds = (SpacingKind.PADDING, SpacingKind.GAP)
    return [
        (kinds[int(clear.gaps[at])], box_of(clear.stretches[at].tolist()))
        for at in np.flatnonzero(np.abs(clear.px - px) <= OWN_PX)
    ]
