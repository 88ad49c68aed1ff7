"""What a user may do to a job after handing it in: cancel it, or try again.

A wish to cancel is one column of the job; what follows for its items is derived, like every other
step, by ``steps.advance``, so a worker or the pump brings about what a dying API did not.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.db import completion, items, steps, work
from shared.db.states import OPEN_JOBS, JobState, Stage, WorkState
from shared.db.work import Hints
from shared.errors import Gone, JobRunning, NotFound, NothingToRetry


def request_cancel(connection: Connection, owner_id: str, job_id: str) -> None:
    """Note that a job is not wanted any more; ``cancel_pending`` ends what waits.

    A job of which every item has ended is let be.

    Raises:
        NotFound: There is no such job, or it is somebody else's.
    """
    job = connection.execute(
        text(
            """
            UPDATE jobs SET cancel_asked_at = CASE
                WHEN state IN ('queued', 'unpacking', 'running') AND (pending > 0 OR NOT unpacked)
                THEN coalesce(cancel_asked_at, now()) ELSE cancel_asked_at END
            WHERE id = :job_id AND owner_id = :owner_id RETURNING id
            """
        ),
        {"job_id": job_id, "owner_id": owner_id},
    ).one_or_none()
    if job is None:
        raise NotFound(f"no job {job_id}")


def cancel_pending(connection: Connection, job_id: str) -> Hints:
    """End the items of a job that is not wanted; those being worked on stop after their stage."""
    connection.execute(
        text(
            """
            UPDATE work SET state = 'canceled'
            FROM jobs j
            WHERE j.id = :job_id AND j.cancel_asked_at IS NOT NULL AND work.owner_id = j.owner_id
              AND work.sha256 = '' AND work.stage = 'unpack' AND work.options_hash = j.id
              AND work.state = 'queued'
            """
        ),
        {"job_id": job_id},
    )
    pending = connection.execute(
        text(
            """
            SELECT i.id FROM items i JOIN jobs j ON j.id = i.job_id
            WHERE j.id = :job_id AND j.cancel_asked_at IS NOT NULL AND i.state = 'pending'
            """
        ),
        {"job_id": job_id},
    )
    hints = steps.advance(connection, [row.id for row in pending])
    return hints + completion.settle(connection, [job_id])


def cancel_item(connection: Connection, owner_id: str, job_id: str, item_id: str) -> Hints:
    """End one item that waits; one that has ended is let be.

    Raises:
        NotFound: There is no such item, or it is somebody else's.
    """
    known = connection.execute(
        text(
            """
            SELECT FROM items i JOIN jobs j ON j.id = i.job_id
            WHERE i.id = :item_id AND j.id = :job_id AND j.owner_id = :owner_id
            """
        ),
        {"item_id": item_id, "job_id": job_id, "owner_id": owner_id},
    ).one_or_none()
    if known is None:
        raise NotFound(f"no item {item_id} in job {job_id}")
    return steps.cancel(connection, [item_id])


def retry_job(
    connection: Connection, owner_id: str, job_id: str, item_ids: Collection[str] | None = None
) -> Hints:
    """Let failed and canceled items run again, and what is left of an archive be read.

    Args:
        connection: An open transaction.
        owner_id: Who asks.
        job_id: Whose items.
        item_ids: These alone; a degraded one is named again. Default: all that failed or were
            canceled.

    Raises:
        NotFound: There is no such job or item, or it is somebody else's.
        Gone: The job's images are deleted.
        JobRunning: It is being canceled at the moment.
        NothingToRetry: Nothing of the job could come out otherwise.
    """
    job = _read_for_retry(connection, owner_id, job_id)
    chosen = _lock_retried(connection, job_id, item_ids)
    unpacks_again = item_ids is None and (
        not job.unpacked or job.unpack in {WorkState.DEAD, WorkState.CANCELED}
    )
    if not chosen and not unpacks_again:
        raise NothingToRetry(f"job {job_id} has no failed or canceled image to try again")
    event_seq = _reopen_job(connection, job_id, chosen, unpacked=not unpacks_again)
    connection.execute(
        text(
            """
            UPDATE items SET state = 'pending', error = NULL, degraded = false, cached = false,
                             finished_at = NULL, event_seq = :event_seq
            WHERE id = ANY(:ids)
            """
        ),
        {"ids": [row.id for row in chosen], "event_seq": event_seq},
    )
    stages = [Stage.MERGE, *([Stage.UNPACK] if unpacks_again else [])]
    completion.revive(connection, job.owner_id, job.id, stages)
    ids = [row.id for row in chosen]
    items.reopen(connection, ids)
    hints: Hints = Counter()
    if unpacks_again:
        key = completion.job_key(owner_id, job_id, Stage.UNPACK, job.pipeline_version)
        hints += work.enqueue(connection, [key], job_id, job.priority)
    return hints + steps.advance(connection, ids) + completion.settle(connection, [job_id])


def _read_for_retry(connection: Connection, owner_id: str, job_id: str) -> Row[Any]:
    job = connection.execute(
        text(
            """
            SELECT j.owner_id, j.id, j.state, j.cancel_asked_at, j.unpacked, j.priority,
                   j.pipeline_version, w.state AS unpack, j.expires_at <= now() AS expired
            FROM jobs j
            LEFT JOIN work w ON w.owner_id = j.owner_id AND w.sha256 = '' AND w.stage = 'unpack'
                 AND w.pipeline_version = j.pipeline_version AND w.options_hash = j.id
            WHERE j.id = :job_id AND j.owner_id = :owner_id
            """
        ),
        {"job_id": job_id, "owner_id": owner_id},
    ).one_or_none()
    if job is None:
        raise NotFound(f"no job {job_id}")
    if job.expired or job.state == JobState.EXPIRED:
        raise Gone(f"the images of job {job_id} are deleted")
    if job.state in OPEN_JOBS and job.cancel_asked_at is not None:
        raise JobRunning(f"job {job_id} is being canceled")
    return job


def _lock_retried(
    connection: Connection, job_id: str, item_ids: Collection[str] | None
) -> Sequence[Row[Any]]:
    """Lock the items that can be tried again, in the order in which all writers lock items."""
    if item_ids is not None:
        known = connection.execute(
            text("SELECT count(*) FROM items WHERE job_id = :job_id AND id = ANY(:ids)"),
            {"job_id": job_id, "ids": list(item_ids)},
        ).scalar_one()
        if known != len(set(item_ids)):
            raise NotFound(f"not every item that was named belongs to job {job_id}")
    return connection.execute(
        text(
            """
            SELECT id, state, degraded, cached FROM items
            WHERE job_id = :job_id AND sha256 IS NOT NULL
              AND CASE WHEN :chosen THEN id = ANY(:ids) AND (state <> 'succeeded' OR degraded)
                                    ELSE true END
              AND (state IN ('failed', 'canceled') OR :chosen AND state = 'succeeded')
            ORDER BY id FOR UPDATE
            """
        ),
        {"job_id": job_id, "chosen": item_ids is not None, "ids": list(item_ids or ())},
    ).all()


def _reopen_job(
    connection: Connection, job_id: str, chosen: Sequence[Row[Any]], *, unpacked: bool
) -> int:
    """Count items as pending again, queue an ended job, and return its event number.

    Its times to expire and to be done begin anew.
    """
    counts = Counter(row.state for row in chosen)
    seq: int = connection.execute(
        text(
            """
            UPDATE jobs SET
                pending = pending + :failed + :canceled + :succeeded, failed = failed - :failed,
                canceled = canceled - :canceled, succeeded = succeeded - :succeeded,
                degraded = degraded - :degraded, cached = cached - :cached,
                unpacked = :unpacked, error = NULL, finished_at = NULL, cancel_asked_at = NULL,
                started_at = CASE WHEN finished_at IS NULL THEN started_at END,
                expires_at = now() + (expires_at - created_at),
                deadline_at = now() + (deadline_at - created_at),
                state = CASE WHEN state IN ('queued', 'unpacking', 'running') THEN state
                             ELSE 'queued' END
            WHERE id = :job_id RETURNING event_seq
            """
        ),
        {
            "job_id": job_id,
            "unpacked": unpacked,
            "failed": counts["failed"],
            "canceled": counts["canceled"],
            "succeeded": counts["succeeded"],
            "degraded": sum(row.degraded for row in chosen),
            "cached": sum(row.cached for row in chosen),
        },
    ).scalar_one()
    return seq
