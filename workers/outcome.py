"""What a stage comes to, and the JSON forms in which stages hand their results on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection

from shared.errors import Problem, Unavailable
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


def load_measurements(stored: dict[str, Any] | None) -> Measurements:
    """Return the measurements that a stage stored.

    Raises:
        Unavailable: They are not there at the moment; the stage is tried again.
    """
    if stored is None:
        raise Unavailable("the measurements of this image are being made again")
    return MEASUREMENTS.validate_python(stored)
