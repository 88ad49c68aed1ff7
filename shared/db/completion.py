"""How a job ends: counters that its items move, and what follows when none is left.

``settle`` derives the answer from the job's rows, so it may run twice or late. A job whose items
have all ended is merged, and ends with its merge.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.db import work
from shared.db.states import JobState, Stage, WorkState
from shared.db.work import WorkKey
from shared.errors import NothingUsable, Problem


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


def count_ended(connection: Connection, job_id: str, ended: Mapping[str, int]) -> None:
    """Move items of a job from pending to how they ended.

    Args:
        connection: An open transaction.
        job_id: Whose items.
        ended: How many ``succeeded`` and ``failed``, and of those ``cached`` and ``degraded``.
    """
    connection.execute(
        text(
            """
            UPDATE jobs SET pending = pending - :succeeded - :failed,
                            succeeded = succeeded + :succeeded, failed = failed + :failed,
                            cached = cached + :cached, degraded = degraded + :degraded,
                            started_at = coalesce(started_at, now())
            WHERE id = :job_id
            """
        ),
        {"job_id": job_id} | {name: int(ended.get(name, 0)) for name in _COUNTED},
    )


_COUNTED = ("succeeded", "failed", "cached", "degraded")


def begin(connection: Connection, claimed: work.Claim) -> None:
    """Show a job as begun when the first of its work is claimed."""
    state = JobState.UNPACKING if claimed.key.stage is Stage.UNPACK else JobState.RUNNING
    connection.execute(
        text(
            """
            UPDATE jobs SET state = :state, started_at = coalesce(started_at, now())
            WHERE id = :job_id AND state = 'queued'
            """
        ),
        {"job_id": claimed.job_id, "state": state.value},
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


def settle(connection: Connection, job_ids: Iterable[str]) -> dict[int, str]:
    """End the jobs that are over, and start the merge of those whose items are.

    Returns:
        Hints that the caller sends after the commit.
    """
    rows = connection.execute(
        text(
            """
            SELECT j.id, j.owner_id, j.pipeline_version, j.priority, j.unpacked, j.total,
                   j.pending, j.succeeded, j.skipped_members, j.error,
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
        {"ids": sorted(job_ids)},
    )
    hints: dict[int, str] = {}
    for row in list(rows):
        hints |= _settle_one(connection, row)
    return hints


def _settle_one(connection: Connection, job: Row[Any]) -> dict[int, str]:
    broken = job.unpack == WorkState.DEAD
    if broken:
        _record_error(connection, job.id, job.unpack_error)
    if job.pending or not (job.unpacked or broken):
        return {}
    if not job.succeeded:
        _end(connection, job.id, job.error or job.unpack_error or _nothing_usable(job))
    elif job.merge == WorkState.DONE:
        _end(connection, job.id, None)
    elif job.merge == WorkState.DEAD:
        _end(connection, job.id, job.merge_error)
    else:
        key = job_key(job.owner_id, job.id, Stage.MERGE, job.pipeline_version)
        return work.enqueue(connection, [key], job.id, job.priority, hinted=True)
    return {}


def _nothing_usable(job: Row[Any]) -> dict[str, Any]:
    """Say why a job came to nothing: its images were bad, or it had none."""
    reason = "no image of this job could be read"
    if not job.total:
        reason = f"it holds no image; {job.skipped_members} other files were skipped"
    return Problem.of(NothingUsable(reason)).as_dict()


def job_key(owner_id: str, job_id: str, stage: Stage, pipeline_version: str) -> WorkKey:
    """Return the key of a stage of the job itself."""
    return WorkKey(owner_id, "", stage, pipeline_version, job_id)


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
               state = CASE WHEN succeeded = 0 THEN 'failed'
                            WHEN succeeded = total AND error IS NULL
                                 AND CAST(:error AS jsonb) IS NULL THEN 'succeeded'
                            ELSE 'partially_succeeded' END
        WHERE id = :job_id
        """
    ).bindparams(bindparam("error", type_=JSONB(none_as_null=True)))
    connection.execute(statement, {"job_id": job_id, "error": error})


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
