"""Jobs as their readers see them: with counts, pace and cost, one look for all of it."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.db.states import OPEN_JOBS, JobState
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as a reader sees it. ``queued`` includes ``waiting``; money that is None is not known.

    ``named`` items have names by Claude, ``spared`` of them without a call of their own.
    ``capped_by`` is the cap for which calls were not made.
    ``paced_items`` were worked on since ``paced_since``: how fast the job goes.
    """

    id: str
    name: str
    state: str
    mode: str
    options: dict[str, Any]
    request_id: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    deadline_at: datetime | None
    cancel_asked_at: datetime | None
    event_seq: int
    total: int
    queued: int
    running: int
    waiting: int
    succeeded: int
    failed: int
    canceled: int
    cached: int
    degraded: int
    skipped_members: int
    error: dict[str, Any] | None
    usd: Decimal | None
    named: int
    spared: int
    saved_usd: Decimal | None
    capped_by: str | None
    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    waiting_on: dict[str, Any] | None
    paced_items: int
    paced_since: datetime | None
    version: str


_VIEW = """
    SELECT j.id, j.name, j.state, j.mode, j.options, j.request_id, j.created_at, j.started_at,
           j.finished_at, j.expires_at, j.deadline_at, j.cancel_asked_at, j.event_seq, j.total,
           j.pending, j.succeeded, j.failed, j.canceled, j.cached, j.degraded, j.skipped_members,
           j.error, j.named, j.spared, j.saved_usd, b.capped_by, j.expires_at <= now() AS over,
           p.running, p.waiting, c.*, e.*,
           CASE WHEN g.name IS NOT NULL
                THEN jsonb_build_object('what', g.name, 'retry_at', g.retry_at,
                                        'reason', g.problem ->> 'detail')
                WHEN h.reason IS NOT NULL
                THEN jsonb_build_object('what', 'batch', 'retry_at', h.look_at,
                                        'reason', h.reason)
           END AS waiting_on
    FROM jobs j
    LEFT JOIN gates g ON g.name = 'claude' AND g.state = 'open' AND j.mode = 'hybrid'
              AND j.pending > 0
    LEFT JOIN job_spending b ON b.job_id = j.id AND j.degraded > 0
    LEFT JOIN LATERAL (
        SELECT c.not_before AS look_at,
               CASE WHEN k.state = 'submitted' THEN 'images are in a Message Batch'
                    ELSE 'images are gathered for a Message Batch' END AS reason
        FROM work w LEFT JOIN claude_batches k ON k.id = w.batch_id
        LEFT JOIN work c ON c.owner_id = j.owner_id AND c.sha256 = '' AND c.stage = 'batch'
             AND c.options_hash = k.id AND c.state = 'queued'
        WHERE j.pending > 0 AND j.options ->> 'claude' = 'batch' AND w.queue = 'batches'
          AND w.state = 'queued' AND w.owner_id = j.owner_id
          AND w.pipeline_version = j.pipeline_version AND w.options_hash = j.options_hash
          AND EXISTS (SELECT FROM items i
                      WHERE i.job_id = j.id AND i.sha256 = w.sha256 AND i.state = 'pending')
        ORDER BY k.id, w.id LIMIT 1
    ) h ON true
    LEFT JOIN LATERAL (
        SELECT count(DISTINCT i.id) FILTER (WHERE w.state = 'running') AS running,
               count(DISTINCT i.id) FILTER (WHERE w.state = 'queued') AS waiting
        FROM (
            SELECT * FROM work WHERE state = 'running' AND owner_id = j.owner_id
            UNION ALL
            SELECT * FROM work WHERE state = 'queued' AND attempt > 0 AND owner_id = j.owner_id
            OFFSET 0  -- few rows, and so first, whatever the planner takes the tables for
        ) w CROSS JOIN LATERAL (
            SELECT id, job_id FROM items WHERE sha256 = w.sha256 AND state = 'pending' OFFSET 0
        ) i
        WHERE i.job_id = j.id AND j.pending > 0 AND w.pipeline_version = j.pipeline_version
          AND w.options_hash = CASE w.stage WHEN 'measure' THEN j.measure_hash
                                            ELSE j.options_hash END
    ) p ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS calls, sum(k.usd) AS usd,
               bool_or(k.usd IS NULL AND (k.finished_at IS NOT NULL OR j.pending = 0)) AS unpriced,
               coalesce(sum(k.input_tokens), 0) AS input_tokens,
               coalesce(sum(k.output_tokens), 0) AS output_tokens,
               coalesce(sum(k.cache_read_tokens), 0) AS cache_read_tokens
        FROM claude_calls k WHERE k.job_id = j.id
    ) c ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS paced_items,
               CASE WHEN count(*) < 40 THEN j.started_at ELSE min(l.finished_at) END AS paced_since
        FROM (
            SELECT n.finished_at FROM (
                SELECT i.finished_at, i.state, i.cached, i.sha256 FROM items i
                WHERE i.job_id = j.id AND j.state = 'running'
                  AND i.event_seq > greatest(j.event_seq - 400, 0)
                ORDER BY i.event_seq DESC LIMIT 400
            ) n
            WHERE n.finished_at >= j.started_at AND n.state IN ('succeeded', 'failed')
              AND NOT n.cached AND n.sha256 IS NOT NULL
            ORDER BY n.finished_at DESC LIMIT 40
        ) l
    ) e ON true
    WHERE j.owner_id = :owner_id
"""

