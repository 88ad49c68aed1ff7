"""How a job ends: counters that its items move, and what follows when none is left.

``settle`` derives the answer from the job's rows, so it may run twice or late. A job whose items
have all ended is merged, and ends with its merge.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.db import deliveries, work
from shared.db.claude_calls import Saving
from shared.db.states import JobState, Stage, WorkState
from shared.db.work import Hints, WorkKey
from shared.errors import NothingUsable, Problem

NOTHING = Saving()


def count_new(connection: Connection, job_id: str, pending: int, failed: int) -> None:
    """Add items to a job's counters."""
    connection.execute(
        text(
            """
            UPDATE jobs SET total = total + :pending + :failed, pending = pending + :pending,
                            failed = failed + :failed
            WHERE id = :job_id
            """
        ),
        {"job_id": job_id, "pending": pending, "failed": failed},
    )


def count_ended(
    connection: Connection,
    job_id: str,
    ended: Mapping[str, int],
    saving: Saving = NOTHING,
) -> None:
    """Move items of a job from pending to how they ended.

    Args:
        connection: An open transaction.
        job_id: Whose items.
        ended: How many ``succeeded``, ``failed`` and were ``canceled``, and of those that
            succeeded how many ``cached`` and ``degraded``.
        saving: What those saved that have names by Claude.
    """
    connection.execute(
        text(
            """
            UPDATE jobs SET pending = pending - :succeeded - :failed - :canceled,
                            succeeded = succeeded + :succeeded, failed = failed + :failed,
                            canceled = canceled + :canceled,
                            cached = cached + :cached, degraded = degraded + :degraded,
                            named = named + :named, spared = spared + :spared,
                            saved_usd = saved_usd + CAST(:saved_usd AS numeric),
                            started_at = coalesce(started_at, now())
            WHERE id = :job_id
            """
        ),
        {
            "job_id": job_id,
            "named": saving.named,
            "spared": saving.spared,
            "saved_usd": saving.usd,
        }
        | {name: int(ended.get(name, 0)) for name in _COUNTED},
    )


_COUNTED = ("succeeded", "failed", "canceled", "cached", "degraded")


def begin(connection: Connection, claimed: Sequence[work.Claim]) -> None:
    """Show jobs as begun when the first of their work is claimed."""
    states = {
        claim.job_id: JobState.UNPACKING if claim.key.stage is Stage.UNPACK else JobState.RUNNING
        for claim in claimed
        if claim.begins_job and claim.job_id is not None
    }
    for job_id in sorted(states):
        connection.execute(
            text(
                """
                UPDATE jobs SET state = :state, started_at = coalesce(started_at, now())
                WHERE id = :job_id AND state = 'queued'
                """
            ),
            {"job_id": job_id, "state": states[job_id].value},
        )


def all_items_known(connection: Connection, job_id: str, skipped_members: int) -> None:
    """Say that no more items will come."""
    connection.execute(
        text(
            """
            UPDATE jobs SET unpacked = true, skipped_members = :skipped,
                            state = CASE WHEN state = 'unpacking' THEN 'running' ELSE state END
            WHERE id = :job_id
            """
        ),
        {"job_id": job_id, "skipped": skipped_members},
    )


def settle(connection: Connection, job_ids: Iterable[str]) -> Hints:
    """End the jobs that are over, and start the merge of those whose items are.

    Returns:
        Hints that the caller sends after the commit.
    """
    wanted = sorted(job_ids)
    if not wanted:
        return Counter()
    rows = connection.execute(
        text(
            """
            SELECT j.id, j.owner_id, j.pipeline_version, j.priority, j.unpacked, j.total,
                   j.pending, j.succeeded, j.skipped_members, j.error, j.cancel_asked_at,
                   u.state AS unpack, u.error AS unpack_error,
                   g.state AS merge, g.error AS merge_error
            FROM jobs j
            LEFT JOIN work u ON u.owner_id = j.owner_id AND u.sha256 = ''
                 AND u.stage = 'unpack' AND u.pipeline_version = j.pipeline_version
                 AND u.options_hash = j.id
            LEFT JOIN work g ON g.owner_id = j.owner_id AND g.sha256 = ''
                 AND g.stage = 'merge' AND g.pipeline_version = j.pipeline_version
                 AND g.options_hash = j.id
            WHERE j.id = ANY(:ids) AND j.state IN ('queued', 'unpacking', 'running')
            ORDER BY j.id FOR UPDATE OF j
            """
        ),
        {"ids": wanted},
    )
    hints: Hints = Counter()
    for row in list(rows):
        hints += _settle_one(connection, row)
    return hints


