"""The cache of extractions: the results of ``work``, which later jobs find done.

Its key is that of a unit of work: owner, image, stage, pipeline version and a hash of the options
that change the answer, the model and the version of the prompt among them. Jobs that have ended
read the same rows, so an entry that is dropped stays readable for them until there is another.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.db.work import WorkKey

# A type prefix and 32 hex digits; see ``new_id``.
JOB_ID_LENGTH = len("job_") + 32


def drop(connection: Connection, owner_id: str, sha256: str) -> None:
    """Let the next job that has an image extract it anew; what is being made stays, as new."""
    connection.execute(
        text(
            """
            UPDATE work SET state = 'canceled', error = NULL WHERE id IN (
                SELECT id FROM work
                WHERE owner_id = :owner_id AND sha256 = :sha256 AND state IN ('done', 'dead')
                ORDER BY id FOR UPDATE)
            """
        ),
        {"owner_id": owner_id, "sha256": sha256},
    )


def drop_version(connection: Connection, version: str, most: int) -> int:
    """Do as ``drop`` for images of everybody that a version of the pipeline was done with.

    Returns:
        How many units were dropped: fewer than ``most`` when none is left.
    """
    dropped = connection.execute(
        text(
            """
            UPDATE work SET state = 'canceled', error = NULL WHERE id IN (
                SELECT id FROM work
                WHERE pipeline_version = :version AND sha256 <> '' AND state IN ('done', 'dead')
                ORDER BY id LIMIT :most FOR UPDATE)
            """
        ),
        {"version": version, "most": most},
    )
    return dropped.rowcount


def replace(connection: Connection, forced: WorkKey) -> None:
    """Put what a forced job has extracted from an image in the place of the common entry.

    The hashes of its options are the common ones with the job's id behind them. A unit that
    others have queued or are working on is let be: it comes out as new.
    """
    job_id = forced.options_hash[-JOB_ID_LENGTH:]
    units = connection.execute(
        text(
            """
            SELECT id, coalesce(named_by, id) AS paid_by FROM work
            WHERE owner_id = :owner_id AND sha256 = :sha256 AND pipeline_version = :version
              AND options_hash IN (:options_hash, :job_id) AND state = 'done'
            ORDER BY stage
            """
        ),
        {
            "owner_id": forced.owner_id,
            "sha256": forced.sha256,
            "version": forced.pipeline_version,
            "options_hash": forced.options_hash,
            "job_id": job_id,
        },
    ).all()
    for unit in units:
        _replace_unit(connection, unit, job_id)


def _replace_unit(connection: Connection, forced: Row[Any], job_id: str) -> None:
    """Copy a unit and its result; no unit is done but by way of queued and running."""
    parameters = {"forced_id": forced.id, "job_id": job_id}
    made = connection.execute(text(_QUEUE), parameters).scalar_one_or_none()
    if made is not None:
        connection.execute(text(_BEGIN), {"id": made})
        connection.execute(text(_END), {"id": made})
    copied = connection.execute(text(_COPY), parameters).scalar_one_or_none()
    connection.execute(
        text("UPDATE work SET named_by = :paid_by WHERE id = :id AND stage = 'name'"),
        {"id": copied, "paid_by": forced.paid_by},
    )


_QUEUE = """
    INSERT INTO work (owner_id, sha256, stage, pipeline_version, options_hash, queue, job_id,
                      state, priority, max_attempt)
    SELECT owner_id, sha256, stage, pipeline_version,
           replace(options_hash, :job_id, ''), queue, job_id, 'queued', priority, 1
    FROM work WHERE id = :forced_id
    ON CONFLICT (owner_id, sha256, stage, pipeline_version, options_hash) DO UPDATE
    SET state = 'queued', queue = excluded.queue, batch_id = NULL
    WHERE work.state = 'canceled'
    RETURNING id
"""
_BEGIN = """
    UPDATE work SET state = 'running', attempt = attempt + 1, lease_owner = '', started_at = now(),
                    lease_until = now() WHERE id = :id
"""
_END = """
    UPDATE work SET state = 'done', lease_owner = NULL, lease_until = NULL, finished_at = now()
    WHERE id = :id
"""
_COPY = """
    INSERT INTO results (work_id, value)
    SELECT c.id, r.value FROM work f JOIN results r ON r.work_id = f.id JOIN work c
      ON c.owner_id = f.owner_id AND c.sha256 = f.sha256 AND c.stage = f.stage
     AND c.pipeline_version = f.pipeline_version
     AND c.options_hash = replace(f.options_hash, :job_id, '')
    WHERE f.id = :forced_id AND c.state = 'done'
    ON CONFLICT (work_id) DO UPDATE
    SET value = excluded.value, degraded = NULL, created_at = now()
    RETURNING work_id
"""


@dataclass(frozen=True, slots=True)
class Sums:
    """What all jobs there ever were have counted, and the calls that were made for them."""

    named: int
    spared: int
    saved_usd: Decimal
    calls: int
    spent_usd: Decimal


def read_sums(connection: Connection) -> Sums:
    """Return the sums over all owners; they never shrink."""
    row = connection.execute(
        text(
            """
            SELECT d.named + j.named AS named, d.spared + j.spared AS spared,
                   d.saved_usd + j.saved_usd AS saved_usd, c.calls, c.spent_usd
            FROM deleted_jobs d, (
                SELECT coalesce(sum(named), 0) AS named, coalesce(sum(spared), 0) AS spared,
                       coalesce(sum(saved_usd), 0) AS saved_usd FROM jobs
            ) j, (
                SELECT count(*) AS calls, coalesce(sum(usd), 0) AS spent_usd FROM claude_calls
            ) c
            """
        )
    ).one()
    return Sums(int(row.named), int(row.spared), row.saved_usd, row.calls, row.spent_usd)


def keep_sums(connection: Connection, job_id: str) -> None:
    """Keep what a job has counted, which is about to be deleted."""
    connection.execute(
        text(
            """
            UPDATE deleted_jobs d SET named = d.named + j.named, spared = d.spared + j.spared,
                                      saved_usd = d.saved_usd + coalesce(j.saved_usd, 0)
            FROM jobs j WHERE j.id = :job_id
            """
        ),
        {"job_id": job_id},
    )