# A job whose time is over has expired, be its results dropped yet or not.
_STATE = """
    CASE WHEN j.expires_at <= now() AND j.state NOT IN ('queued', 'unpacking', 'running')
         THEN 'expired' ELSE j.state END
"""


def read_job(connection: Connection, owner_id: str, job_id: str) -> JobView:
    """Return one job.

    Raises:
        NotFound: There is none, or it is somebody else's.
    """
    row = connection.execute(
        text(_VIEW + " AND j.id = :job_id"), {"owner_id": owner_id, "job_id": job_id}
    ).one_or_none()
    if row is None:
        raise NotFound(f"no job {job_id}")
    return _view(row)


def list_jobs(
    connection: Connection,
    owner_id: str,
    *,
    limit: int,
    before: str | None = None,
    state: str | None = None,
    labels: Collection[tuple[str, str]] = (),
) -> list[JobView]:
    """Return jobs, newest first.

    Args:
        connection: An open transaction.
        owner_id: Whose jobs.
        limit: How many at most.
        before: Only jobs older than the one with this id.
        state: Only jobs in this state.
        labels: Only jobs that have all of these.
    """
    condition = " AND j.id < :before" if before else ""
    condition += f" AND {_STATE} = :state" if state else ""
    if labels:
        condition += " AND j.options -> 'labels' @> ALL (CAST(CAST(:labels AS text[]) AS jsonb[]))"
    parameters = {
        "owner_id": owner_id,
        "before": before,
        "state": state,
        "labels": [json.dumps({name: value}) for name, value in labels],
        "limit": limit,
    }
    rows = connection.execute(
        text(f"{_VIEW}{condition} ORDER BY j.id DESC LIMIT :limit"), parameters
    )
    return [_view(row) for row in rows]


def _view(row: Row[Any]) -> JobView:
    expired = row.over and row.state not in OPEN_JOBS
    values = dict(row._mapping) | {  # noqa: SLF001 -- SQLAlchemy's public mapping of a row
        "state": JobState.EXPIRED.value if expired else row.state,
        "queued": row.pending - row.running,
        "usd": None if row.unpriced else row.usd or Decimal(0),
    }
    shown = {f.name: values[f.name] for f in fields(JobView) if f.name != "version"}
    digest = hashlib.sha256(repr(sorted(shown.items())).encode()).hexdigest()
    return JobView(**shown, version=digest[:16])


def has_ended(view: JobView) -> bool:
    """Tell whether a job's state is terminal."""
    return view.state not in OPEN_JOBS


@dataclass(frozen=True, slots=True)
class StageCount:
    """How many different images of a job have a stage behind them, and how many are in it."""

    stage: str
    done: int
    running: int


def count_stages(connection: Connection, job_id: str) -> list[StageCount]:
    """Return how far a job's images are, stage by stage, in the order they pass them."""
    rows = connection.execute(
        text(
            """
            SELECT w.stage, count(*) FILTER (WHERE w.state = 'done') AS done,
                   count(*) FILTER (WHERE w.state = 'running') AS running
            FROM jobs j CROSS JOIN LATERAL (
                SELECT DISTINCT sha256 FROM items WHERE job_id = j.id AND sha256 IS NOT NULL
            ) i
            JOIN work w ON w.owner_id = j.owner_id AND w.sha256 = i.sha256
                 AND w.pipeline_version = j.pipeline_version
                 AND w.options_hash = CASE w.stage WHEN 'measure' THEN j.measure_hash
                                                   ELSE j.options_hash END
            WHERE j.id = :job_id AND w.stage IN ('measure', 'name', 'assemble')
            GROUP BY w.stage ORDER BY array_position(ARRAY['measure', 'name', 'assemble'], w.stage)
            """
        ),
        {"job_id": job_id},
    )
    return [StageCount(*row) for row in rows]
