"""Hints: Celery messages that say "there is work in this queue" and nothing else.

PostgreSQL is the queue (``shared/db/work.py``): which unit a hint leads to is decided when a
worker claims it. A hint may be lost, doubled or late without harm, so publishing gives up at once
when the broker does not answer, and the pump tries again.
"""

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache

from celery import Celery
from kombu.exceptions import ChannelError, OperationalError

from shared.errors import Unavailable

RUN_TASK = "copythat.run"
# Hints a queue may hold. Enough to keep every worker busy between two looks of the pump; more
# would do no harm, and no good either, as hints say nothing of whose turn it is.
HIGH_WATER = 200
# How long any one exchange with the broker may take: a frozen Redis must not hold a request.
BROKER_TIMEOUT_S = 1.0


class Queue(StrEnum):
    """The Celery queues, one a kind of worker."""

    CV = "cv"  # pixels: prefork, one process a core
    CLAUDE = "claude"  # waiting for Claude: threads
    IO = "io"  # archives and rows: threads


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
        broker_transport_options={
            "socket_timeout": BROKER_TIMEOUT_S,
            "socket_connect_timeout": BROKER_TIMEOUT_S,
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
        },
        task_publish_retry_policy={"max_retries": 0},
        task_create_missing_queues=True,
        task_default_queue=Queue.IO.value,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
    )
    return app


def publish(app: Celery, hints: Mapping[str, int]) -> None:
    """Send hints, to no queue more than ``HIGH_WATER``: the pump sends the rest in time.

    Args:
        app: The Celery application.
        hints: How many for each queue.

    Raises:
        Unavailable: The broker did not take them; some may have been sent.
    """
    try:
        with app.producer_pool.acquire(block=True, timeout=BROKER_TIMEOUT_S) as producer:
            for queue, count in hints.items():
                for _ in range(min(count, HIGH_WATER)):
                    app.send_task(RUN_TASK, (queue,), queue=queue, producer=producer)
    except (OperationalError, OSError) as error:
        raise Unavailable("the broker is not reachable") from error


def depth(app: Celery, queue: Queue) -> int:
    """Return how many hints wait in a queue, 0 when it was never used.

    Raises:
        Unavailable: The broker does not answer.
    """
    try:
        with app.connection_for_write() as connection, suppress(ChannelError):
            declared = connection.default_channel.queue_declare(  # type: ignore[attr-defined]
                queue.value, passive=True
            )
            return int(declared.message_count)
    except (OperationalError, OSError) as error:
        raise Unavailable("the broker is not reachable") from error
    return 0
