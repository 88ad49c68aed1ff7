"""Confidence that means what it says: of the values said with 0.9, nine in ten are right.

Each measure knows how well it read a value from the pixels. How often such a value is one of the
design's is another question, which only pages with known truth answer: this turns the one into
the other. The map rises with every kind of evidence, so it never changes which of two values,
seen equally often, is surer. Spacing is calibrated where it is chosen (``spacing``).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from workers.measure.measurements import (
    ColorMeasurement,
    GradientMeasurement,
    Measurements,
    Path,
    RadiusMeasurement,
    ShadowMeasurement,
    TypographyMeasurement,
)

Read = (
    ColorMeasurement
    | TypographyMeasurement
    | ShadowMeasurement
    | GradientMeasurement
    | RadiusMeasurement
)
# One of them.
Value = TypeVar("Value", bound=Read)

# Readings are taken as no surer than this either way: their log odds have no bounds.
SUREST_READING = 0.98
# Nothing measured is said to be surer, or less sure: the pages it was fitted on are too few.
SUREST, LEAST_SURE = 0.99, 0.02
# Codecs blend small things with what lies around them: of the colors that would be said with less
# than this on a clean image, less than half are on the page (JPEG and WebP at quality 85).
SURE_OF_CODED = 0.9
# A color's share of the image is counted in millionths: a letter on a page is about one.
SHARE_UNIT = 1e-6


@dataclass(frozen=True, slots=True)
class Weights:
    """Log odds of being right: at no evidence, and for each unit of it.

    ``reading`` is for the log odds of the measure's own confidence, ``count`` for each doubling of
    the places where the value was seen, ``share`` for each doubling of a color's area.
    """

    base: float
    reading: float
    count: float
    share: float = 0.0


# Fitted by `python -m tests.bench.calibration --fit`: logistic regression with a unit ridge on
# standardised evidence and no negative weights, on the strict matches of the benchmark's pages.
# With each family of design systems left out in turn these reach what docs/measuring.md shows.
WEIGHTS: dict[type, Weights] = {
    ColorMeasurement: Weights(0.01, 0.37, 0.32, 0.21),
    TypographyMeasurement: Weights(-0.49, 0.94, 0.38),
    ShadowMeasurement: Weights(-0.39, 1.83, 0.63),
    GradientMeasurement: Weights(1.82, 0.47, 0.48),
    RadiusMeasurement: Weights(0.42, 0.96, 0.47),
}


def calibrate(measured: Measurements) -> Measurements:
    """Return the measurements with the confidence that each value deserves.

    Colors that a codec has most likely made are left out.
    """
    colors = _calibrated(measured.colors)
    if measured.path is not Path.EXACT:
        colors = tuple(color for color in colors if color.confidence >= SURE_OF_CODED)
    return replace(
        measured,
        colors=colors,
        typography=_calibrated(measured.typography),
        shadows=_calibrated(measured.shadows),
        gradients=_calibrated(measured.gradients),
        radii=_calibrated(measured.radii),
    )


def evidence_of(value: Read) -> tuple[float, float, float]:
    """Return what speaks for a value, in the order of the weights.

    Args:
        value: with the confidence that its measure gave it.

    Returns:
        The log odds of its reading, the doublings of its count, and of its share (0 unless it is
        a color). More is better for each.
    """
    reading = min(max(value.confidence, 1 - SUREST_READING), SUREST_READING)
    share = value.share if isinstance(value, ColorMeasurement) else 0.0
    doublings = math.log2(1 + share / SHARE_UNIT)
    return math.log(reading / (1 - reading)), math.log2(value.count), doublings


def confidence_of(value: Read, weights: Weights) -> float:
    """Return the part of values with this evidence that are right, 0 to 1."""
    reading, count, share = evidence_of(value)
    odds = weights.base + weights.reading * reading + weights.count * count
    odds += weights.share * share
    return min(max(1 / (1 + math.exp(-odds)), LEAST_SURE), SUREST)


def _calibrated(values: Iterable[Value]) -> tuple[Value, ...]:
    return tuple(
        replace(value, confidence=round(confidence_of(value, WEIGHTS[type(value)]), 3))
        for value in values
    )
