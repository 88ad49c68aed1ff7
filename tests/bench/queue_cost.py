"""Items a second where nothing is left to measure, against Celery tasks that do nothing."""

import subprocess
import sys
import threading
from pathlib import Path

from cli.service import python
from shared.queue import celery_app
from tests.bench.figures import ROOT, Figure, report
from tests.bench.noop import QUEUE
from tests.bench.pictures import tiny, write_zip
from tests.bench.running import Bench, Times, await_end, bench, hand_in, one
from tests.conftest import until
from tests.programs import environment

PART = "queue"
NOOPS = 5000
ITEMS = 2000
# PostgreSQL's processes tell what they counted after ten idle seconds at the latest
# (PGSTAT_IDLE_INTERVAL in pgstat.c).
COUNTED_AFTER_S = 11.0


def noops_per_s(running: Bench, pool: str, processes: int) -> float:
    """Return how many of its waiting tasks a fresh worker does in a second."""
    app = celery_app(running.stores.broker_url)
    first, last = (running.scratch / f"{pool}-{name}" for name in ("first", "last"))
    app.send_task("bench.mark", (str(first),), queue=QUEUE)
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(NOOPS):
            app.send_task("bench.noop", queue=QUEUE, producer=producer)
    app.send_task("bench.mark", (str(last),), queue=QUEUE)
    options = ("-Q", QUEUE, "-P", pool, "-c", str(processes), "--loglevel", "WARNING")
    command = python("celery", "-A", "tests.bench.noop", "worker", *options)
    variables = environment(COPYTHAT_BROKER_URL=running.stores.broker_url, PYTHONPATH=str(ROOT))
    quiet = ("--without-gossip", "--without-mingle")
    worker = subprocess.Popen((*command, *quiet), env=variables)  # noqa: S603 -- our own
    try:
        until(last.exists, within_s=60)
    finally:
        worker.terminate()
        worker.wait(30)
    return NOOPS / (float(last.read_text()) - float(first.read_text()))


def timed(running: Bench, archive: Path, **options: object) -> Times:
    """Hand an archive in and wait for its end."""
    with running.service.client() as http:
        return await_end(running.engine, hand_in(http, archive, **options))


def commits(running: Bench) -> int:
    """Return how many transactions the database has counted, all of them told."""
    threading.Event().wait(COUNTED_AFTER_S)
    question = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    return int(one(running.engine, question).xact_commit)


def run() -> list[Figure]:
    """Return rates, ratios and transactions of three jobs over the same images."""
    with bench() as running:
        archive = write_zip(running.scratch / "tiny.zip", tiny(ITEMS))
        measured = timed(running, archive)
        before = commits(running)
        assembled = timed(running, archive, token_types=["color", "spacing"])
        between = commits(running)
        cached = timed(running, archive)
        noops = {
            pool: noops_per_s(running, pool, count)
            for pool, count in (("prefork", 2), ("threads", 4))
        }
    fastest = max(noops.values())
    steps = [("all stages, tiny images", measured), ("measured before", assembled)]
    steps += [("all cached", cached)]
    rates = {name: ITEMS / times.whole_s for name, times in steps}
    return [
        *(Figure(PART, f"Celery no-ops, {pool}", rate, "tasks/s") for pool, rate in noops.items()),
        *(Figure(PART, f"{name}, unpacking to merge", rates[name], "items/s") for name in rates),
        Figure(PART, "measured before / fastest no-ops", rates["measured before"] / fastest, "",
               0.25),
        Figure(PART, "all cached / fastest no-ops", rates["all cached"] / fastest, "", 0.25),
        Figure(PART, "of it the merge, measured before",
               1 - assembled.items_s / assembled.whole_s, ""),
        Figure(PART, "of it the merge, all cached", 1 - cached.items_s / cached.whole_s, ""),
        Figure(PART, "transactions an item, measured before", (between - before) / ITEMS, ""),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(not report(run()))
