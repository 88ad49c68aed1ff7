"""`python -m workers.pump`: takes back what dead workers held, and publishes hints.

It holds no state of its own. One pump leads by an advisory lock and the others wait, but two
that both believed they lead would only send a hint twice.
"""

import signal
import threading

import structlog
from celery import Celery
from sqlalchemy import Engine

from shared.db import completion, steps, work
from shared.db.engine import connect, session_lock, transaction
from shared.errors import Unavailable
from shared.logging import configure_logging
from shared.queue import Queue, celery_app, depth, publish
from shared.settings import load_settings

log = structlog.get_logger(__name__)

# How soon a retry that is due, or a unit that lost its worker, is noticed.
TICK_S = 0.25
# What was lost between two commits is rare: look for it every so many ticks (5 s).
SWEEP_TICKS = 20
# Hints a queue may hold. Enough to keep every worker busy between two ticks, few enough that a
# broker restarted empty has lost next to nothing.
HIGH_WATER = 200
# Stranded rows mended in one transaction.
SWEEP_ROWS = 500
# Any number that nobody else uses: "ctpump" in ASCII.
LEADER_LOCK = 0x637470756D70


def tick(engine: Engine, app: Celery) -> None:
    """Take back expired leases, and fill each queue up to the high-water mark."""
    with transaction(engine) as connection:
        hints: dict[int, str] = {}
        for key in work.take_back_expired(connection):
            hints |= steps.advance_key(connection, key)
    publish(app, hints)
    for queue in Queue:
        room = HIGH_WATER - depth(app, queue)
        if room > 0:
            with transaction(engine) as connection:
                ready = work.take_ready(connection, queue, room)
            publish(app, ready)


def recall(engine: Engine, app: Celery) -> None:
    """Doubt the hints that were sent into queues that are empty: the broker may be a new one."""
    for queue in Queue:
        if depth(app, queue) == 0:
            with transaction(engine) as connection:
                work.forget_hints(connection, queue)


def sweep(engine: Engine, app: Celery) -> None:
    """Give work to items and jobs that wait for nothing."""
    with transaction(engine) as connection:
        hints = steps.advance(connection, steps.find_stranded(connection, SWEEP_ROWS))
        hints |= completion.settle(connection, completion.find_unsettled(connection, SWEEP_ROWS))
    publish(app, hints)


def lead(engine: Engine, app: Celery, stop: threading.Event) -> None:
    """Tick until told to stop, or until the database or the broker is away.

    Raises:
        Unavailable: One of them is.
    """
    recall(engine, app)
    ticks = 0
    while not stop.wait(TICK_S):
        tick(engine, app)
        if ticks % SWEEP_TICKS == 0:
            sweep(engine, app)
        ticks += 1


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    configure_logging()
    settings = load_settings()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine = connect(settings.database_url)
    app = celery_app(settings.broker_url)
    while not stop.wait(TICK_S):
        try:
            with session_lock(engine, LEADER_LOCK) as leads:
                if leads:
                    log.info("pump leads")
                    lead(engine, app, stop)
        except Unavailable as error:
            log.warning("pump waits", reason=error.detail)


if __name__ == "__main__":
    main()
