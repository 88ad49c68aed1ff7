"""Who is dead, and what becomes of what the dead held."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from shared.db import work
from shared.db.engine import transaction
from shared.queue import Queue
from tests.conftest import until
from tests.shared.db.playing import submit
from workers.lifecycle import is_dead, process_name, take_back_from_dead


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing until it is ended."""
    wait = (sys.executable, "-c", "import signal; signal.pause()")
    with subprocess.Popen(wait) as running:  # noqa: S603 -- constants
        yield running
        running.kill()


def test_a_running_process_is_not_dead(process: subprocess.Popen[bytes]) -> None:
    assert not is_dead(process_name(process.pid))
    assert not is_dead(process_name(os.getpid()))


def test_a_frozen_process_is_not_dead(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGSTOP)

    assert not is_dead(process_name(process.pid))


def test_a_killed_process_is_dead_before_its_parent_has_looked(
    process: subprocess.Popen[bytes],
) -> None:
    name = process_name(process.pid)

    os.kill(process.pid, signal.SIGKILL)

    until(lambda: is_dead(name))
    assert process.wait() == -signal.SIGKILL
    assert is_dead(name)


def test_another_process_with_the_same_number_is_not_the_same() -> None:
    machine, pid, started = process_name(os.getpid()).split(":")

    assert is_dead(f"{machine}:{pid}:{int(started) - 1}")


@pytest.mark.parametrize("name", ["elsewhere.1:1:1", "worker", "", "a:b:c"])
def test_nobody_elsewhere_is_judged(name: str) -> None:
    assert not is_dead(name)


def test_what_the_dead_held_is_queued_and_counted_and_the_living_keep_theirs(
    engine: Engine, owner_id: str, process: subprocess.Popen[bytes]
) -> None:
    submit(engine, owner_id, list("ab"))
    with transaction(engine) as connection:
        (lost,) = work.claim(connection, Queue.CV, process_name(process.pid))
        (kept,) = work.claim(connection, Queue.CV, process_name(os.getpid()))
    process.kill()
    process.wait()

    take_back_from_dead(engine)
    with transaction(engine) as connection:
        rows = connection.execute(text("SELECT id, state, lost FROM work ORDER BY id"))
        found = {row.id: (row.state, row.lost) for row in rows}

    assert found == {lost.id: ("queued", 1), kept.id: ("running", 0)}
