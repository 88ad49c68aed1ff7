"""What becomes of the unit of a real worker that is stopped, killed or frozen."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import Engine, Row, text

from cli import service
from cli.service import WorkerQueue
from shared.db.engine import transaction
from shared.queue import Queue, celery_app, publish
from tests.conftest import until
from tests.programs import environment
from tests.shared.db.playing import submit
from workers.lifecycle import SOFT_STOP_S, take_back_from_dead

SHA256 = "e" * 64
# Beyond the time that a worker has to stop.
WITHIN_S = 45.0


@pytest.fixture
def data_dir(tmp_path: Path, engine: Engine, owner_id: str) -> Path:
    """A data directory, and a job of one image that takes forever to read: its file is a pipe."""
    submit(engine, owner_id, ["e"])
    file = tmp_path / "blobs" / SHA256[:2] / SHA256[2:]
    file.parent.mkdir(parents=True)
    os.mkfifo(file)
    return tmp_path


@pytest.fixture
def variables(data_dir: Path, database_url: str, broker_url: str) -> dict[str, str]:
    """What workers are started with."""
    return environment(
        COPYTHAT_DATABASE_URL=database_url,
        COPYTHAT_BROKER_URL=broker_url,
        COPYTHAT_DATA_DIR=str(data_dir),
        PYTHONPATH=service.python_path(),
    )


@contextmanager
def worker(variables: dict[str, str], *options: str) -> Iterator[psutil.Popen]:
    """Run a worker that measures one image at a time until the block ends."""
    log = Path(variables["COPYTHAT_DATA_DIR"]) / "worker.log"
    with log.open("ab") as opened:
        process = psutil.Popen(
            (*service.worker_command([WorkerQueue.CV], 1), *options),
            env=variables,
            stdout=opened,
            stderr=opened,
        )
    try:
        until(lambda: "ready." in log.read_text())
        yield process
    finally:
        for one in (process, *process.children()) if process.is_running() else ():
            one.kill()
        process.wait()


def hint(variables: dict[str, str]) -> None:
    publish(celery_app(variables["COPYTHAT_BROKER_URL"]), {Queue.CV.value: 1})


def unit(engine: Engine) -> Row[Any]:
    with transaction(engine) as connection:
        return connection.execute(
            text("SELECT state, attempt, max_attempt, lost, lease_owner FROM work")
        ).one()


def is_held(engine: Engine, *, lost: int = 0) -> bool:
    row = unit(engine)
    return bool(row.state == "running" and row.lost == lost)


def test_what_a_killed_child_held_is_queued_again_and_worked_on_by_the_next(
    engine: Engine, variables: dict[str, str]
) -> None:
    with worker(variables) as process:
        hint(variables)
        until(lambda: is_held(engine))
        before = unit(engine)
        (child,) = process.children()
        child.kill()
        until(lambda: unit(engine).state == "queued")
        after = unit(engine)
        hint(variables)

        until(lambda: is_held(engine, lost=1))

    assert (after.lost, after.attempt) == (1, 1)
    assert after.max_attempt == before.max_attempt + 1


def test_a_worker_that_starts_takes_back_what_a_killed_one_held(
    engine: Engine, variables: dict[str, str]
) -> None:
    with worker(variables) as process:
        hint(variables)
        until(lambda: is_held(engine))
        process.kill()
        process.wait()
    before = unit(engine)

    with worker(variables, "-P", "threads"):
        until(lambda: unit(engine).state == "queued")

    assert before.state == "running"
    assert unit(engine).lost == 1


def test_a_frozen_worker_keeps_what_it_holds_beside_one_that_starts(
    engine: Engine, variables: dict[str, str]
) -> None:
    with worker(variables) as process:
        hint(variables)
        until(lambda: is_held(engine))
        for one in (process, *process.children()):
            one.send_signal(signal.SIGSTOP)

        assert not take_back_from_dead(engine)
        assert is_held(engine)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_worker_that_is_told_to_stop_gives_back_what_does_not_end(
    engine: Engine, variables: dict[str, str], pool: str
) -> None:
    with worker(variables, "-P", pool) as process:
        hint(variables)
        until(lambda: is_held(engine))
        before = unit(engine)
        process.terminate()
        process.wait(SOFT_STOP_S + WITHIN_S)
        after = unit(engine)

    assert (after.state, after.lost, after.attempt) == ("queued", 0, 1)
    assert after.max_attempt == before.max_attempt + 1


def test_a_worker_with_nothing_in_hand_stops_by_itself(
    data_dir: Path, variables: dict[str, str]
) -> None:
    with worker(variables) as process:
        process.terminate()

        assert process.wait(SOFT_STOP_S + WITHIN_S) == 0

    assert "given back" not in (data_dir / "worker.log").read_text()


def test_a_child_that_has_grown_is_replaced(engine: Engine, variables: dict[str, str]) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE work SET not_before = 'infinity'"))
    with worker(variables, "--max-memory-per-child", "1000") as process:
        (first,) = process.children()
        hint(variables)

        until(lambda: not first.is_running())
        until(lambda: len(process.children()) == 1)
