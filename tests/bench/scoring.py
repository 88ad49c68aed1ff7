"""The benchmark beside the project: pages with known truth, and the program that scores.

``../shared/bench`` is no part of the project. What needs it asks ``is_here`` first.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2

from tests.bench.figures import ROOT
from workers.images import decode
from workers.local import line_of
from workers.measure import measure_image
from workers.measure.scene import Rgb

BENCH = ROOT.parent / "shared/bench"
SET = BENCH / "dev"
SCORER = BENCH / "tool/score.py"


def is_here() -> bool:
    """Tell whether the benchmark lies beside the project; say so where it does not."""
    if SCORER.is_file() and SET.is_dir():
        return True
    print("../shared/bench is not here: there is nothing to measure accuracy against")
    return False


def pages() -> list[dict[str, Any]]:
    """Return the manifest: image, dpr, viewport, system and family of each page."""
    found: list[dict[str, Any]] = json.loads((SET / "manifest.json").read_text())
    return found


def read(image: str) -> Rgb:
    """Decode one page's picture."""
    return decode((SET / "img" / image).read_bytes())


def truth_of(image: str) -> dict[str, Any]:
    """Return what one page's CSS says."""
    name = Path(image).with_suffix(".json").name
    found: dict[str, Any] = json.loads((SET / "truth" / name).read_text())
    return found


def reencode(rgb: Rgb, suffix: str, quality: int) -> Rgb:
    """Return an image as it comes back from a lossy format, such as ``.jpg``."""
    flag = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}[suffix]
    _, data = cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [flag, quality])
    return decode(data.tobytes())


def predict(image: str, rgb: Rgb) -> dict[str, Any]:
    """Measure one page's pixels and return the line that is scored."""
    return {"image": image} | line_of(measure_image(rgb, name=Path(image).stem))


def score(
    predictions: Iterable[dict[str, Any]], scratch: Path, only: str = ""
) -> tuple[str, dict[str, Any]]:
    """Score lines.

    Args:
        predictions: one line a page.
        scratch: a folder to hand them over in.
        only: a pattern of the images to look at; all by default.

    Returns:
        The scorer's table, and all it knows: its ``summary`` by type and its ``pages``.
    """
    lines, found = scratch / "predictions.jsonl", scratch / "score.json"
    lines.write_text("".join(json.dumps(line) + "\n" for line in predictions))
    command = (sys.executable, SCORER, SET / "truth", lines, "--json", found, "--only", only)
    table = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return table.stdout, json.loads(found.read_text())


def load_scorer() -> ModuleType:
    """Return the scorer as a module, for its rules of what matches what."""
    spec = importlib.util.spec_from_file_location("score", SCORER)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(SCORER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
