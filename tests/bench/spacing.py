"""Which distances of a page are meant: the weights of that choice, fitted where it is known.

``python -m tests.bench.spacing`` prints what ``workers/measure/spacing.py`` ought to hold, and
how well each family of design systems is told by weights fitted on the others, and why what each
reading wants is missed.

The benchmark knows three readings of spacing: what style sheets declare (css), what lies between
line boxes (layout), and what lies between inked edges (geom). One list serves all three, so a
candidate is fitted to what it is worth to them: to be declared, to be wanted by each, and to make
up much of what each wants.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.bench import scoring
from workers.measure import read_scene
from workers.measure.prominence import Feature, count_clear, measure_prominence
from workers.measure.spacing import SAME_PX as NEIGHBOUR_PX
from workers.measure.spacing import candidates, choose, find_spaces

Floats = NDArray[np.float64]

# A value is worth two points where it is declared at all, one in each reading that wants it found
# (half of one for css, which wants what is declared), and one more in each of which it makes up
# this part.
DECLARED = 2.0
WANTED = {"spacing": 0.5, "spacing_layout": 1.0, "spacing_geom": 1.0}
MAIN_SHARE = 1 / 3
POINTS = DECLARED + sum(WANTED.values()) + len(WANTED)
# A candidate is a value of the truth within this, in CSS pixels (the scorer's strict match).
SAME_PX = 0.5
RIDGE = 3.0
STEPS = 20


@dataclass(frozen=True, slots=True)
class Page:
    """The candidates of one page, shape (n,), what speaks for each, and what the truth says."""

    family: str
    truth: dict[str, Any]
    values: Floats
    features: Floats
    clear: NDArray[np.intp]
    meant: Floats
    declared: Floats


def main() -> None:
    """Fit and print."""
    if not scoring.is_here():
        return
    cv2.setNumThreads(1)
    scorer = scoring.load_scorer()
    pages = [page for entry in scoring.pages() if (page := _read(scorer, entry)) is not None]
    weights = fit(pages)
    print(f"BASE = {weights[0]:.2f}")
    for feature, weight in zip(Feature, weights[1:], strict=True):
        print(f"Feature.{feature.name}: {weight:.3f},")
    told = [(page, _told(page, weights)) for page in pages]
    odds = np.concatenate([_odds(page, weights)[some] for page, some in told])
    declared = np.concatenate([page.declared[some] for page, some in told])
    print("CONFIDENCE_BASE, CONFIDENCE_SLOPE = {:.2f}, {:.2f}".format(*logistic(odds, declared)))
    _report("fitted on all", scorer, told)
    elsewhere = {
        family: fit([page for page in pages if page.family != family])
        for family in {page.family for page in pages}
    }
    left_out = [(page, _told(page, elsewhere[page.family])) for page in pages]
    _report("families left out", scorer, left_out)
    _report_missed(scorer, told)


def fit(pages: list[Page]) -> Floats:
    """Return the base and the weight of each feature, shape (1 + features,)."""
    rows = np.concatenate([page.features for page in pages])
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    weights = logistic((rows - mean) / spread, np.concatenate([page.meant for page in pages]))
    each = weights[1:] / spread
    return np.concatenate([[weights[0] - each @ mean], each])


def logistic(rows: Floats, part: Floats) -> Floats:
    """Fit log odds to parts of one, by Newton's steps on the log loss with a ridge.

    Args:
        rows: shape (n,) or (n, features).
        part: between 0 and 1, shape (n,).
    """
    design = np.column_stack([np.ones(len(rows)), rows])
    ridge = RIDGE * np.eye(design.shape[1])
    ridge[0, 0] = 0
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        told = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (part - told) - ridge @ weights
        bend = (design.T * (told * (1 - told))) @ design + ridge
        weights += np.linalg.solve(bend, slope)
    return weights


def _told(page: Page, weights: Floats) -> list[int]:
    """Return which candidates of a page are told."""
    return choose(page.values, 1 / (1 + np.exp(-_odds(page, weights))), page.clear)


def _odds(page: Page, weights: Floats) -> Floats:
    odds: Floats = weights[0] + page.features @ weights[1:]
    return odds


def _read(scorer: ModuleType, entry: dict[str, Any]) -> Page | None:
    """Measure one page and hold its candidates against the truth; None where it has none."""
    image, truth = entry["image"], scoring.truth_of(entry["image"])
    scene = read_scene(scoring.read(image), name=Path(image).stem)
    distances, clear = find_spaces(scene)
    values = candidates(distances, clear, scene.dpr)
    if not distances or not len(values):
        return None
    declared = _holds([each["px"] for each in truth["spacing"]["css"]], values)
    worth = [
        _worth(scorer.SPEC[reading][0](truth)[0], points, values)
        for reading, points in WANTED.items()
    ]
    return Page(
        family=entry["family"],
        truth=truth,
        values=values,
        features=measure_prominence(distances, clear, values),
        clear=count_clear(clear, values),
        meant=(DECLARED * declared + np.sum(worth, axis=0)) / POINTS,
        declared=declared,
    )


def _holds(known: list[float], values: Floats) -> Floats:
    """Return 1 for each value that is among the known ones, else 0."""
    off = np.abs(values[:, None] - np.array(known)[None, :])
    held: Floats = (off.min(axis=1, initial=np.inf) <= SAME_PX).astype(np.float64)
    return held


def _worth(items: list[dict[str, Any]], found: float, values: Floats) -> Floats:
    """Return what each value is worth to a reading: ``found`` if wanted, up to 1 for its part."""
    wanted = [item for item in items if item["req"]]
    total = sum(item["w"] for item in wanted)
    worth = np.zeros(len(values))
    for item in wanted:
        points = found + min(1.0, item["w"] / total / MAIN_SHARE)
        worth = np.maximum(worth, points * _holds([item["px"]], values))
    return worth


def _report(title: str, scorer: ModuleType, told: list[tuple[Page, list[int]]]) -> None:
    """Print F1 loose and strict of each reading."""
    print(f"{title}: {np.mean([len(some) for _, some in told]):.1f} values a page")
    for reading in WANTED:
        items_of, loose, _, _ = scorer.SPEC[reading]
        means = []
        for match in (loose, scorer.STRICT[reading]):
            found = []
            for page, some in told:
                items, _, allowed = items_of(page.truth)
                lines = [{"px": float(px)} for px in page.values[some]]
                found.append(scorer.prf(items, [], lines, match, None, allowed)[0]["F1"])
            means.append(np.mean([each for each in found if each is not None]))
        print(f"  {reading}: " + " / ".join(f"{mean:.3f}" for mean in means))


def _report_missed(scorer: ModuleType, told: list[tuple[Page, list[int]]]) -> None:
    """Print which part of what each reading wants is missed, by cause, a page's uses being 1."""
    for reading in WANTED:
        missed: Counter[str] = Counter()
        for page, some in told:
            wanted = [item for item in scorer.SPEC[reading][0](page.truth)[0] if item["req"]]
            total = sum(item["w"] for item in wanted)
            for item in wanted:
                missed[_cause(page, page.values[some], item["px"])] += item["w"] / total
        parts = (f"{cause} {part / len(told):.3f}" for cause, part in missed.most_common())
        print(f"  {reading}, strictly: " + ", ".join(parts))


def _cause(page: Page, told: Floats, px: float) -> str:
    """Say what became of a value that a reading wants."""
    if _holds([px], told).any():
        return "told"
    if not _holds([px], page.values).any():
        return "not measured"
    beside = np.abs(told - px).min(initial=np.inf) <= NEIGHBOUR_PX
    return "taken for its neighbour" if beside else "taken for chance"


if __name__ == "__main__":
    main()
