"""The queue: units of work that are claimed, renewed, finished, postponed and taken back.

Every write by a worker is fenced by its attempt: a worker that was thought dead and wakes up
changes nothing. ``items.advance`` says what follows from a change; callers run it in the same
transaction.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.db.states import Stage
from shared.errors import Problem, WorkerLost
from shared.queue import Queue

# A worker that has not renewed for this long is taken for dead; it renews three times as often.
LEASE_S = 60
RENEW_S = 20
# Tries that end in an error that may pass. Waits grow to two minutes, so this is some minutes.
MAX_ATTEMPTS = 6
# Workers that may die on one unit before the unit is what kills them.
MAX_LOST = 3
# A hint not followed by a claim for this long was lost.
REHINT_S = 30

QUEUES: dict[Stage, Queue] = {
    Stage.UNPACK: Queue.IO,
    Stage.MEASURE: Queue.CV,
    Stage.NAME: Queue.CLAUDE,
    Stage.ASSEMBLE: Queue.IO,
    Stage.MERGE: Queue.IO,
}


@dataclass(frozen=True, slots=True)
class WorkKey:
    """What a unit of work is about; the same key is never worked on twice at once."""

    owner_id: str
    sha256: str
    stage: Stage
    pipeline_version: str
    options_hash: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A unit of work in our hands until its lease ends."""

    id: int
    key: WorkKey
    job_id: str | None
    attempt: int
    max_attempt: int


def enqueue(
    connection: Connection, keys: Iterable[WorkKey], job_id: str, priority: int, *, hinted: bool
) -> dict[int, str]:
    """Queue units that do not exist yet, and canceled ones again.

    Args:
        connection: An open transaction.
        keys: What to queue; sorted here, so that two writers cannot wait for each other.
        job_id: The job that wants them.
        priority: Lower runs first.
        hinted: Whether the caller sends the hints itself.

    Returns:
        The ids that were queued, with their queues.
    """
    rows = [
        asdict(key) | {"queue": QUEUES[key.stage].value, "job_id": job_id, "priority": priority}
        for key in sorted(set(keys), key=lambda key: (key.sha256, key.stage, key.options_hash))
    ]
    if not rows:
        return {}
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    statement = text(
        """
        INSERT INTO work (owner_id, sha256, stage, pipeline_version, options_hash, queue, job_id,
                          state, priority, max_attempt, hinted_at)
        SELECT k.*, 'queued', CAST(:priorities AS int), CAST(:max_attempts AS int),
               CASE WHEN :hinted THEN now() END
        FROM unnest(CAST(:owner_id AS text[]), CAST(:sha256 AS text[]), CAST(:stage AS text[]),
                    CAST(:pipeline_version AS text[]), CAST(:options_hash AS text[]),
                    CAST(:queue AS text[]), CAST(:job_id AS text[])) AS k
        ON CONFLICT (owner_id, sha256, stage, pipeline_version, options_hash) DO UPDATE
        SET state = 'queued', job_id = excluded.job_id, priority = excluded.priority, lost = 0,
            max_attempt = work.attempt + excluded.max_attempt, not_before = now(),
            hinted_at = excluded.hinted_at, finished_at = NULL
        WHERE work.state = 'canceled'
        RETURNING id, queue
        """
    )
    columns.pop("priority")
    found = connection.execute(
        statement,
        columns | {"priorities": priority, "max_attempts": MAX_ATTEMPTS, "hinted": hinted},
    )
    return {row.id: row.queue for row in found}


def claim(connection: Connection, work_id: int, worker: str) -> Claim | None:
    """Take a queued unit, or return None: it is done, taken, not due or gone."""
    row = connection.execute(
        text(
            """
            UPDATE work SET state = 'running', attempt = attempt + 1, lease_owner = :worker,
                   worker = :worker, started_at = now(),
                   lease_until = now() + make_interval(secs => :lease)
            WHERE id = :id AND state = 'queued' AND not_before <= now()
            RETURNING id, owner_id, sha256, stage, pipeline_version, options_hash, job_id,
                      attempt, max_attempt
            """
        ),
        {"id": work_id, "worker": worker, "lease": LEASE_S},
    ).one_or_none()
    if row is None:
        return None
    key = WorkKey(
        row.owner_id, row.sha256, Stage(row.stage), row.pipeline_version, row.options_hash
    )
    return Claim(row.id, key, row.job_id, row.attempt, row.max_attempt)


def renew(connection: Connection, claims: Iterable[Claim]) -> set[int]:
    """Lengthen leases and return the ids of those that are still ours."""
    held = list(claims)
    rows = connection.execute(
        text(
            """
            UPDATE work SET lease_until = now() + make_interval(secs => :lease)
            FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[])) AS held(id, attempt)
            WHERE work.id = held.id AND work.attempt = held.attempt AND state = 'running'
            RETURNING work.id
            """
        ),
        {
            "lease": LEASE_S,
            "ids": [claim.id for claim in held],
            "attempts": [claim.attempt for claim in held],
        },
    )
    return {row.id for row in rows}


