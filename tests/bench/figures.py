"""What a benchmark came to: a table for the reader and `out/bench.json` for the next one.

Machines differ and so do hours, so a figure that is to be compared later is a ratio of two
measurements of one run, or a count.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUT = ROOT / "out/bench.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and between what it ought to be where the project promises something."""

    part: str
    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def kept(self) -> bool | None:
        """Whether the promise is kept; None where there is none."""
        if self.at_least is None and self.at_most is None:
            return None
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    @property
    def promise(self) -> str:
        """The bounds in words."""
        if self.kept is None:
            return ""
        bound = f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"
        return f"{bound} {'kept' if self.kept else 'MISSED'}"


def report(figures: Sequence[Figure]) -> bool:
    """Print figures, put them into the file beside those of other parts; True if all are kept."""
    for figure in figures:
        value = f"{figure.value:,.0f}" if figure.value >= 1000 else f"{figure.value:.3g}"
        print(f"{figure.part:<12} {figure.name:<58} {value:>8} {figure.unit:<10} {figure.promise}")
    parts = {figure.part for figure in figures}
    known = json.loads(OUT.read_text())["figures"] if OUT.exists() else []
    kept = [each for each in known if each["part"] not in parts]
    load = [round(value, 2) for value in os.getloadavg()]
    OUT.parent.mkdir(exist_ok=True)
    rows = kept + [asdict(figure) for figure in figures]
    OUT.write_text(json.dumps({"load_at_the_end": load, "figures": rows}, indent=1) + "\n")
    return all(figure.kept is not False for figure in figures)
