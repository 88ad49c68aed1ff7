"""The queue: units of work that are queued in turns, claimed, finished and postponed.

Every write by a worker is fenced by its attempt: a worker that was thought dead and wakes up
changes nothing. ``steps.advance`` says what follows from a change; callers run it in the same
transaction. ``leases.py`` has what happens to units whose worker is gone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.db.states import Stage
from shared.errors import Problem
from shared.queue import Queue, hints_for

# A worker that has not renewed for this long is taken for dead.
LEASE_S = 60
# Tries that end in an error that may pass. Waits grow to two minutes, so this is some minutes.
MAX_ATTEMPTS = 6
# How far a unit takes its owner along in the queue, by the priority of its job: somebody waits
# for an extraction of one image (0) and gets two turns for each of a normal job's (10); what has
# low priority (20) gets one turn for four of a normal job's. Nothing ever waits for good.
TURNS = {0: 1, 10: 2, 20: 8}
TURNS_OF_OTHERS = 2

# How many hints to send to each queue.
Hints = Counter[str]

QUEUES: dict[Stage, Queue] = {
    Stage.UNPACK: Queue.IO,
    Stage.MEASURE: Queue.CV,
    Stage.NAME: Queue.CLAUDE,
    Stage.ASSEMBLE: Queue.IO,
    Stage.MERGE: Queue.IO,
    Stage.PREVIEW: Queue.IO,
    Stage.BATCH: Queue.CLAUDE,
}
# Where units wait for a Message Batch. No hint leads there, and no worker claims from it.
BATCHES = "batches"


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
    # Whether it is the first of its job's.
    begins_job: bool = False


def enqueue(
    connection: Connection,
    keys: Iterable[WorkKey],
    job_id: str | None,
    priority: int,
    *,
    batched: bool = False,
) -> Hints:
    """Queue units that do not exist yet, and canceled ones again.

    Args:
        connection: An open transaction.
        keys: What to queue, in the order in which it should be worked on.
        job_id: The job that wants them.
        priority: Of the job; see ``TURNS``.
        batched: Whether what is named waits for a Message Batch.

    Returns:
        How many hints to send to each queue, after the commit.
    """
    hints: Hints = Counter()
    lanes: defaultdict[tuple[str, str], list[WorkKey]] = defaultdict(list)
    for key in dict.fromkeys(keys):
        waits = batched and key.stage is Stage.NAME
        lanes[key.owner_id, BATCHES if waits else QUEUES[key.stage].value].append(key)
    for (owner_id, queue), lane in sorted(lanes.items()):
        units = _enqueue_lane(connection, owner_id, queue, lane, job_id, priority)
        if queue != BATCHES:
            hints[queue] += hints_for(Queue(queue), units)
    return hints


def _enqueue_lane(
    connection: Connection,
    owner_id: str,
    queue: str,
    keys: Sequence[WorkKey],
    job_id: str | None,
    priority: int,
) -> int:
    """Queue one owner's units behind his others, and beside those of other owners.

    Start-time fair queueing: a unit's turn is one step after its owner's last, but never before
    the turn that is being served now. So owners alternate from the moment each comes, however
    much another has waiting, and a claim is one look at an index.

    Source: P. Goyal, H. Vin, H. Cheng, "Start-time Fair Queuing", SIGCOMM 1996.
    """
    # In one order for all writers, so that no two wait for each other.
    rows = sorted(enumerate(keys), key=lambda row: (row[1].sha256, row[1].stage))
    statement = text(
        """
        WITH served AS (
            SELECT turn FROM work
            WHERE queue = :queue AND state = 'queued' AND not_before <= now()
            ORDER BY turn, priority, id LIMIT 1
        ), lane AS (
            SELECT greatest(coalesce(max(turn) + CAST(:step AS bigint), 0),
                            coalesce((SELECT turn FROM served), 0)) AS turn
            FROM work WHERE queue = :queue AND state = 'queued' AND owner_id = :owner_id
                        AND priority = :priority
        )
        INSERT INTO work (owner_id, sha256, stage, pipeline_version, options_hash, queue, job_id,
                          state, priority, turn, max_attempt)
        SELECT :owner_id, k.sha256, k.stage, k.version, k.options, :queue, :job_id,
               'queued', :priority, lane.turn + k.place * CAST(:step AS bigint), :max_attempts
        FROM lane, unnest(CAST(:sha256 AS text[]), CAST(:stage AS text[]),
                          CAST(:version AS text[]), CAST(:options_hash AS text[]),
                          CAST(:place AS bigint[])) AS k(sha256, stage, version, options, place)
        ON CONFLICT (owner_id, sha256, stage, pipeline_version, options_hash) DO UPDATE
        SET state = 'queued', job_id = excluded.job_id, priority = excluded.priority,
            turn = excluded.turn, lost = 0, max_attempt = work.attempt + excluded.max_attempt,
            not_before = now(), finished_at = NULL, queue = excluded.queue,
            batch_id = CASE excluded.queue WHEN 'batches' THEN work.batch_id END
        WHERE work.state = 'canceled'
        RETURNING id
        """
    )
    parameters = {
        "owner_id": owner_id,
        "queue": queue,
        "job_id": job_id,
        "priority": priority,
        "step": TURNS.get(priority, TURNS_OF_OTHERS),
        "max_attempts": MAX_ATTEMPTS,
        "sha256": [key.sha256 for _, key in rows],
        "stage": [key.stage.value for _, key in rows],
        "version": [key.pipeline_version for _, key in rows],
        "options_hash": [key.options_hash for _, key in rows],
        "place": [place for place, _ in rows],
    }
    return len(connection.execute(statement, parameters).all())


def claim(
    connection: Connection, queue: Queue, worker: str, most: int = 1, only: Stage | None = None
) -> list[Claim]:
    """Take the units of a queue whose turn it is; none when nothing is due.

    Units of stages that this code does not know wait for the newer code that made them.

    Args:
        connection: An open transaction.
        queue: Whose units.
        worker: Who takes them.
        most: How many at most.
        only: Take units of this stage alone.
    """
    rows = connection.execute(
        text(
            """
            WITH picked AS MATERIALIZED (
                SELECT id FROM work
                WHERE queue = :queue AND state = 'queued' AND not_before <= now()
                      AND stage = ANY(:stages)
                ORDER BY turn, priority, id LIMIT :most FOR UPDATE SKIP LOCKED
            )
            UPDATE work SET state = 'running', attempt = attempt + 1, lease_owner = :worker,
                   worker = :worker, started_at = now(),
                   lease_until = now() + make_interval(secs => :lease)
            FROM picked WHERE work.id = picked.id
            RETURNING work.id, owner_id, sha256, stage, pipeline_version, options_hash, job_id,
                      attempt, max_attempt,
                      EXISTS (SELECT FROM jobs j WHERE j.id = job_id AND j.state = 'queued')
                      AS begins_job
            """
        ),
        {
            "queue": queue.value,
            "worker": worker,
            "lease": LEASE_S,
            "most": most,
            "stages": [only.value] if only else [stage.value for stage in Stage],
        },
    )
    return [
        Claim(row.id, _key(row), row.job_id, row.attempt, row.max_attempt, row.begins_job)
        for row in sorted(rows, key=lambda row: row.id)
    ]


def _key(row: Row[Any]) -> WorkKey:
    return WorkKey(
        row.owner_id, row.sha256, Stage(row.stage), row.pipeline_version, row.options_hash
    )


def count_due(connection: Connection, queue: Queue, most: int) -> int:
    """Return how many units of a queue could be claimed now, counting no further than ``most``."""
    count: int = connection.execute(
        text(
            """
            SELECT count(*) FROM (
                SELECT FROM work
                WHERE queue = :queue AND state = 'queued' AND not_before <= now()
                      AND stage = ANY(:stages) LIMIT :most
            ) AS due
            """
        ),
        {"queue": queue.value, "most": most, "stages": [stage.value for stage in Stage]},
    ).scalar_one()
    return count


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


def postpone(connection: Connection, failed: Claim, delay_s: float, *, counts: bool) -> bool:
    """Put a unit back for a later try; False when it is no longer ours.

    The caller buries a unit whose attempts are used up: ``attempt >= max_attempt``.

    Args:
        connection: An open transaction.
        failed: The unit.
        delay_s: How long it waits.
        counts: Whether this try was one of those it has.
    """
    statement = text(
        """
        UPDATE work SET state = 'queued', lease_owner = NULL, lease_until = NULL,
                        max_attempt = max_attempt + :more,
                        not_before = now() + make_interval(secs => :delay)
        WHERE id = :id AND attempt = :attempt AND state = 'running'
        RETURNING id
        """
    )
    parameters = {
        "id": failed.id,
        "attempt": failed.attempt,
        "delay": delay_s,
        "more": 0 if counts else 1,
    }
    return connection.execute(statement, parameters).one_or_none() is not None


def call_off(connection: Connection, unwanted: Claim) -> bool:
    """End a unit that nobody wants any more; False when it is no longer ours."""
    row = connection.execute(
        text(
            """
            UPDATE work SET state = 'canceled', lease_owner = NULL, lease_until = NULL
            WHERE id = :id AND attempt = :attempt AND state = 'running'
            RETURNING id
            """
        ),
        {"id": unwanted.id, "attempt": unwanted.attempt},
    ).one_or_none()
    return row is not None
