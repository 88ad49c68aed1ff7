"""What has changed in a job since a reader last heard: derived from its rows, never stored.

A job's ``event_seq`` grows with each change of its row, in the order of commits, and an item
keeps the number that its last change went with. So "all items above the number I know, then the
job" tells everything exactly once, however long the reader was away; what changed twice
meanwhile is told once, as it is now.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from shared.db.job_views import JobView, read_job
from shared.db.states import OPEN_JOBS
from shared.errors import NotFound

# An ordinal that no item has: whoever is here has heard of every item of a number.
PAST_ITEMS = 2**31 - 1


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """How far a reader has come: behind an item, or behind the job itself."""

    seq: int
    ordinal: int = PAST_ITEMS


START = Position(0)


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item as its last change left it."""

    id: str
    ordinal: int
    filename: str
    state: str
    cached: bool
    degraded: bool
    error: dict[str, Any] | None
    event_seq: int

    @property
    def position(self) -> Position:
        """Where a reader is who has heard of this change."""
        return Position(self.event_seq, self.ordinal)


@dataclass(frozen=True, slots=True)
class News:
    """What a reader hears next. ``job`` is None while there are more items to hear of first."""

    items: list[ItemChange]
    job: JobView | None


def last_changes(connection: Connection, job_ids: Collection[str]) -> dict[str, int]:
    """Return the number of the last change of each job that there is."""
    rows = connection.execute(
        text("SELECT id, event_seq FROM jobs WHERE id = ANY(:ids)"), {"ids": list(job_ids)}
    )
    return {row.id: row.event_seq for row in rows}


def read_end(connection: Connection, owner_id: str, job_id: str) -> tuple[Position, bool]:
    """Return the position of a reader who has heard everything, and whether the job has ended.

    Raises:
        NotFound: There is no such job, or it is somebody else's.
    """
    row = connection.execute(
        text("SELECT event_seq, state FROM jobs WHERE id = :job_id AND owner_id = :owner_id"),
        {"job_id": job_id, "owner_id": owner_id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"no job {job_id}")
    return Position(row.event_seq), row.state not in OPEN_JOBS


def read_news(
    connection: Connection, owner_id: str, job_id: str, after: Position | None, limit: int
) -> News:
    """Return what a reader hears next; one without a position hears of the job alone.

    Args:
        connection: A transaction in which nothing was done yet.
        owner_id: Who asks.
        job_id: The job.
        after: How far the reader has come.
        limit: How many items at most; the job follows once there are fewer.

    Raises:
        NotFound: There is no such job, or it is somebody else's.
    """
    # The job may only be told with exactly those items that its counters count.
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    items = [] if after is None else _changed_items(connection, job_id, after, limit)
    job = None if len(items) == limit else read_job(connection, owner_id, job_id)
    return News(items, job)


def _changed_items(
    connection: Connection, job_id: str, after: Position, limit: int
) -> list[ItemChange]:
    rows = connection.execute(
        text(
            """
            SELECT id, ordinal, filename, state, cached, degraded, error, event_seq FROM items
            WHERE job_id = :job_id AND event_seq >= :seq
              AND (event_seq, ordinal) > (:seq, :ordinal)
            ORDER BY event_seq, ordinal LIMIT :limit
            """
        ),
        {"job_id": job_id, "seq": after.seq, "ordinal": after.ordinal, "limit": limit},
    )
    return [ItemChange(*row) for row in rows]
