"""What measuring costs: time as a multiple of decoding the same file, memory, and growth.

Uses the benchmark pages of ``../shared/bench`` where they lie beside the project, and the
project's own samples otherwise, and says which. ``python -m tests.bench.measure --draw`` also
draws time against pixels into docs/images/growth.svg.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from shared.settings import MIB
from tests.bench.charts import Axis, Panel, write_chart
from tests.bench.figures import ROOT, Figure, report
from tests.bench.pictures import pages
from workers.images import decode
from workers.measure import measure_image
from workers.measure.scene import Rgb

PART = "measuring"
REPEATS = 3
MEGAPIXEL = 1_000_000
# A page as most are: what memory is told of, and what growth begins at.
PAGE_SIZE = (1440, 900)
PAGE_MPX = PAGE_SIZE[0] * PAGE_SIZE[1] / MEGAPIXEL
SIZES_MPX = (0.3, 0.6, PAGE_MPX, 2.5, 5.0, 10.0, 20.0)
# A process is begun for each so-many-th page.
MEMORY_STEP = 5
# Runs of one size differ by as much.
NOISE = 0.1
# What a worker holds of measuring: the interpreter, the libraries, one image and its arrays.
ONE_IMAGE = """
import sys
from pathlib import Path
from workers.images import decode
from workers.measure import measure_image
measure_image(decode(Path(sys.argv[1]).read_bytes()))
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


def run() -> list[Figure]:
    """Return ratios over all images, the peak memory of one process, and growth."""
    cv2.setNumThreads(1)
    found = pages()
    measured = [ratio(data) for _, data in found]
    ratios = sorted(pair[0] for pair in measured)
    seconds = [pair[1] for pair in measured]
    tail = ratios[int(0.95 * (len(ratios) - 1))]
    wide = [rgb for _, data in found if (rgb := decode(data)).shape[1] == PAGE_SIZE[0]]
    return [
        Figure(PART, "over decoding, median", statistics.median(ratios), "times"),
        Figure(PART, "over decoding, 95th percentile", tail, "times"),
        Figure(PART, "an image, median", statistics.median(seconds), "s"),
        Figure(PART, "an image, most", max(seconds), "s"),
        Figure(PART, "a process at 1440x900, peak", peak_mib(wide), "MiB", at_most=200),
        *growth(wide),
    ]


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


def peak_mib(wide: Sequence[Rgb]) -> float:
    """Return the most that a process holds that decodes and measures one page, the worst."""
    page = [rgb for rgb in wide if rgb.shape[0] == PAGE_SIZE[1]][::MEMORY_STEP]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.png"
        return max(_peak_bytes(path, rgb) for rgb in page) / MIB


def growth(wide: Sequence[Rgb]) -> list[Figure]:
    """Return the seconds of captures of several sizes: pages one below the other."""
    tall = np.concatenate(list(wide) * (1 + int(SIZES_MPX[-1] / len(wide) / PAGE_MPX)))
    figures = []
    for size in SIZES_MPX:
        rows = round(size * MEGAPIXEL / PAGE_SIZE[0])
        seconds = min(_seconds(np.ascontiguousarray(tall[:rows])) for _ in range(REPEATS))
        figures.append(Figure(PART, f"at {size:.1f} Mpx", seconds, "s"))
    each = dict(zip(SIZES_MPX, (figure.value for figure in figures), strict=True))
    steeper = each[SIZES_MPX[-1]] / SIZES_MPX[-1] / (each[PAGE_MPX] / PAGE_MPX)
    name = "a pixel at 20 Mpx over one at 1.3 Mpx"
    return [*figures, Figure(PART, name, steeper, "times", at_most=1 + NOISE)]


def draw(figures: Sequence[Figure]) -> Path:
    """Draw seconds against pixels, with the line of growth in step with the pixels."""
    seconds = {figure.name: figure.value for figure in figures}
    points = [(size, seconds[f"at {size:.1f} Mpx"]) for size in SIZES_MPX]
    least, most = SIZES_MPX[0], SIZES_MPX[-1]
    a_pixel = dict(points)[PAGE_MPX] / PAGE_MPX
    panel = Panel(
        "time of measuring, one thread",
        [(x, y, y, y) for x, y in points],
        [((least, least * a_pixel), (most, most * a_pixel))],
    )
    axes = (
        Axis("megapixels", 0.2, 30, (0.3, 1, 3, 10, 20), logarithmic=True),
        Axis("seconds", 0.01, 10, (0.01, 0.1, 1, 10), logarithmic=True),
    )
    return write_chart("growth.svg", [panel], axes, (360, 240), 1)


def _seconds(rgb: Rgb) -> float:
    start = time.perf_counter()
    measure_image(rgb)
    return time.perf_counter() - start


def _peak_bytes(path: Path, rgb: Rgb) -> int:
    """Return the largest resident size of a process that measures one image."""
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    command = (sys.executable, "-c", ONE_IMAGE, str(path))
    printed = subprocess.run(  # noqa: S603 -- our own program
        command, check=True, capture_output=True, text=True, cwd=ROOT
    )
    return int(printed.stdout) * 1024


if __name__ == "__main__":
    came_to = run()
    if "--draw" in sys.argv:
        draw(came_to)
    sys.exit(not report(came_to))