def _settle_one(connection: Connection, job: Row[Any]) -> Hints:
    broken = job.unpack == WorkState.DEAD
    if broken:
        _record_error(connection, job.id, job.unpack_error)
    called_off = job.cancel_asked_at is not None and job.unpack != WorkState.RUNNING
    if job.pending or not (job.unpacked or broken or called_off):
        return Counter()
    if not job.succeeded and job.cancel_asked_at is not None:
        _end(connection, job.id, None)
    elif not job.succeeded:
        _end(connection, job.id, job.error or job.unpack_error or _nothing_usable(job))
    elif job.merge == WorkState.DONE:
        _end(connection, job.id, None)
    elif job.merge == WorkState.DEAD:
        _end(connection, job.id, job.merge_error)
    else:
        key = job_key(job.owner_id, job.id, Stage.MERGE, job.pipeline_version)
        return work.enqueue(connection, [key], job.id, job.priority)
    return Counter()


def _nothing_usable(job: Row[Any]) -> dict[str, Any]:
    """Say why a job came to nothing: its images were bad, or it had none."""
    reason = "no image of this job could be read"
    if not job.total:
        reason = f"it holds no image; {job.skipped_members} other files were skipped"
    return Problem.of(NothingUsable(reason)).as_dict()


def job_key(owner_id: str, job_id: str, stage: Stage, pipeline_version: str) -> WorkKey:
    """Return the key of a stage of the job itself."""
    return WorkKey(owner_id, "", stage, pipeline_version, job_id)


def revive(connection: Connection, owner_id: str, job_id: str, stages: Collection[Stage]) -> None:
    """Let stages of the job itself be queued once more."""
    connection.execute(
        text(
            """
            UPDATE work SET state = 'canceled', error = NULL
            WHERE owner_id = :owner_id AND sha256 = '' AND options_hash = :job_id
              AND stage = ANY(:stages) AND state IN ('done', 'dead')
            """
        ),
        {"owner_id": owner_id, "job_id": job_id, "stages": [stage.value for stage in stages]},
    )


def _record_error(connection: Connection, job_id: str, error: dict[str, Any]) -> None:
    """Keep why a job's archives could not be read to the end."""
    statement = text(
        "UPDATE jobs SET unpacked = true, error = :error, "
        "state = CASE state WHEN 'unpacking' THEN 'running' ELSE state END WHERE id = :job_id"
    ).bindparams(bindparam("error", type_=JSONB))
    connection.execute(statement, {"job_id": job_id, "error": error})


def _end(connection: Connection, job_id: str, error: dict[str, Any] | None) -> None:
    """Write a job's terminal state, told by its counters and its error."""
    statement = text(
        """
        UPDATE jobs SET error = coalesce(error, :error), finished_at = now(),
               started_at = coalesce(started_at, now()),
               state = CASE WHEN cancel_asked_at IS NOT NULL THEN 'canceled'
                            WHEN succeeded = 0 THEN 'failed'
                            WHEN succeeded = total AND error IS NULL
                                 AND CAST(:error AS jsonb) IS NULL THEN 'succeeded'
                            ELSE 'partially_succeeded' END
        WHERE id = :job_id
        """
    ).bindparams(bindparam("error", type_=JSONB(none_as_null=True)))
    connection.execute(statement, {"job_id": job_id, "error": error})
    deliveries.announce(connection, job_id)


def find_unsettled(connection: Connection, limit: int) -> list[str]:
    """Return open jobs whose items are all over and known, and that nothing works on."""
    rows = connection.execute(
        text(
            """
            SELECT j.id FROM jobs j
            WHERE j.state IN ('queued', 'unpacking', 'running') AND j.pending = 0
              AND NOT EXISTS (
                SELECT FROM work w
                WHERE w.owner_id = j.owner_id AND w.sha256 = '' AND w.options_hash = j.id
                  AND w.stage IN ('unpack', 'merge') AND w.state IN ('queued', 'running')
              )
            ORDER BY j.id LIMIT :limit
            """
        ),
        {"limit": limit},
    )
    return [row.id for row in rows]
