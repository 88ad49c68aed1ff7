"""How jobs go: deleted by their owner, or expired when their results were kept for long enough."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from shared.db.cache import keep_sums
from shared.db.deliveries import announce
from shared.db.states import OPEN_JOBS, JobState
from shared.errors import Gone, JobRunning, NotFound


def require_kept(connection: Connection, owner_id: str, job_id: str) -> None:
    """Make sure that what came of a job can still be read.

    Raises:
        NotFound: There is no such job, or it is somebody else's.
        Gone: Its time is over, whether or not its results were dropped yet.
    """
    job = connection.execute(
        text(
            "SELECT state, expires_at, expires_at <= now() AS over FROM jobs "
            "WHERE id = :job_id AND owner_id = :owner_id"
        ),
        {"job_id": job_id, "owner_id": owner_id},
    ).one_or_none()
    if job is None:
        raise NotFound(f"no job {job_id}")
    if job.state == JobState.EXPIRED or (job.over and job.state not in OPEN_JOBS):
        raise Gone(f"the results of job {job_id} were kept until {job.expires_at:%Y-%m-%d %H:%MZ}")


def delete_job(connection: Connection, owner_id: str, job_id: str) -> list[str]:
    """Delete an ended job with all that is its own.

    Returns:
        The hashes of its files, which ``blobs.remove_unneeded`` removes after the commit.

    Raises:
        NotFound: There is no such job, or it is somebody else's.
        JobRunning: It has not ended.
    """
    job = connection.execute(
        text("SELECT state FROM jobs WHERE id = :job_id AND owner_id = :owner_id FOR UPDATE"),
        {"job_id": job_id, "owner_id": owner_id},
    ).one_or_none()
    if job is None:
        raise NotFound(f"no job {job_id}")
    if job.state in OPEN_JOBS:
        raise JobRunning(f"job {job_id} is {job.state}; cancel it first")
    hashes = _lock_files(connection, job_id)
    keep_sums(connection, job_id)
    connection.execute(text("DELETE FROM jobs WHERE id = :job_id"), {"job_id": job_id})
    _delete_unneeded_work(connection, owner_id, job_id, hashes)
    return hashes


def expire_next(connection: Connection) -> list[str] | None:
    """Drop the results of one job that was kept for long enough, oldest first; None if none is.

    Returns:
        The hashes of its files; see ``delete_job``. The job's row stays, and says so.
    """
    job = connection.execute(
        text(
            """
            SELECT id, owner_id FROM jobs
            WHERE expires_at <= now()
              AND state IN ('succeeded', 'partially_succeeded', 'failed', 'canceled')
            ORDER BY expires_at LIMIT 1 FOR UPDATE SKIP LOCKED
            """
        )
    ).one_or_none()
    if job is None:
        return None
    hashes = _lock_files(connection, job.id)
    parameters = {"job_id": job.id}
    connection.execute(text("DELETE FROM items WHERE job_id = :job_id"), parameters)
    connection.execute(text("DELETE FROM token_sets WHERE job_id = :job_id"), parameters)
    connection.execute(
        text("UPDATE jobs SET state = 'expired', sources = '[]' WHERE id = :job_id"), parameters
    )
    announce(connection, job.id)
    _delete_unneeded_work(connection, job.owner_id, job.id, hashes)
    return hashes


def _lock_files(connection: Connection, job_id: str) -> list[str]:
    """Lock the files of a job, so that no new job takes up their results meanwhile."""
    rows = connection.execute(
        text(
            """
            SELECT sha256 FROM blobs WHERE sha256 IN (
                SELECT sha256 FROM items WHERE job_id = :job_id
                UNION
                SELECT s ->> 'sha256' FROM jobs, jsonb_array_elements(sources) AS s
                WHERE jobs.id = :job_id
            ) ORDER BY sha256 FOR NO KEY UPDATE
            """
        ),
        {"job_id": job_id},
    )
    return [row.sha256 for row in rows]


def _delete_unneeded_work(
    connection: Connection, owner_id: str, job_id: str, hashes: Sequence[str]
) -> None:
    """Delete the stages of a job itself, and of images that no other job of the owner has."""
    connection.execute(
        text(
            """
            DELETE FROM work w
            WHERE w.owner_id = :owner_id AND (
                w.sha256 = '' AND w.options_hash = :job_id
                OR w.sha256 = ANY(:hashes) AND (
                    w.options_hash LIKE '%' || :job_id OR NOT EXISTS (
                        SELECT FROM items i JOIN jobs j ON j.id = i.job_id
                        WHERE i.sha256 = w.sha256 AND j.owner_id = w.owner_id)))
            """
        ),
        {"owner_id": owner_id, "job_id": job_id, "hashes": list(hashes)},
    )
