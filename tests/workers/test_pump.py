"""The pump over a real PostgreSQL and a real Redis."""

from collections.abc import Iterator

import kombu
import pytest
from celery import Celery
from sqlalchemy import Engine, text

from shared.db import jobs, steps, work
from shared.db.blobs import SourceFile
from shared.db.engine import session_lock, transaction
from shared.db.items import NewItem
from shared.db.jobs import NewJob
from shared.errors import Unavailable
from shared.queue import ASSEMBLE_BATCH, HIGH_WATER, Queue, celery_app, depth, publish
from workers.pump import LEADER_LOCK, sweep, take_back, tick

IMAGES = HIGH_WATER + 50


@pytest.fixture
def app(broker_url: str) -> Iterator[Celery]:
    """The Celery application over empty queues."""
    application = celery_app(broker_url)
    # Other tests leave hints to nobody.
    for queue in Queue:
        purge(application, queue)
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

    tick(engine, app)

    assert depth(app, Queue.CV) == HIGH_WATER


@pytest.mark.usefixtures("job_id")
def test_no_more_hints_than_work_that_is_due(engine: Engine, app: Celery) -> None:
    with transaction(engine) as connection:
        work.claim(connection, Queue.CV, "worker", IMAGES - 3)

    tick(engine, app)
    tick(engine, app)

    assert depth(app, Queue.CV) == 3


@pytest.mark.usefixtures("job_id")
def test_units_that_are_done_in_batches_share_hints(engine: Engine, app: Celery) -> None:
    with transaction(engine) as connection:
        measured = work.claim(connection, Queue.CV, "worker", IMAGES)
        for claimed in measured:
            work.finish(connection, claimed, {})
        hints = steps.advance_keys(connection, [claimed.key for claimed in measured])

    tick(engine, app)

    batches = IMAGES // ASSEMBLE_BATCH
    assert batches < hints[Queue.IO.value] < 2 * batches
    assert 0 < depth(app, Queue.IO) <= hints[Queue.IO.value]


@pytest.mark.usefixtures("job_id")
def test_an_expired_lease_is_taken_back(engine: Engine, app: Celery) -> None:
    with transaction(engine) as connection:
        (claimed,) = work.claim(connection, Queue.CV, "dead worker")
        connection.execute(text("UPDATE work SET lease_until = now() WHERE state = 'running'"))

    take_back(engine, app)
    with transaction(engine) as connection:
        row = connection.execute(
            text("SELECT state, lost, attempt FROM work WHERE id = :id"), {"id": claimed.id}
        ).one()

    assert (row.state, row.lost, row.attempt) == ("queued", 1, 1)


@pytest.mark.usefixtures("job_id")
def test_a_sweep_with_nothing_stranded_changes_nothing(engine: Engine, app: Celery) -> None:
    sweep(engine, app)

    assert depth(app, Queue.IO) == 0


def end_other_sessions(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        )


def test_only_one_pump_leads(engine: Engine) -> None:
    with session_lock(engine, LEADER_LOCK) as first, session_lock(engine, LEADER_LOCK) as second:
        both = (first is not None, second is not None)
    with session_lock(engine, LEADER_LOCK) as after:
        pass

    assert both == (True, False)
    assert after is not None


def test_a_pump_that_lost_its_session_knows_that_it_leads_no_more(engine: Engine) -> None:
    with session_lock(engine, LEADER_LOCK) as lock:
        assert lock is not None
        lock.keep()
        end_other_sessions(engine)

        with pytest.raises(Unavailable):
            lock.keep()


def test_a_broker_that_is_away_is_said_at_once() -> None:
    app = celery_app("redis://127.0.0.1:1/0")

    with pytest.raises(Unavailable):
        publish(app, {"cv": 1})
    with pytest.raises(Unavailable):
        depth(app, Queue.CV)
