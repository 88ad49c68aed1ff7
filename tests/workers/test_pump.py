"""The pump over a real PostgreSQL and a real Redis."""

from collections.abc import Iterator

import kombu
import pytest
from celery import Celery
from sqlalchemy import Engine, text

from shared.db import jobs, work
from shared.db.engine import session_lock, transaction
from shared.db.items import NewItem
from shared.db.jobs import NewJob, SourceFile
from shared.errors import Unavailable
from shared.queue import Queue, celery_app, depth, publish
from workers.pump import HIGH_WATER, LEADER_LOCK, recall, sweep, tick

IMAGES = HIGH_WATER + 50


@pytest.fixture
def app(broker_url: str) -> Iterator[Celery]:
    """The Celery application over empty queues."""
    application = celery_app(broker_url)
    yield application
    for queue in Queue:
        purge(application, queue)


def purge(app: Celery, queue: Queue) -> None:
    with app.connection_for_write() as connection:
        kombu.Queue(queue.value, channel=connection.default_channel).purge()


@pytest.fixture
def job_id(engine: Engine, owner_id: str) -> str:
    """A job of more images than a queue takes hints."""
    names = [f"{n:064x}" for n in range(IMAGES)]
    sources = [SourceFile(name, name, 1, "image/png") for name in names]
    new = NewJob(
        owner_id,
        "job",
        "cv",
        0,
        {"token_types": ["color"]},
        sources,
        "request",
        [NewItem(name, name) for name in names],
    )
    with transaction(engine) as connection:
        created = jobs.create_job(connection, new)
    assert created.hints == {}, "a large job leaves its hints to the pump"
    return created.job_id


@pytest.mark.usefixtures("job_id")
def test_hints_stop_at_the_high_water_mark(engine: Engine, app: Celery) -> None:
    for _ in range(3):
        tick(engine, app)

    assert depth(app, Queue.CV) == HIGH_WATER


@pytest.mark.usefixtures("job_id")
def test_a_broker_that_lost_everything_is_filled_again(engine: Engine, app: Celery) -> None:
    tick(engine, app)
    purge(app, Queue.CV)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE work SET hinted_at = now() - interval '31 s'"))

    tick(engine, app)

    assert depth(app, Queue.CV) == HIGH_WATER


@pytest.mark.usefixtures("job_id")
def test_a_pump_that_finds_queues_empty_does_not_wait_for_lost_hints(
    engine: Engine, app: Celery
) -> None:
    tick(engine, app)
    purge(app, Queue.CV)

    recall(engine, app)
    tick(engine, app)

    assert depth(app, Queue.CV) == HIGH_WATER


@pytest.mark.usefixtures("job_id")
def test_hints_that_are_still_there_are_not_sent_twice(engine: Engine, app: Celery) -> None:
    with transaction(engine) as connection:
        (work_id,) = work.take_ready(connection, Queue.CV, 1)
    publish(app, {work_id: Queue.CV.value})

    recall(engine, app)

    with transaction(engine) as connection:
        assert work_id not in work.take_ready(connection, Queue.CV, IMAGES)


@pytest.mark.usefixtures("job_id")
def test_an_expired_lease_is_hinted_again(engine: Engine, app: Celery) -> None:
    with transaction(engine) as connection:
        (work_id,) = work.take_ready(connection, Queue.CV, 1)
        work.claim(connection, work_id, "dead worker")
        connection.execute(text("UPDATE work SET lease_until = now() WHERE state = 'running'"))

    tick(engine, app)
    with transaction(engine) as connection:
        row = connection.execute(
            text("SELECT state, lost, attempt FROM work WHERE id = :id"), {"id": work_id}
        ).one()

    assert (row.state, row.lost, row.attempt) == ("queued", 1, 1)


@pytest.mark.usefixtures("job_id")
def test_a_sweep_with_nothing_stranded_changes_nothing(engine: Engine, app: Celery) -> None:
    sweep(engine, app)

    assert depth(app, Queue.IO) == 0


def test_only_one_pump_leads(engine: Engine) -> None:
    with session_lock(engine, LEADER_LOCK) as first, session_lock(engine, LEADER_LOCK) as second:
        both = (first, second)
    with session_lock(engine, LEADER_LOCK) as after:
        pass

    assert both == (True, False)
    assert after is True


def test_a_broker_that_is_away_is_said_at_once() -> None:
    app = celery_app("redis://127.0.0.1:1/0")

    with pytest.raises(Unavailable):
        publish(app, {1: "cv"})
    with pytest.raises(Unavailable):
        depth(app, Queue.CV)
