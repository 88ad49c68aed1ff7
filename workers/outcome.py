"""What a stage comes to, and the JSON forms in which stages hand their results on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection

from shared.errors import CopyThatError, Problem, Unavailable
from workers.measure import Measurements
from workers.names import Naming

MEASUREMENTS = TypeAdapter(Measurements)
NAMING = TypeAdapter(Naming)


def _nothing_else(_connection: Connection) -> None:
    """Write nothing besides the result."""


@dataclass(frozen=True, slots=True)
class Done:
    """A stage's result. ``also`` writes what belongs to it, in the transaction that ends it."""

    value: dict[str, Any]
    degraded: Problem | None = None
    also: Callable[[Connection], None] = _nothing_else


class NotYet(CopyThatError):
    """A stage waits for something outside, and is to be taken up again after some seconds."""

    def __init__(self, delay_s: float) -> None:
        """Keep the delay."""
        super().__init__()
        self.delay_s = delay_s


class Awaited(NotYet):
    """Another unit is making what this one needs. To wait for it is no try."""


class Unmeasured(Unavailable):
    """The measurements that a stage needs are not there at the moment."""


def load_measurements(stored: dict[str, Any] | None) -> Measurements:
    """Return the measurements that a stage stored.

    Raises:
        Unmeasured: They are not there at the moment; the stage is tried again.
    """
    if stored is None:
        raise Unmeasured("the measurements of this image are being made again")
    return MEASUREMENTS.validate_python(stored)
