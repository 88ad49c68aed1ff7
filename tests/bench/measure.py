"""`make bench`: the time of measuring as a multiple of decoding the same file, in one run.

Uses the benchmark pages of ``../shared/bench`` where they lie beside the project, and the
project's own samples otherwise, and says which.
"""

import statistics
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np

from workers.images import decode
from workers.measure import measure_image

ROOT = Path(__file__).parents[2]
BENCH_PAGES = ROOT.parent / "shared/bench/dev/img"
SAMPLES = ROOT / "samples/screens.zip"
REPEATS = 3


def pages() -> list[tuple[str, bytes]]:
    """Return names and bytes of the images to measure."""
    if BENCH_PAGES.is_dir():
        print(f"images: {len(list(BENCH_PAGES.glob('*.png')))} benchmark pages")
        return [(path.name, path.read_bytes()) for path in sorted(BENCH_PAGES.glob("*.png"))]
    print("images: the samples (no ../shared/bench here)")
    with zipfile.ZipFile(SAMPLES) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def ratio(data: bytes) -> tuple[float, float]:
    """Return measuring over decoding, and the seconds of measuring: the best of some runs."""
    encoded = np.frombuffer(data, np.uint8)
    rgb = decode(data)
    decoding, measuring = [], []
    for _ in range(REPEATS):
        start = time.perf_counter()
        cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        middle = time.perf_counter()
        measure_image(rgb)
        decoding.append(middle - start)
        measuring.append(time.perf_counter() - middle)
    return min(measuring) / min(decoding), min(measuring)


def main() -> None:
    """Print median and 95th percentile over all images."""
    cv2.setNumThreads(1)
    measured = [ratio(data) for _, data in pages()]
    ratios = sorted(pair[0] for pair in measured)
    seconds = [pair[1] for pair in measured]
    tail = ratios[int(0.95 * (len(ratios) - 1))]
    print(f"measuring / decoding: median {statistics.median(ratios):.1f}, 95th {tail:.1f}")
    print(f"seconds an image: median {statistics.median(seconds):.3f}, most {max(seconds):.3f}")


if __name__ == "__main__":
    main()
