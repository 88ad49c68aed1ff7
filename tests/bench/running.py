"""The service as `copythat up` runs it, on a PostgreSQL and a Redis that the benchmark sees."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from sqlalchemy import Engine, Row, text

from cli import data_dir, servers
from shared.db.engine import connect, transaction
from tests.conftest import running, until
from tests.end_to_end.conftest import Service, up
from tests.fakes.claude import ClaudeServer

LONGEST_JOB_S = 600.0


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the database and the broker are."""

    database_url: str
    broker_url: str


@dataclass(frozen=True, slots=True)
class Bench:
    """A running service, and a look behind it."""

    service: Service
    engine: Engine
    stores: Stores
    scratch: Path


@contextmanager
def stores(scratch: Path) -> Iterator[Stores]:
    """Run an empty PostgreSQL and a Redis until the block ends."""
    with data_dir.claim(scratch / "stores") as place:
        account = servers.server_account(place)
        binaries = servers.postgres_binaries(account)
        servers.prepare_postgres(place, binaries, account)
        sockets = data_dir.make_socket_dir(place, account)
        postgres = servers.postgres_program(place, binaries, sockets, account)
        redis = servers.redis_program(place, sockets)
        with (
            running(postgres, lambda: servers.postgres_ready(place)),
            running(redis, lambda: servers.redis_ready(sockets)),
        ):
            yield Stores(servers.database_url(sockets), servers.broker_url(sockets))


@contextmanager
def bench(**variables: str) -> Iterator[Bench]:
    """Run the whole service with 2 cv workers until the block ends."""
    with TemporaryDirectory(prefix="copythat-bench-") as directory, ClaudeServer() as claude:
        scratch = Path(directory)
        with stores(scratch) as found:
            urls = {
                "COPYTHAT_DATABASE_URL": found.database_url,
                "COPYTHAT_BROKER_URL": found.broker_url,
            }
            (scratch / "up").mkdir()
            with up(scratch / "up", claude, **urls, **variables) as service:
                engine = connect(found.database_url)
                yield Bench(service, engine, found, scratch)
                engine.dispose()


def hand_in(http: httpx.Client, archive: Path, **options: object) -> str:
    """Submit an archive and return the job's id."""
    with archive.open("rb") as file:
        answer = http.post(
            "/jobs",
            files=[("files", (archive.name, file))],
            data={"options": json.dumps({"mode": "cv"} | options)},
            timeout=120,
        )
    answer.raise_for_status()
    return str(answer.json()["id"])


@dataclass(frozen=True, slots=True)
class Times:
    """When a job was stored, when its last item ended and when it did itself."""

    created_at: datetime
    items_ended_at: datetime
    finished_at: datetime

    @property
    def items_s(self) -> float:
        """From the stored job to the end of its last item."""
        return (self.items_ended_at - self.created_at).total_seconds()

    @property
    def whole_s(self) -> float:
        """From the stored job to its end, the merge included."""
        return (self.finished_at - self.created_at).total_seconds()


def await_end(engine: Engine, job_id: str) -> Times:
    """Wait for a job's success, looking by primary key, which costs it nothing."""
    question = "SELECT state, total, succeeded, finished_at, created_at FROM jobs WHERE id = :id"

    def ended() -> bool:
        return one(engine, question, id=job_id).finished_at is not None

    until(ended, within_s=LONGEST_JOB_S)
    job = one(engine, question, id=job_id)
    if job.state != "succeeded":
        message = f"{job_id} is {job.state}: {job.succeeded} of {job.total} succeeded"
        raise RuntimeError(message)
    last = one(engine, "SELECT max(finished_at) AS at FROM items WHERE job_id = :id", id=job_id)
    return Times(job.created_at, last.at, job.finished_at)


def one(engine: Engine, question: str, **parameters: object) -> Row[Any]:
    """Return the one row that answers a question to the database."""
    with transaction(engine) as connection:
        return connection.execute(text(question), parameters).one()