def finish(
    connection: Connection, done: Claim, value: dict[str, Any], degraded: Problem | None = None
) -> bool:
    """End a unit with its result, in one fenced statement; False when it is no longer ours."""
    statement = text(
        """
        WITH fenced AS (
            UPDATE work SET state = 'done', lease_owner = NULL, lease_until = NULL,
                            finished_at = now()
            WHERE id = :id AND attempt = :attempt AND state = 'running'
            RETURNING id
        )
        INSERT INTO results (work_id, value, degraded)
        SELECT id, :value, :degraded FROM fenced
        ON CONFLICT (work_id) DO UPDATE
        SET value = excluded.value, degraded = excluded.degraded, created_at = now()
        RETURNING work_id
        """
    ).bindparams(bindparam("value", type_=JSONB), bindparam("degraded", type_=JSONB(True)))
    parameters = {
        "id": done.id,
        "attempt": done.attempt,
        "value": value,
        "degraded": degraded.as_dict() if degraded else None,
    }
    return connection.execute(statement, parameters).one_or_none() is not None


def bury(connection: Connection, failed: Claim, problem: Problem) -> bool:
    """End a unit with an error that no further try would mend; False when no longer ours."""
    statement = text(
        """
        UPDATE work SET state = 'dead', error = :error, lease_owner = NULL, lease_until = NULL,
                        finished_at = now()
        WHERE id = :id AND attempt = :attempt AND state = 'running'
        RETURNING id
        """
    ).bindparams(bindparam("error", type_=JSONB))
    parameters = {"id": failed.id, "attempt": failed.attempt, "error": problem.as_dict()}
    return connection.execute(statement, parameters).one_or_none() is not None


def postpone(connection: Connection, failed: Claim, delay_s: float) -> bool:
    """Put a unit back for a later try; False when it is no longer ours.

    The caller buries a unit whose attempts are used up: ``attempt >= max_attempt``.
    """
    statement = text(
        """
        UPDATE work SET state = 'queued', lease_owner = NULL, lease_until = NULL,
                        hinted_at = NULL, not_before = now() + make_interval(secs => :delay)
        WHERE id = :id AND attempt = :attempt AND state = 'running'
        RETURNING id
        """
    )
    parameters = {"id": failed.id, "attempt": failed.attempt, "delay": delay_s}
    return connection.execute(statement, parameters).one_or_none() is not None


def take_back_expired(connection: Connection) -> list[WorkKey]:
    """Queue units whose lease has ended again, and bury those that lost too many workers.

    Returns:
        The keys of the buried ones, whose items the caller advances.
    """
    lost = WorkerLost(f"{MAX_LOST} workers died while they worked on it")
    statement = text(
        """
        UPDATE work
        SET lost = lost + 1, max_attempt = max_attempt + 1, lease_owner = NULL,
            lease_until = NULL, hinted_at = NULL,
            state = CASE WHEN lost + 1 >= :max_lost THEN 'dead' ELSE 'queued' END,
            error = CASE WHEN lost + 1 >= :max_lost THEN CAST(:error AS jsonb) END,
            finished_at = CASE WHEN lost + 1 >= :max_lost THEN now() END,
            not_before = now() + make_interval(secs => power(2, lost) - 1)
        WHERE id IN (
            SELECT id FROM work WHERE state = 'running' AND lease_until < now()
            ORDER BY id FOR UPDATE SKIP LOCKED
        )
        RETURNING owner_id, sha256, stage, pipeline_version, options_hash, state
        """
    ).bindparams(bindparam("error", type_=JSONB))
    rows = connection.execute(
        statement, {"max_lost": MAX_LOST, "error": Problem.of(lost).as_dict()}
    )
    return [
        WorkKey(r.owner_id, r.sha256, Stage(r.stage), r.pipeline_version, r.options_hash)
        for r in rows
        if r.state == "dead"
    ]


def forget_hints(connection: Connection, queue: Queue) -> None:
    """Have the ready units of a queue hinted again at once: its hints are gone."""
    connection.execute(
        text("UPDATE work SET hinted_at = NULL WHERE state = 'queued' AND queue = :queue"),
        {"queue": queue.value},
    )


def take_ready(connection: Connection, queue: Queue, room: int) -> dict[int, str]:
    """Mark due units of a queue as hinted and return them, owners taking turns.

    Args:
        connection: An open transaction.
        queue: Whose units.
        room: How many hints the queue may take.
    """
    rows = connection.execute(
        text(
            """
            WITH due AS (
                SELECT id, priority,
                       row_number() OVER (
                           PARTITION BY owner_id, priority ORDER BY job_id, id
                       ) AS turn
                FROM work
                WHERE state = 'queued' AND queue = :queue AND not_before <= now()
                  AND (hinted_at IS NULL OR hinted_at < now() - make_interval(secs => :rehint))
            )
            UPDATE work SET hinted_at = now()
            WHERE id IN (SELECT id FROM due ORDER BY priority, turn, id LIMIT :room)
            RETURNING id, queue
            """
        ),
        {"queue": queue.value, "rehint": REHINT_S, "room": room},
    )
    return {row.id: row.queue for row in sorted(rows, key=lambda row: row.id)}
