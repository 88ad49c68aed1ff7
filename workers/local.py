"""Measure local images without any service: ``python -m workers.local PATH... --jsonl``.

Prints one JSON line an image, the contract of ``copythat measure``. Lengths are CSS pixels.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from shared.errors import UnreadableInput
from workers.images import decode, encode_png
from workers.marks import layers_of
from workers.measure import Measurements, measure_scene, read_scene
from workers.measure.measurements import (
    GradientMeasurement,
    Measured,
    ShadowMeasurement,
    TypographyMeasurement,
)
from workers.measure.scene import Scene
from workers.overlay import draw_sheet

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})
# Layers of an overlay that are seen at first; all at once hide what they mark.
SHOWN = frozenset({"spacing", "radius", "shadow", "gradient"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the named files and folders; return 0, 1 if none or 3 if some could be read."""
    parser = argparse.ArgumentParser(prog="copythat measure", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument(
        "--jsonl", action="store_true", help="one JSON line an image (the default)"
    )
    parser.add_argument(
        "--overlay", type=Path, metavar="DIR", help="draw each image with its measures into DIR"
    )
    options = parser.parse_args(arguments)
    paths = list(find_images(options.paths))
    failed = 0
    for path, sheet in zip(paths, name_sheets(paths), strict=True):
        try:
            line = measure_file(path, options.overlay and options.overlay / sheet)
        except (UnreadableInput, OSError) as error:
            failed += 1
            sys.stderr.write(f"{path}: {error}\n")
        else:
            sys.stdout.write(json.dumps(line) + "\n")
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


def name_sheets(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the name of each image's overlay; images of one name in several folders differ."""
    seen: Counter[str] = Counter()
    for path in paths:
        seen[path.name] += 1
        number = f"-{seen[path.name]}" if seen[path.name] > 1 else ""
        yield f"{path.name}{number}.overlay.svg"


def measure_file(path: Path, sheet: Path | None = None) -> dict[str, Any]:
    """Measure one image file, draw it with its measures into ``sheet``, and return its line."""
    start = time.perf_counter()
    scene = read_scene(decode(path.read_bytes()), name=path.stem)
    measured = measure_scene(scene)
    seconds = time.perf_counter() - start
    if sheet is not None:
        sheet.parent.mkdir(parents=True, exist_ok=True)
        sheet.write_text(draw(measured, scene), encoding="utf-8")
    return {"image": path.name, "seconds": round(seconds, 4)} | line_of(measured)


def draw(measured: Measurements, scene: Scene) -> str:
    """Return the image with boxes and measures over it, as an SVG that stands alone."""
    size = (measured.width, measured.height)
    layers = layers_of(measured, scene)
    return draw_sheet(size, encode_png(scene.rgb), layers, scale=measured.dpr, shown=SHOWN)


def line_of(measured: Measurements) -> dict[str, Any]:
    """Return measurements as the members of a line, most used first."""
    return {
        "dpr": measured.dpr,
        "path": measured.path.value,
        "color": [
            {"hex": color.hex, "share": color.share} | _evidence(color)
            for color in measured.colors
        ],
        "spacing": [
            {"px": gap.px, "kind": gap.kind.value} | _evidence(gap) for gap in measured.spacing
        ],
        "typography": [_style_of(style) | _evidence(style) for style in measured.typography],
        "shadow": [_shadow_of(shadow) | _evidence(shadow) for shadow in measured.shadows],
        "gradient": [
            _gradient_of(gradient) | _evidence(gradient) for gradient in measured.gradients
        ],
        "radius": [{"px": radius.px} | _evidence(radius) for radius in measured.radii],
    }


def _evidence(measured: Measured) -> dict[str, Any]:
    """Return how often a value was seen and how surely."""
    return {"count": measured.count, "confidence": measured.confidence}


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
