"""How soon questions about a job of 10,000 images are answered while it is worked on."""

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from statistics import median

import httpx

from tests.bench.figures import Figure, report
from tests.bench.pictures import tiny, write_zip
from tests.bench.running import bench, hand_in, one
from tests.conftest import until

PART = "large job"
ITEMS = 10_000
SAMPLES = 80
PAGE = 50
# Between two rounds of questions: some clients follow the job, they do not storm it.
PAUSE_S = 0.25
MOST_MS = 50.0


def ask(http: httpx.Client, path: str) -> None:
    """Read an answer to its end."""
    http.get(path).raise_for_status()


def hear(http: httpx.Client, path: str) -> None:
    """Open a stream of events and read until the first."""
    with http.stream("GET", path) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if line.startswith("data:"):
                return
    raise RuntimeError(f"{path} ended without an event")


def ms(do: Callable[[], None]) -> float:
    """Return how long something takes."""
    start_s = time.perf_counter()
    do()
    return 1000 * (time.perf_counter() - start_s)


def run() -> list[Figure]:
    """Return medians and 95th percentiles of each question."""
    taken: defaultdict[str, list[float]] = defaultdict(list)
    with bench() as running, running.service.client() as http:
        job_id = hand_in(http, write_zip(running.scratch / "tiny.zip", tiny(ITEMS)))
        path = f"/jobs/{job_id}"
        question = "SELECT total, pending, finished_at FROM jobs WHERE id = :id"

        def unpacked() -> bool:
            return bool(one(running.engine, question, id=job_id).total == ITEMS)

        until(unpacked, within_s=120)
        last = ITEMS - PAGE - 1
        questions = {
            "job": lambda: ask(http, path),
            "first page of items": lambda: ask(http, f"{path}/items?limit={PAGE}"),
            "last page of items": lambda: ask(http, f"{path}/items?limit={PAGE}&cursor={last}"),
            "first event": lambda: hear(http, f"{path}/events"),
        }
        pause = threading.Event()
        for _ in range(SAMPLES):
            for name, do in questions.items():
                taken[name].append(ms(do))
            pause.wait(PAUSE_S)
        job = one(running.engine, question, id=job_id)
        if job.finished_at is not None:
            raise RuntimeError("the job ended before all was asked")
    figures = [Figure(PART, "items that ended while it was asked", ITEMS - job.pending, "items")]
    for name, values in taken.items():
        tail = sorted(values)[int(0.95 * len(values))]
        figures += [
            Figure(PART, f"{name}, median", median(values), "ms", at_most=MOST_MS),
            Figure(PART, f"{name}, 95th percentile", tail, "ms"),
        ]
    return figures


if __name__ == "__main__":
    sys.exit(not report(run()))
