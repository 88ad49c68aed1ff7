"""Confidence rises with every kind of evidence and stays between nothing and certain."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.measure.calibration import (
    LEAST_SURE,
    SUREST,
    WEIGHTS,
    Read,
    calibrate,
    confidence_of,
    evidence_of,
)
from workers.measure.measurements import (
    Box,
    ColorMeasurement,
    FamilyClass,
    GradientKind,
    GradientMeasurement,
    Measurements,
    Path,
    RadiusMeasurement,
    ShadowMeasurement,
    TypographyMeasurement,
)

BOXES = (Box(0, 0, 9, 9),)
VALUES: tuple[Read, ...] = (
    ColorMeasurement("#123456", 0.1, (), 1, BOXES, 0.5),
    TypographyMeasurement(16, 400, 24, FamilyClass.SANS, "#123456", 20, 1, BOXES, 0.5),
    ShadowMeasurement(0, 4, 12, 0, "#000000", 0.2, 1, BOXES, 0.5),
    GradientMeasurement(GradientKind.LINEAR, 90, (), 1, BOXES, 0.5),
    RadiusMeasurement(8, 1, BOXES, 0.5),
)
values = st.builds(
    lambda value, count, confidence: replace(value, count=count, confidence=confidence),
    st.sampled_from(VALUES),
    st.integers(1, 10_000),
    st.floats(0, 1),
)


def told(value: Read) -> float:
    return confidence_of(value, WEIGHTS[type(value)])


@given(values)
def test_confidence_is_neither_nothing_nor_certain(value: Read) -> None:
    assert LEAST_SURE <= told(value) <= SUREST


@given(values, st.floats(0, 1))
def test_a_better_reading_is_never_told_less_surely(value: Read, reading: float) -> None:
    better = replace(value, confidence=max(reading, value.confidence))

    assert told(better) >= told(value)


@given(values, st.integers(0, 100))
def test_a_value_seen_more_often_is_never_told_less_surely(value: Read, more: int) -> None:
    assert told(replace(value, count=value.count + more)) >= told(value)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_color_is_never_told_less_surely(share: float, other: float) -> None:
    color = VALUES[0]
    assert isinstance(color, ColorMeasurement)
    small, large = (replace(color, share=each) for each in sorted((share, other)))

    assert told(large) >= told(small)


@pytest.mark.parametrize("value", VALUES)
def test_no_evidence_is_counted_against_a_value(value: Read) -> None:
    weights = WEIGHTS[type(value)]

    assert min(weights.reading, weights.count, weights.share) >= 0
    assert len(evidence_of(value)) == 3


def test_calibrating_changes_confidences_alone() -> None:
    colors = (ColorMeasurement("#123456", 0.1, (), 4, BOXES, 0.5),)
    read = Measurements(90, 90, 1, Path.EXACT, colors, (), (), (), (), ())

    (color,) = calibrate(read).colors

    assert color.confidence != 0.5
    assert replace(color, confidence=0.5) == colors[0]
