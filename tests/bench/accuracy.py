"""`make accuracy`: how near measurements come to the CSS of pages that nobody here wrote.

Scores the pages of ``../shared/bench`` as they are, the retina ones and the others alone, and all
again as they come back from JPEG and WebP. Says so and ends well where they are not there.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from tests.bench import scoring
from workers.measure.scene import Rgb

LOSSY_QUALITY = 85
RETINA = r"@2x\."
PLAIN = r"^(?!.*@\d).*$"
COLUMNS = {
    "color": "color",
    "spacing_layout": "layout",
    "spacing_geom": "geom",
    "spacing": "css",
    "typography": "typogr.",
    "shadow": "shadow",
    "gradient": "gradient",
    "radius": "radius",
}


def main() -> None:
    """Print the tables."""
    if not scoring.is_here():
        return
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        clean = _measure(lambda rgb: rgb)
        table, found = scoring.score(clean, scratch)
        print(table)
        _print_counts(clean, found["pages"])
        print("\nF1, loose/strict".ljust(16), *(f"{name:>9}" for name in COLUMNS.values()))
        _print_row("as they are", found)
        _print_row("1x alone", scoring.score(clean, scratch, PLAIN)[1])
        _print_row("2x alone", scoring.score(clean, scratch, RETINA)[1])
        for suffix in (".jpg", ".webp"):
            change = partial(scoring.reencode, suffix=suffix, quality=LOSSY_QUALITY)
            lossy = _measure(change)
            _print_row(f"{suffix} {LOSSY_QUALITY}", scoring.score(lossy, scratch)[1])


def _measure(change: Callable[[Rgb], Rgb]) -> list[dict[str, Any]]:
    """Measure every page after a change to its pixels."""
    images = [page["image"] for page in scoring.pages()]
    return [scoring.predict(image, change(scoring.read(image))) for image in images]


def _print_counts(lines: list[dict[str, Any]], scored: dict[str, Any]) -> None:
    """Print how often the device ratio is right and how many values a page are false."""
    ratios = {page["image"]: page["dpr"] for page in scoring.pages()}
    right = sum(line["dpr"] == ratios[line["image"]] for line in lines)
    print(f"device ratio right on {right} of {len(lines)} pages")
    for kind in ("shadow", "gradient"):
        false = sum(page[kind]["n_counted"] - page[kind]["tp"] for page in scored.values())
        print(f"false {kind}s a page: {false / len(lines):.2f}")


def _print_row(name: str, found: dict[str, Any]) -> None:
    """Print one line of the short table."""
    cells = [
        f"{found['summary'][kind]['F1']:.2f}/{found['summary'][kind]['F1_strict']:.2f}"
        for kind in COLUMNS
    ]
    print(name.ljust(15), *(f"{cell:>9}" for cell in cells))


if __name__ == "__main__":
    main()
