"""`python -m tests.bench.systems`: a design system from many screens, against one screen of it.

The pages of a system of ``../shared/bench`` are measured, named by rule and merged, and the
confirmed tokens are scored against what the CSS of all its pages says together; beside them stands
the mean of what its single pages reach against the same. The scorer's own rules say what matches.
Where one length divides most of what the CSS says, it is the base unit that has to be told.
"""

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

import cv2

from shared.scales import infer_scales
from shared.tokens import Tokens, TokenType
from tests.bench import scoring
from tests.bench.figures import Figure, report
from workers.assemble import assemble
from workers.measure import measure_image
from workers.merge import merge

PART = "systems"
# What a system's CSS is made of, as the scorer names it.
KINDS = ("spacing", "typography")
# A unit that divides this part of all lengths used, each once a place, is a system's base unit.
BASE_SHARE = 0.9
# From the coarsest: what divides by 8 divides by 4, too.
BASES_PX = (10, 8, 6, 5, 4)


@dataclass(frozen=True, slots=True)
class System:
    """One design system: F1 by kind of the merged set and of its pages' mean; base units in px."""

    name: str
    pages: int
    merged: Mapping[str, float]
    single: Mapping[str, float]
    base_px: float | None
    told_px: float | None


def run() -> list[Figure]:
    """Return how near merged sets and single pages come, and how many base units are right."""
    if not scoring.is_here():
        return []
    systems = measure_systems()
    figures = []
    for kind in KINDS:
        merged = fmean(each.merged[kind] for each in systems)
        single = fmean(each.single[kind] for each in systems)
        figures += [
            Figure(PART, f"F1 of {kind}, one page", single, ""),
            Figure(PART, f"F1 of {kind}, merged", merged, "", at_least=single),
        ]
    with_base = [each for each in systems if each.base_px]
    right = sum(each.base_px == each.told_px for each in with_base)
    return [
        *figures,
        Figure(PART, f"base units right, of {len(with_base)}", right, "", at_least=len(with_base)),
    ]


def measure_systems() -> list[System]:
    """Measure, merge and score every system of two pages or more."""
    cv2.setNumThreads(1)
    scorer = scoring.load_scorer()
    pages = defaultdict(list)
    for page in scoring.pages():
        pages[page["system"]].append(page["image"])
    return [
        _score(scorer, name, images) for name, images in sorted(pages.items()) if len(images) > 1
    ]


def _score(scorer: ModuleType, name: str, images: Sequence[str]) -> System:
    sets = [(image, _extract(image)) for image in images]
    merged = merge(sets)
    truth = _unite([scoring.truth_of(image) for image in images])
    singles = [_rate(scorer, truth, tokens) for _, tokens in sets]
    scale = infer_scales(merged).spacing
    return System(
        name,
        len(images),
        merged=_rate(scorer, truth, merged.confirmed()),
        single={kind: fmean(each[kind] for each in singles) for kind in KINDS},
        base_px=_base_of(truth),
        told_px=scale.base_px if scale else None,
    )


def _extract(image: str) -> Tokens:
    measured = measure_image(scoring.read(image), name=Path(image).stem)
    return assemble(measured, None, tuple(TokenType))


def _unite(truths: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the truth of pages together, as if they were one."""
    return {
        "spacing": {"css": [row for truth in truths for row in truth["spacing"]["css"]]},
        "typography": [row for truth in truths for row in truth["typography"]],
    }


def _rate(scorer: ModuleType, truth: dict[str, Any], tokens: Tokens) -> dict[str, float]:
    """Return the F1 of a set by kind."""
    predicted = {
        "spacing": [{"px": token.value.px} for token in tokens.spacing],
        "typography": [
            {"size_px": token.value.font_size.px, "weight": token.value.font_weight}
            for token in tokens.typography
        ],
    }
    found = {}
    for kind in KINDS:
        items, match, neutral_match, _ = scorer.SPEC[kind]
        wanted, neutral, *allowed = items(truth)
        values = scorer.dedupe(kind, predicted[kind])
        rated, *_ = scorer.prf(wanted, neutral, values, match, neutral_match, *allowed)
        found[kind] = float(rated["F1"])
    return found


def _base_of(truth: dict[str, Any]) -> float | None:
    """Return the coarsest unit that divides most of the lengths of a truth, in px."""
    rows = truth["spacing"]["css"]
    uses = sum(row["count"] for row in rows)
    for base_px in BASES_PX:
        on = sum(row["count"] for row in rows if row["px"] % base_px == 0)
        if on >= BASE_SHARE * uses:
            return base_px
    return None


if __name__ == "__main__":
    sys.exit(not report(run()))
