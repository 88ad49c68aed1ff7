"""Measure local images without any service: ``python -m workers.local PATH... --jsonl``.

Prints one JSON line an image, the contract of ``copythat measure``. Lengths are CSS pixels.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from shared.errors import UnreadableInput
from workers.images import decode
from workers.measure import Measurements, measure_image
from workers.measure.measurements import (
    GradientMeasurement,
    ShadowMeasurement,
    TypographyMeasurement,
)

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named files and folders; return 0, 1 if none or 3 if some could be read."""
    parser = argparse.ArgumentParser(prog="copythat measure", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument(
        "--jsonl", action="store_true", help="one JSON line an image (the default)"
    )
    paths = list(find_images(parser.parse_args(arguments).paths))
    failed = 0
    for path in paths:
        try:
            sys.stdout.write(json.dumps(measure_file(path)) + "\n")
        except (UnreadableInput, OSError) as error:
            failed += 1
            sys.stderr.write(f"{path}: {error}\n")
    if not paths:
        sys.stderr.write("no image found\n")
    if failed:
        return 3 if failed < len(paths) else 1
    return 0 if paths else 1


def find_images(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the named files, and the images in the named folders in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
        else:
            yield path


def measure_file(path: Path) -> dict[str, Any]:
    """Measure one image file and return its line."""
    start = time.perf_counter()
    measured = measure_image(decode(path.read_bytes()), name=path.stem)
    seconds = time.perf_counter() - start
    return {"image": path.name, "seconds": round(seconds, 4)} | line_of(measured)


def line_of(measured: Measurements) -> dict[str, Any]:
    """Return measurements as the members of a line, most used first."""
    return {
        "dpr": measured.dpr,
        "path": measured.path.value,
        "color": [{"hex": color.hex, "share": color.share} for color in measured.colors],
        "spacing": [
            {"px": gap.px, "count": gap.count, "kind": gap.kind.value} for gap in measured.spacing
        ],
        "typography": [_style_of(style) for style in measured.typography],
        "shadow": [_shadow_of(shadow) for shadow in measured.shadows],
        "gradient": [_gradient_of(gradient) for gradient in measured.gradients],
        "radius": [{"px": radius.px} for radius in measured.radii],
    }


def _style_of(style: TypographyMeasurement) -> dict[str, Any]:
    return {
        "size_px": style.size_px,
        "weight": style.weight,
        "line_height_px": style.line_height_px,
        "chars": style.chars,
    }


def _shadow_of(shadow: ShadowMeasurement) -> dict[str, Any]:
    return {
        "x": shadow.x_px,
        "y": shadow.y_px,
        "blur": shadow.blur_px,
        "spread": shadow.spread_px,
        "color": shadow.color_hex,
        "alpha": shadow.alpha,
    }


def _gradient_of(gradient: GradientMeasurement) -> dict[str, Any]:
    return {
        "type": gradient.kind.value,
        "angle": gradient.angle_deg,
        "stops": [{"hex": stop.hex, "pos": stop.position} for stop in gradient.stops],
    }


if __name__ == "__main__":
    sys.exit(main())
