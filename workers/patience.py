"""Writes that must not be lost: what a worker has found out, or paid for, outlives an outage."""

import threading
from collections.abc import Callable
from typing import TypeVar

import structlog

from shared.errors import Unavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")

# How often a database that is away is tried again.
PAUSE_S = 0.5


def patiently(write: Callable[[], T]) -> T:
    """Repeat a transaction until the database takes it.

    For work in hand, which a worker without its database could not exchange for other work
    anyway. The lease is renewed meanwhile, or, if it was taken, the write is fenced off. A worker
    that is told to stop does not wait for this.
    """
    while True:
        try:
            return write()
        except Unavailable as error:
            log.warning("write repeated", reason=error.detail)
            threading.Event().wait(PAUSE_S)
