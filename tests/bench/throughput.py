"""Images a second through the whole service, against the same measuring in a bare pool.

Both have two processes and the same files; the service also takes the upload, unpacks it,
queues, stores, assembles and merges. The two take turns, so that a machine that slows down
slows both.
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench.figures import Figure, report
from tests.bench.pictures import pages, tiny, write_zip
from tests.bench.running import Bench, await_end, bench, hand_in
from workers.images import decode
from workers.measure import measure_image

PART = "throughput"
PROCESSES = 2
ROUNDS = 3


def measure_file(path: Path) -> int:
    """Do what the service's measure stage does, less its queue and its store."""
    return measure_image(decode(path.read_bytes())).width


def bare_s(paths: list[Path]) -> float:
    """Return the seconds that a bare pool takes for these files, its start apart."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
        list(pool.map(measure_file, paths[: 2 * PROCESSES]))
        start_s = time.perf_counter()
        list(pool.map(measure_file, paths))
        return time.perf_counter() - start_s


def service_s(running: Bench, archive: Path) -> tuple[float, float]:
    """Return the seconds from the stored job to its last item, and from the upload to its end."""
    with running.service.client() as http:
        begun_s = time.time()
        job_id = hand_in(http, archive, force=True)
        times = await_end(running.engine, job_id)
    return times.items_s, times.finished_at.timestamp() - begun_s


def run() -> list[Figure]:
    """Return both rates and what the service keeps of the bare one."""
    images = pages()
    with TemporaryDirectory() as directory, bench() as running:
        paths = [Path(directory) / name for name, _ in images]
        for path, (_, data) in zip(paths, images, strict=True):
            path.write_bytes(data)
        warm = write_zip(Path(directory) / "warm.zip", tiny(20))
        archive = write_zip(Path(directory) / "pages.zip", images)
        service_s(running, warm)
        rounds = [(bare_s(paths), *service_s(running, archive)) for _ in range(ROUNDS)]
    bare, items, _ = (median(column) for column in zip(*rounds, strict=True))
    kept = median(pool_s / items_s for pool_s, items_s, _ in rounds)
    kept_whole = median(pool_s / whole_s for pool_s, _, whole_s in rounds)
    return [
        Figure(PART, "bare pool of 2", len(images) / bare, "images/s"),
        Figure(PART, "service, 2 cv workers", len(images) / items, "images/s"),
        Figure(PART, "service / bare, from 202 to the last item", kept, "", 0.85),
        Figure(PART, "the same with upload and merge", kept_whole, ""),
    ]


if __name__ == "__main__":
    sys.exit(not report(run()))
