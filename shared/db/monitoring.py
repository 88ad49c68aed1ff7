"""What operators watch: how much waits, who works, how fast it goes, what fails."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

# How far rates look back: long enough to be steady, short enough to be of now.
PACE_MINUTES = 5
# How far failures look back.
FAILURES_HOURS = 24
# Reasons that are told; the rest are rare.
MOST_FAILURES = 10


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue: what waits and since when, and what runs."""

    queue: str
    waiting: int
    running: int
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class StagePace:
    """A stage lately: workers that did any of it, units a minute, and the seconds that one takes.

    One of twenty takes longer than ``slow_s``.
    """

    stage: str
    workers: int
    per_minute: float
    median_s: float
    slow_s: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Why units of work failed lately, and how many did."""

    stage: str
    code: str
    title: str
    count: int


def read_queues(connection: Connection) -> list[QueueState]:
    """Return each queue that holds anything."""
    rows = connection.execute(
        text(
            """
            SELECT queue, count(*) FILTER (WHERE state = 'queued') AS waiting,
                   count(*) FILTER (WHERE state = 'running') AS running,
                   CAST(extract(epoch FROM now() - min(created_at) FILTER (WHERE state = 'queued'))
                        AS float) AS oldest_s
            FROM work WHERE state IN ('queued', 'running') GROUP BY queue ORDER BY queue
            """
        )
    )
    return [QueueState(*row) for row in rows]


def read_pace(connection: Connection) -> list[StagePace]:
    """Return how fast each stage went in the last minutes."""
    rows = connection.execute(
        text(
            """
            SELECT stage, count(DISTINCT worker) AS workers,
                   count(*) / CAST(:minutes AS float) AS per_minute,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY took) AS median_s,
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY took) AS slow_s
            FROM (
                SELECT stage, worker, extract(epoch FROM finished_at - started_at) AS took
                FROM work
                WHERE state = 'done' AND finished_at > now() - make_interval(mins => :minutes)
            ) lately
            GROUP BY stage ORDER BY per_minute DESC, stage
            """
        ),
        {"minutes": PACE_MINUTES},
    )
    return [StagePace(*row) for row in rows]


def read_failures(connection: Connection) -> list[Failure]:
    """Return the reasons of failures in the last hours, the most frequent first."""
    rows = connection.execute(
        text(
            """
            SELECT stage, error ->> 'code', error ->> 'title', count(*) FROM work
            WHERE state = 'dead' AND finished_at > now() - make_interval(hours => :hours)
            GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2 LIMIT :most
            """
        ),
        {"hours": FAILURES_HOURS, "most": MOST_FAILURES},
    )
    return [Failure(*row) for row in rows]
