"""How often values said with some confidence are right, on pages with known truth.

``python -m tests.bench.calibration`` prints the reliability of each type and draws it into
docs/images/reliability.svg; ``--fit`` prints the weights that `workers/measure/calibration.py`
ought to hold, fitted on all pages. What is shown as "left out" is told of each family of design
systems by weights fitted on the others. Right is what the benchmark's scorer matches strictly.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.bench import scoring
from tests.bench.charts import Axis, Panel, write_chart
from workers.local import line_of
from workers.measure import read_scene
from workers.measure.calibration import WEIGHTS, Weights, confidence_of, evidence_of
from workers.measure.measurements import Measured, Measurements, SpacingMeasurement
from workers.measure.pipeline import sum_up

Floats = NDArray[np.float64]

# The scorer's name of each type, and ours.
TYPES = {
    "color": "colors",
    "spacing": "spacing",
    "typography": "typography",
    "shadow": "shadows",
    "gradient": "gradients",
    "radius": "radii",
}
# A bin holds at least so many values, or its frequency says nothing; there are at most so many.
BIN_VALUES, MAX_BINS = 24, 8
TOLERANCE = 0.1
# Of the normal distribution, for an interval that holds the true frequency nine times in ten.
NINE_IN_TEN = 1.645
RIDGE = 1.0
FIT_STEPS = 4000


@dataclass(frozen=True, slots=True)
class Judged:
    """A value as it was read, the family of its page, and whether the truth knows it."""

    value: Measured
    family: str
    right: bool


def main() -> None:
    """Print, and draw or fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true", help="print weights fitted on all pages")
    fit_only = parser.parse_args().fit
    if not scoring.is_here():
        return
    cv2.setNumThreads(1)
    judged = _judge_all()
    if fit_only:
        for found in judged.values():
            if not isinstance(found[0].value, SpacingMeasurement):
                print(f"{type(found[0].value).__name__}: {fit(found)}")
        return
    panels = [_report(name, found) for name, found in judged.items()]
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    axes = Axis("confidence", 0, 1, ticks), Axis("part that is right", 0, 1, ticks)
    print(write_chart("reliability.svg", panels, axes, (170, 170), 3).name)


def fit(found: Sequence[Judged]) -> Weights:
    """Fit a logistic map with no negative weights to what was right.

    Projected gradient descent on the log loss with a ridge on standardised evidence; what does
    not vary gets no weight.
    """
    rows = np.array([evidence_of(each.value) for each in found])  # type: ignore[arg-type]
    right = np.array([each.right for each in found], np.float64)
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    spread[spread == 0] = 1
    design = np.column_stack([np.ones(len(rows)), (rows - mean) / spread])
    weights = np.zeros(design.shape[1])
    bound = 0.25 * np.linalg.norm(design, 2) ** 2 + RIDGE
    for _ in range(FIT_STEPS):
        slope = design.T @ (1 / (1 + np.exp(-design @ weights)) - right)
        slope[1:] += RIDGE * weights[1:]
        weights -= slope / bound
        weights[1:] = np.maximum(0, weights[1:])
    each = weights[1:] / spread
    base = weights[0] - (each * mean).sum()
    return Weights(*(round(float(value), 2) for value in (base, *each)))


def _judge_all() -> dict[str, list[Judged]]:
    """Measure all pages and hold every value against the truth."""
    scorer = scoring.load_scorer()
    judged: dict[str, list[Judged]] = {name: [] for name in TYPES}
    for page in scoring.pages():
        image = page["image"]
        measured = sum_up(read_scene(scoring.read(image), name=Path(image).stem))
        truth = scoring.truth_of(image)
        for name in TYPES:
            for value, right in _judge(scorer, truth, name, measured):
                judged[name].append(Judged(value, page["family"], right))
    return judged


