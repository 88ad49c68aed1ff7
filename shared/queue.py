"""Hints: Celery messages that say "there is work in this queue" and nothing else.

PostgreSQL is the queue (``shared/db/work.py``): which unit a hint leads to is decided when a
worker claims it. A hint may be lost, doubled or late without harm, so publishing gives up at once
when the broker does not answer, and the pump tries again.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from functools import lru_cache
from typing import Any

from celery import Celery
from kombu import Producer
from kombu.exceptions import LimitExceeded, OperationalError

from shared.errors import Unavailable

RUN_TASK = "copythat.run"
DELIVER_TASK = "copythat.deliver"
# Hints a queue may hold. Enough to keep every worker busy between two looks of the pump; more
# would do no harm, and no good either, as hints say nothing of whose turn it is.
HIGH_WATER = 200
# Assembling takes a millisecond, so one hint does as many as share the price of a transaction.
ASSEMBLE_BATCH = 32
# Hints for the io queue beyond one a batch: what else is in it is claimed one at a time, and this
# many threads of a worker are to have some of it.
IO_SPARE_HINTS = 4
# How long any one exchange with the broker may take: a frozen broker must not hold a request.
BROKER_TIMEOUT_S = 1.0
# A hint that a worker of Redis' has fetched and not followed for so long is sent to another.
UNFOLLOWED_S = 60
# Workers take turns to look for such hints. Whose turn it was when Redis froze has it so long.
LOOK_TURN_S = 5
# RabbitMQ and workers tell each other this often that they are there: what died without a word,
# as machines do, is noticed in twice this time.
HEARTBEAT_S = 10.0


class Queue(StrEnum):
    """The Celery queues, one a kind of worker."""

    CV = "cv"  # pixels: prefork, one process a core
    CLAUDE = "claude"  # waiting for Claude: threads
    IO = "io"  # archives and rows: threads
    WEBHOOKS = "webhooks"  # messages to users' own servers: the threads of io


@lru_cache
def celery_app(broker_url: str) -> Celery:
    """Return the Celery application, the same for who sends and who works."""
    app = Celery("copythat", broker=broker_url)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=BROKER_TIMEOUT_S,
        broker_heartbeat=HEARTBEAT_S,
        broker_transport_options=_transport_options(broker_url),
        task_publish_retry_policy={"max_retries": 0},
        task_create_missing_queues=True,
        task_default_queue=Queue.IO.value,
        # A disk has no need of hints. Queues are durable and classic: what may be lost is not
        # worth a quorum's copies.
        task_default_delivery_mode="transient",
        worker_send_task_events=False,
        # After a lost connection Celery would raise the prefetch count step by step, each from the
        # thread that ended a task: with AMQP that thread then reads from the socket that the main
        # thread reads from, and a part of a frame is lost to either.
        worker_enable_prefetch_count_reduction=False,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
    )
    return app


def hints_for(queue: Queue, units: int) -> int:
    """Return how many hints it takes for so many units of a queue to be worked on soon."""
    if queue is not Queue.IO:
        return units
    return min(units, IO_SPARE_HINTS + units // ASSEMBLE_BATCH)


def _transport_options(broker_url: str) -> dict[str, Any]:
    """Return what makes any one exchange with a broker end within ``BROKER_TIMEOUT_S``.

    For RabbitMQ the socket itself gets the limit, once its connection is open: py-amqp's
    ``read_timeout`` is an ``SO_RCVTIMEO`` whose ``EAGAIN`` it takes for a reason to read again.
    Hints need no publisher confirms: the pump counts what arrived.
    """
    if broker_url.startswith(("amqp", "pyamqp")):
        return {"max_retries": 0, "on_open": _limit_socket}
    return {
        "socket_timeout": BROKER_TIMEOUT_S,
        "socket_connect_timeout": BROKER_TIMEOUT_S,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        # What a killed worker had fetched and not begun comes back: hints are begun at once.
        "visibility_timeout": UNFOLLOWED_S,
        "unacked_restore_interval": 5,
        "unacked_mutex_expire": LOOK_TURN_S,
        "unacked_restore_throttle": 1,
    }


def _limit_socket(connection: Any) -> None:  # noqa: ANN401 -- amqp.Connection has no types
    """Bound reads and writes of a connection of RabbitMQ's that was just opened."""
    connection.sock.settimeout(BROKER_TIMEOUT_S)


def publish(app: Celery, hints: Mapping[str, int]) -> None:
    """Send hints, to no queue more than ``HIGH_WATER``: the pump sends the rest in time.

    Args:
        app: The Celery application.
        hints: How many for each queue.

    Raises:
        Unavailable: The broker did not take them; some may have been sent.
    """
    with _producer(app) as producer:
        for queue, count in hints.items():
            for _ in range(min(count, HIGH_WATER)):
                name, args = _task_for(queue)
                app.send_task(name, args, queue=queue, producer=producer)


def _task_for(queue: str) -> tuple[str, tuple[str, ...]]:
    return (DELIVER_TASK, ()) if queue == Queue.WEBHOOKS else (RUN_TASK, (queue,))


def depth(app: Celery, queue: Queue) -> int:
    """Return how many hints wait in a queue; one that was never used is made.

    AMQP closes the channel of who asks for a queue that is not there, and answers who declares it.

    Raises:
        Unavailable: The broker does not answer.
    """
    with _producer(app) as producer:
        channel: Any = producer.channel
        declared: Any = app.amqp.queues[queue.value](channel).queue_declare()
        return int(declared.message_count)


@contextmanager
def _producer(app: Celery) -> Iterator[Producer]:
    """Lend a connection to the broker, which is dropped if it fails.

    Raises:
        Unavailable: The broker is away, does not answer or does not let us in.
    """
    try:
        with app.producer_pool.acquire(block=True, timeout=BROKER_TIMEOUT_S) as producer:
            connection: Any = producer.connection
            errors = (
                OperationalError,
                *connection.connection_errors,
                *connection.channel_errors,
            )
            try:
                yield producer
            except errors as error:
                # What comes late on this connection would be taken for the next answer.
                connection.collect()
                raise Unavailable("the broker is not reachable") from error
    except (OperationalError, LimitExceeded) as error:
        raise Unavailable("the broker is not reachable") from error
