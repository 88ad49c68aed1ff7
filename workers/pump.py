"""`python -m workers.pump`: takes back what dead workers held, sends hints, ends what is over.

It holds no state of its own. One pump leads by an advisory lock and the others wait, but two
that both believed they lead would only send a hint twice.
"""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from celery import Celery
from sqlalchemy import Connection, Engine

from shared.db import collecting, completion, deliveries, gates, leases, previews, steps, work
from shared.db.engine import SessionLock, session_lock, transaction
from shared.errors import Unavailable
from shared.logging import configure_logging
from shared.queue import HIGH_WATER, Queue, celery_app, depth, hints_for, publish
from shared.settings import load_settings
from workers.upkeep import UPKEEP, Upkeep

log = structlog.get_logger(__name__)

# How soon a retry that is due, or a hint that was lost, is noticed.
TICK_S = 0.25
# What was lost between two commits is rare.
SWEEP_S = 5.0
# A worker that has sent one message asks for the next by itself, and hints that find too many on
# their way are dropped and cost a worker time.
WEBHOOK_HINTS = 16
# What waits for a batch is in no hurry.
COLLECT_S = 1.0
# Stranded rows mended in one transaction.
SWEEP_ROWS = 500
# A pump that comes to a database that was away lets the living renew their leases first.
MERCY_S = 5.0
# Any number that nobody else uses: "ctpump" in ASCII.
LEADER_LOCK = 0x637470756D70


def tick(engine: Engine, app: Celery) -> None:
    """See that every queue holds hints enough for what is due in it."""
    for queue in Queue:
        with transaction(engine) as connection:
            due = _count_due(connection, queue)
            if due and queue is Queue.CLAUDE:
                gate, now = gates.read_gate(connection)
                due = min(due, gate.room(gates.count_in_flight(connection), now))
        if due:
            publish(app, {queue.value: hints_for(queue, due) - depth(app, queue)})


def _count_due(connection: Connection, queue: Queue) -> int:
    if queue is Queue.WEBHOOKS:
        return deliveries.count_due(connection, WEBHOOK_HINTS)
    return work.count_due(connection, queue, HIGH_WATER)


def collect(engine: Engine, app: Celery) -> None:
    """Put together Message Batches, and see that none is left alone."""
    with transaction(engine) as connection:
        hints = collecting.collect(connection)
        hints += collecting.wake_unwanted(connection)
        hints += collecting.give_up_dead(connection)
    publish(app, hints)


def take_back(engine: Engine, app: Celery) -> None:
    """Queue again what was leased to workers that have not been heard of."""
    with transaction(engine) as connection:
        hints = steps.advance_keys(connection, leases.take_back_expired(connection))
    publish(app, hints)


def sweep(engine: Engine, app: Celery) -> None:
    """Give work to items and jobs that wait for nothing, and let sets grow."""
    with transaction(engine) as connection:
        hints = steps.advance(connection, steps.find_stranded(connection, SWEEP_ROWS))
        hints += completion.settle(connection, completion.find_unsettled(connection, SWEEP_ROWS))
        hints += previews.begin_due(connection)
    publish(app, hints)


@dataclass(slots=True)
class _Duty:
    """Something done again and again."""

    do: Callable[[], None]
    every_s: float
    due_s: float


def lead(upkeep: Upkeep, app: Celery, lock: SessionLock, stop: threading.Event) -> None:
    """Do every duty in its time until told to stop, or until something is away.

    Raises:
        Unavailable: Database, broker or storage is, or the lock was lost.
    """
    engine = upkeep.engine
    now_s = time.monotonic()
    duties = [
        _Duty(partial(take_back, engine, app), TICK_S, now_s + MERCY_S),
        _Duty(partial(sweep, engine, app), SWEEP_S, now_s),
        _Duty(partial(collect, engine, app), COLLECT_S, now_s),
        *(_Duty(partial(do, upkeep), every_s, now_s + every_s) for do, every_s in UPKEEP),
        _Duty(partial(tick, engine, app), TICK_S, now_s),
    ]
    while not stop.wait(TICK_S):
        lock.keep()
        for duty in duties:
            if time.monotonic() >= duty.due_s:
                duty.due_s = time.monotonic() + duty.every_s
                duty.do()


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    configure_logging()
    settings = load_settings()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    upkeep = Upkeep.of(settings)
    app = celery_app(settings.broker_url)
    while not stop.wait(TICK_S):
        try:
            with session_lock(upkeep.engine, LEADER_LOCK) as lock:
                if lock:
                    log.info("pump leads")
                    lead(upkeep, app, lock, stop)
        except Unavailable as error:
            log.warning("pump waits", reason=error.detail)


if __name__ == "__main__":
    main()