def _judge(
    scorer: ModuleType, truth: dict[str, Any], name: str, measured: Measurements
) -> list[tuple[Measured, bool]]:
    """Tell which values of a type are right, as the scorer does; neutral ones are left out.

    One value of the truth makes one of ours right, the surest.
    """
    read, _, is_neutral, _ = scorer.SPEC[name]
    items, neutral, *rest = read(truth)
    known = rest[0] if rest else items
    values: Sequence[Measured] = getattr(measured, TYPES[name])
    pairs = zip(values, line_of(measured)[name], strict=True)
    ranked = sorted(pairs, key=lambda pair: -pair[0].confidence)
    if name == "spacing":  # a value is one, whatever the kinds it was seen as
        ranked = list({line["px"]: (value, line) for value, line in reversed(ranked)}.values())
        ranked.reverse()
    matches = scorer.STRICT[name]
    candidates = [[at for at, i in enumerate(known) if matches(line, i)] for _, line in ranked]
    skipped = [
        is_neutral is not None and any(is_neutral(line, i) for i in neutral) for _, line in ranked
    ]
    order = sorted(range(len(ranked)), key=skipped.__getitem__)
    paired = scorer.matching(candidates, order)
    return [
        (value, at in paired)
        for at, (value, _) in enumerate(ranked)
        if at in paired or not skipped[at]
    ]


def _report(name: str, found: Sequence[Judged]) -> Panel:
    """Print how reliable the confidences of a type are, and return the chart of it."""
    right = np.array([each.right for each in found], np.float64)
    told = np.array([_told(each) for each in found])
    bins = _bins(told, right)
    print(f"{name}: {len(found)} values, {right.mean():.3f} right, {told.mean():.3f} said")
    for said, part, count in bins:
        missed = "" if abs(said - part) <= TOLERANCE else "  MISSED"
        print(f"  said {said:.2f}  right {part:.2f}  of {count}{missed}")
    print(f"  mean distance {_distance(bins):.3f}, {_left_out(found, right)}")
    points = [(said, part, *_interval(part, count)) for said, part, count in bins]
    border = [((0.0, off), (1.0 - off, 1.0)) for off in (0.0, TOLERANCE)]
    border.append(((TOLERANCE, 0.0), (1.0, 1.0 - TOLERANCE)))
    return Panel(f"{name}: {len(found)} values", points, border)


def _told(judged: Judged) -> float:
    """Return the confidence that a value is reported with."""
    value = judged.value
    if isinstance(value, SpacingMeasurement):
        return value.confidence
    return confidence_of(value, WEIGHTS[type(value)])


def _left_out(found: Sequence[Judged], right: Floats) -> str:
    """Return the mean distance where each family is told by weights fitted on the others."""
    if isinstance(found[0].value, SpacingMeasurement):
        return "fitted elsewhere"
    told = np.zeros(len(found))
    for family in {each.family for each in found}:
        weights = fit([each for each in found if each.family != family])
        for at, each in enumerate(found):
            if each.family == family and not isinstance(each.value, SpacingMeasurement):
                told[at] = confidence_of(each.value, weights)
    return f"families left out {_distance(_bins(told, right)):.3f}"


def _bins(told: Floats, right: Floats) -> list[tuple[float, float, int]]:
    """Return mean confidence, part right and number of values of bins equally full."""
    order = np.argsort(told, kind="stable")
    count = min(MAX_BINS, max(1, len(told) // BIN_VALUES))
    return [
        (float(told[each].mean()), float(right[each].mean()), len(each))
        for each in np.array_split(order, count)
    ]


def _distance(bins: Sequence[tuple[float, float, int]]) -> float:
    """Return the mean distance of what was said from what was right, over all values."""
    total = sum(count for _, _, count in bins)
    return sum(abs(said - part) * count for said, part, count in bins) / total


def _interval(part: float, count: int) -> tuple[float, float]:
    """Return Wilson's interval of a frequency (JASA 22, 1927, 209-212)."""
    square = NINE_IN_TEN**2
    middle = (part + square / (2 * count)) / (1 + square / count)
    inner = part * (1 - part) / count + square / (4 * count**2)
    half = NINE_IN_TEN * math.sqrt(inner) / (1 + square / count)
    return middle - half, middle + half


if __name__ == "__main__":
    main()
