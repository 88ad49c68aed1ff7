"""What it costs to keep the state of an item: claims, results and ends around empty stages.

The calls and transactions are those of ``workers/tasks.py``, in one thread, without a broker.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, text

from shared.db import completion, results, steps, work
from shared.db.blobs import SourceFile
from shared.db.engine import connect, transaction
from shared.db.items import NewItem
from shared.db.jobs import NewJob, create_job
from shared.db.migrate import migrate
from shared.db.states import Stage
from shared.db.work import Claim
from shared.queue import ASSEMBLE_BATCH, Queue
from tests.bench.figures import Figure, report
from tests.bench.running import one, stores

PART = "state"
OWNER = "user_1"
ITEMS = 2000
EMPTY_TRANSACTIONS = 2000
SUBMIT, MEASURE, ASSEMBLE, MERGE = "submit", "measure", "assemble", "merge"


def submit(engine: Engine, count: int, first: int = 0) -> str:
    """Store a job of images that nobody ever looks into."""
    hashes = [f"{number:064x}" for number in range(first, first + count)]
    sources = [SourceFile(f"{each[-8:]}.png", each, 1, "image/png") for each in hashes]
    new = NewJob(
        owner_id=OWNER,
        name="bench",
        mode="cv",
        priority=10,
        options={"token_types": ["color"]},
        sources=sources,
        request_id="bench",
        items=[NewItem(source.filename, source.sha256) for source in sources],
    )
    with transaction(engine) as connection:
        return create_job(connection, new).job_id


def take(engine: Engine, queue: Queue) -> list[Claim]:
    """Claim as the task does: several where they are cheap."""
    with transaction(engine) as connection:
        claims = work.claim(connection, queue, "bench")
        if claims and claims[0].key.stage is Stage.ASSEMBLE:
            more = ASSEMBLE_BATCH - 1
            claims += work.claim(connection, queue, "bench", more, only=Stage.ASSEMBLE)
        completion.begin(connection, claims)
    return claims


def measure_all(engine: Engine) -> None:
    """End every measurement, one at a time."""
    while claims := take(engine, Queue.CV):
        with transaction(engine) as connection:
            for claim in claims:
                work.finish(connection, claim, {})
                results.store_image_size(connection, claim.key.sha256, 1, 1)
            steps.advance_keys(connection, [claim.key for claim in claims])


def assemble_all(engine: Engine) -> None:
    """Read what assembling reads, and end it, some at a time."""
    while claims := take(engine, Queue.IO):
        if claims[0].key.stage is Stage.MERGE:
            merge(engine, claims[0])
            return
        with transaction(engine) as connection:
            results.read_parts(connection, [claim.id for claim in claims])
        with transaction(engine) as connection:
            for claim in claims:
                work.finish(connection, claim, {})
            steps.advance_keys(connection, [claim.key for claim in claims])


def merge(engine: Engine, claim: Claim) -> None:
    """Read what merging reads, and end the job."""
    job_id = claim.key.options_hash
    with transaction(engine) as connection:
        found = list(results.iterate_assembled(connection, job_id))
    with transaction(engine) as connection:
        work.finish(connection, claim, {})
        names = [item.filename for item in found]
        results.store_job_tokens(connection, job_id, claim.key.pipeline_version, names, {})
        steps.advance_keys(connection, [claim.key])


def empty_transactions(engine: Engine) -> None:
    """Ask the database for nothing, each time in a transaction of its own."""
    for _ in range(EMPTY_TRANSACTIONS):
        with transaction(engine) as connection:
            connection.execute(text("SELECT 1"))


def commits(engine: Engine) -> int:
    """Return how many transactions the database has counted; a session tells as it ends."""
    engine.dispose()
    with transaction(engine) as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
    question = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    return int(one(engine, question).xact_commit)


def cost(engine: Engine, do: Callable[[], object], count: int) -> tuple[float, float]:
    """Return milliseconds and transactions of one of so many things."""
    before = commits(engine)
    start_s = time.perf_counter()
    do()
    ms = 1000 * (time.perf_counter() - start_s) / count
    return ms, (commits(engine) - before) / count


def run() -> list[Figure]:
    """Return milliseconds and transactions an item, stage by stage and in all."""
    with TemporaryDirectory(prefix="copythat-bench-") as directory, stores(Path(directory)) as at:
        migrate(at.database_url)
        engine = connect(at.database_url)
        insert = "INSERT INTO users (id, email, password_hash) VALUES (:id, 'a@b.c', '')"
        with transaction(engine) as connection:
            connection.execute(text(insert), {"id": OWNER})
        empty_ms, _ = cost(engine, lambda: empty_transactions(engine), EMPTY_TRANSACTIONS)
        costs = {
            SUBMIT: cost(engine, lambda: submit(engine, ITEMS), ITEMS),
            MEASURE: cost(engine, lambda: measure_all(engine), ITEMS),
            ASSEMBLE: cost(engine, lambda: assemble_all(engine), ITEMS),
        }
        state = one(engine, "SELECT state FROM jobs").state
        if state != "succeeded":
            raise RuntimeError(f"the job is {state}")
        engine.dispose()
    in_all_ms = sum(ms for ms, _ in costs.values())
    return [
        *(Figure(PART, f"{name}, an item", ms, "ms") for name, (ms, _) in costs.items()),
        Figure(PART, "in all, an item", in_all_ms, "ms"),
        Figure(PART, "in all, an item, in empty transactions", in_all_ms / empty_ms, ""),
        Figure(PART, "transactions an item", sum(count for _, count in costs.values()), ""),
    ]


if __name__ == "__main__":
    sys.exit(not report(run()))
