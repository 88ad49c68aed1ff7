"""How many messages are on their way at once, and that a real io worker goes on meanwhile."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import kombu
import pytest
from celery import Celery
from sqlalchemy import Engine, text

from cli import service
from cli.service import IO_THREADS, WorkerQueue
from shared.db import webhooks, work
from shared.db.engine import transaction
from shared.db.webhooks import WebhookEvent
from shared.queue import Queue, celery_app, depth, publish
from tests.conftest import until
from tests.programs import environment
from tests.shared.db.playing import drain, finish, submit
from workers.pump import WEBHOOK_HINTS, tick
from workers.webhooks import SLOTS

# More than the worker has threads.
OWNERS = IO_THREADS + 2


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes every call and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=OWNERS * 4) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.fixture
def app(broker_url: str) -> Iterator[Celery]:
    """The Celery application as the pump has it, over a queue that is emptied afterwards."""
    application = celery_app(broker_url)
    yield application
    with application.connection_for_write() as connection:
        kombu.Queue(Queue.WEBHOOKS.value, channel=connection.default_channel).purge()


@pytest.fixture
def io_worker(
    engine: Engine, tmp_path: Path, database_url: str, broker_url: str
) -> Iterator[None]:
    """A worker as `copythat up` runs it."""
    del engine  # Emptied when the worker is gone.
    log = tmp_path / "worker.log"
    with log.open("wb") as opened:
        process = subprocess.Popen(  # noqa: S603 -- our own program
            service.worker_command([WorkerQueue.IO], IO_THREADS),
            env=environment(
                COPYTHAT_DATABASE_URL=database_url,
                COPYTHAT_BROKER_URL=broker_url,
                COPYTHAT_DATA_DIR=str(tmp_path),
                COPYTHAT_WEBHOOK_ALLOW_PRIVATE="true",
                PYTHONPATH=service.python_path(),
            ),
            stdout=opened,
            stderr=opened,
        )
    try:
        until(lambda: "ready." in log.read_text())
        yield
    finally:
        process.kill()
        process.wait()


def owe_messages(engine: Engine, url: str) -> None:
    """Let jobs of many users end, each of whom wants to be told."""
    for number in range(OWNERS):
        owner_id = f"user_of_{number}"
        with transaction(engine) as connection:
            connection.execute(
                text("INSERT INTO users (id, email, password_hash) VALUES (:id, :id, '')"),
                {"id": owner_id},
            )
            webhooks.register(connection, owner_id, url, list(WebhookEvent), "")
        submit(engine, owner_id, ["a"])
    drain(engine)


def owe_more(engine: Engine) -> None:
    """Let another job of the first of them end."""
    submit(engine, "user_of_0", ["b"])
    drain(engine)


def on_their_way(engine: Engine) -> int:
    with transaction(engine) as connection:
        statement = text("SELECT count(*) FROM webhook_deliveries WHERE lease_until > now()")
        return int(connection.execute(statement).scalar_one())


def was_assembled(engine: Engine, owner_id: str) -> bool:
    """Tell whether a thread took up the assembly; what came of it is another matter."""
    statement = text("SELECT attempt FROM work WHERE stage = 'assemble' AND owner_id = :owner_id")
    with transaction(engine) as connection:
        return bool(connection.execute(statement, {"owner_id": owner_id}).scalar_one())


def test_the_pump_sends_a_hint_an_owner_who_is_to_be_told_and_no_more(
    engine: Engine, app: Celery
) -> None:
    owe_messages(engine, "http://127.0.0.1:9/")
    owe_more(engine)

    tick(engine, app)
    tick(engine, app)

    assert OWNERS <= WEBHOOK_HINTS
    assert depth(app, Queue.WEBHOOKS) == OWNERS


@pytest.mark.usefixtures("io_worker")
def test_receivers_that_hang_take_half_the_threads_and_no_more(
    engine: Engine, owner_id: str, silent: str, app: Celery
) -> None:
    owe_messages(engine, silent)
    publish(app, {Queue.WEBHOOKS: OWNERS})
    until(lambda: on_their_way(engine) == SLOTS)
    submit(engine, owner_id, ["b"])
    with transaction(engine) as connection:
        (measured,) = work.claim(connection, Queue.CV, "played")
    finish(engine, measured)
    publish(app, {Queue.WEBHOOKS: OWNERS, Queue.IO: 1})

    until(lambda: was_assembled(engine, owner_id))

    assert on_their_way(engine) <= SLOTS
    assert SLOTS <= IO_THREADS // 2
