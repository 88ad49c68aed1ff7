"""The Celery application, and what each worker process connects to.

Importing this module connects to nothing: a prefork parent imports, its children connect on
their first task, so that no connection is shared across a fork.
"""

import os
import resource
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from celery import Celery
from celery.concurrency import prefork
from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_init,
    worker_ready,
    worker_shutting_down,
)
from kombu.transport import redis
from kombu.transport.virtual import base
from sqlalchemy import Engine

from shared.blobs import BlobStore, open_store
from shared.db.engine import connect
from shared.image_size import ImageLimits
from shared.logging import configure_logging
from shared.queue import celery_app
from shared.settings import GIB, Settings, load_settings
from workers.leases import Leases
from workers.lifecycle import end_in_time, process_name, start_recovery

# A measurement takes a fraction of a second, the largest image some ten. What takes longer hangs.
TASK_LIMIT_S = 120
# Children are replaced now and then, so that no leak of a decoder grows for hours.
TASKS_PER_CHILD = 200
# The most a child may ever have used and go on: what a large image took (some 30 bytes a pixel)
# stays with its child, while another child may be given the next.
MEMORY_PER_CHILD_KB = 500_000
# What a child may address: 2 GB for the largest image, half as much for programs and libraries,
# and room. A decoder that asks for more fails, and with it the one image.
ADDRESS_SPACE_BYTES = 4 * GIB

# A look at the children is a system call for each.
CHILDREN_EVERY_S = 0.5


class HintQoS(redis.QoS):
    """Frees the place of a hint even when Redis can no longer be told.

    Kombu keeps the place taken. A worker whose every place was taken when Redis went away would
    then never read again, so never notice, and so never connect again.
    """

    def ack(self, delivery_tag: str) -> None:
        """Take a hint as followed; a hint that Redis sends again does no harm."""
        try:
            super().ack(delivery_tag)
        finally:
            base.QoS.ack(self, delivery_tag)


def create_app() -> Celery:
    """Return the application that `celery -A workers.app` runs."""
    redis.Channel.QoS = HintQoS
    application = celery_app(load_settings().broker_url)
    application.conf.update(
        imports=("workers.tasks", "workers.webhooks"),
        task_time_limit=TASK_LIMIT_S,
        worker_max_tasks_per_child=TASKS_PER_CHILD,
        worker_max_memory_per_child=MEMORY_PER_CHILD_KB,
    )
    return application


app = create_app()


@setup_logging.connect
def _configure_logging(**_: Any) -> None:  # noqa: ANN401 -- Celery's signature
    configure_logging()


@worker_process_init.connect
def _begin_child(**_: Any) -> None:  # noqa: ANN401 -- Celery's signature
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, most))
    start_recovery(this_site().engine)


@worker_init.connect
def _recover_in_worker(sender: Any, **_: Any) -> None:  # noqa: ANN401 -- Celery's signature
    """Recover where the work is done: a parent of processes connects to nothing."""
    if not issubclass(sender.pool_cls, prefork.TaskPool):
        start_recovery(this_site().engine)


@worker_ready.connect
def _replace_children_soon(sender: Any, **_: Any) -> None:  # noqa: ANN401 -- Celery's signature
    """Look for dead children often.

    Celery is woken when a child's pipes close, which is before the child can be waited for. It
    then often finds no death, and looks again after 5 s.
    """
    sender.hub.call_repeatedly(CHILDREN_EVERY_S, sender.pool.maintain_pool)


@worker_shutting_down.connect
def _end_in_time(**_: Any) -> None:  # noqa: ANN401 -- Celery's signature
    end_in_time(load_settings().database_url)


@dataclass(frozen=True, slots=True)
class Site:
    """What a worker process works with."""

    settings: Settings
    engine: Engine
    blobs: BlobStore
    leases: Leases
    name: str

    @property
    def image_limits(self) -> ImageLimits:
        """The limits that the settings put on an image."""
        return ImageLimits(
            max_pixels=self.settings.max_image_pixels,
            max_side_px=self.settings.max_image_side_px,
            max_bytes=self.settings.max_image_bytes,
        )


@lru_cache(maxsize=1)
def this_site() -> Site:
    """Connect this process; the same answer ever after."""
    settings = load_settings()
    engine = connect(settings.database_url)
    blobs = open_store(settings.blob_url, settings.blob_dir)
    return Site(settings, engine, blobs, Leases(engine), process_name(os.getpid()))
