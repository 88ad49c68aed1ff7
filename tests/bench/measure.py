"""The time of measuring as a multiple of decoding the same file, in one run.

Uses the benchmark pages of ``../shared/bench`` where they lie beside the project, and the
project's own samples otherwise, and says which.
"""

import statistics
import time

import cv2
import numpy as np

from tests.bench.pictures import pages
from workers.images import decode
from workers.measure import measure_image

REPEATS = 3


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
