"""Items: the images of a job, in the order they came in."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.db import completion, steps
from shared.db.engine import new_id
from shared.db.states import ItemState, WorkState
from shared.db.work import Hints
from shared.errors import JobCanceled, NotFound, Problem


@dataclass(frozen=True, slots=True)
class NewItem:
    """An image of a job, or why a file is none."""

    filename: str
    sha256: str | None
    problem: Problem | None = None


def add_items(
    connection: Connection, job_id: str, first_ordinal: int, new: Sequence[NewItem]
) -> Hints:
    """Insert items of a job in order and start their work.

    Adding an ordinal that is there already changes nothing, so unpacking may be repeated.

    Returns:
        Hints that the caller sends after the commit.

    Raises:
        JobCanceled: Nobody wants the job's items any more.
    """
    rows = [
        {
            "id": new_id("item"),
            "job_id": job_id,
            "ordinal": first_ordinal + place,
            "filename": item.filename,
            "sha256": item.sha256,
            "state": (ItemState.FAILED if item.problem else ItemState.PENDING).value,
            "error": item.problem.as_dict() if item.problem else None,
        }
        for place, item in enumerate(new)
    ]
    job = connection.execute(
        text("SELECT cancel_asked_at, event_seq FROM jobs WHERE id = :job_id FOR UPDATE"),
        {"job_id": job_id},
    ).one_or_none()
    if job is None or job.cancel_asked_at is not None:
        raise JobCanceled(f"job {job_id} was canceled")
    if not rows:
        return Counter()
    statement = text(
        """
        INSERT INTO items (id, job_id, ordinal, filename, sha256, state, error, finished_at,
                           event_seq)
        SELECT id, job_id, ordinal, filename, sha256, state, error,
               CASE WHEN state = 'failed' THEN now() END,
               CASE WHEN state = 'failed' THEN CAST(:event_seq AS bigint) ELSE 0 END
        FROM jsonb_to_recordset(:rows) AS r(id text, job_id text, ordinal int, filename text,
                                            sha256 text, state text, error jsonb)
        ON CONFLICT (job_id, ordinal) DO NOTHING
        RETURNING id, state
        """
    ).bindparams(bindparam("rows", type_=JSONB))
    parameters = {"rows": rows, "event_seq": job.event_seq + 1}
    inserted = list(connection.execute(statement, parameters))
    states = Counter(row.state for row in inserted)
    completion.count_new(connection, job_id, states["pending"], states["failed"])
    pending = [row.id for row in inserted if row.state == "pending"]
    reopen(connection, pending)
    return steps.advance(connection, pending, first_look=True)


def count_items(connection: Connection, job_id: str) -> int:
    """Return how many items of a job are known."""
    count: int = connection.execute(
        text("SELECT count(*) FROM items WHERE job_id = :job_id"), {"job_id": job_id}
    ).scalar_one()
    return count


def reopen(connection: Connection, item_ids: Sequence[str]) -> None:
    """Let items try again what ended badly before: dead work, and names Claude never gave."""
    connection.execute(
        text(
            """
            UPDATE work SET state = 'canceled', error = NULL
            FROM items i JOIN jobs j ON j.id = i.job_id CROSS JOIN LATERAL (
                SELECT w.id FROM work w
                WHERE w.owner_id = j.owner_id AND w.sha256 = i.sha256
                  AND w.pipeline_version = j.pipeline_version
                  AND w.options_hash IN (j.measure_hash, j.options_hash)
                  AND (w.state = 'dead' OR (w.state = 'done' AND EXISTS (
                        SELECT FROM results r WHERE r.work_id = w.id AND r.degraded IS NOT NULL)))
                OFFSET 0
            ) failed
            WHERE i.id = ANY(:ids) AND work.id = failed.id
            """
        ),
        {"ids": list(item_ids)},
    )


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage of an item as a reader sees it."""

    name: str
    status: str
    attempt: int
    next_retry_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    worker: str | None


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item as a reader sees it; costs are those of the calls made for its own job."""

    id: str
    job_id: str
    ordinal: int
    filename: str
    sha256: str | None
    media_type: str | None
    width: int | None
    height: int | None
    status: str
    attempts: int
    cached: bool
    degraded: bool
    error: dict[str, Any] | None
    stages: list[StageView]
    usd: Decimal | None
    saved_usd: Decimal | None
    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int


# The page is chosen before what is shown of it is gathered: gathering it for all items of a large
# job only to sort them takes seconds.
_CHOSEN = """
    SELECT i.*, j.owner_id, j.pipeline_version, j.measure_hash, j.options_hash
    FROM items i JOIN jobs j ON j.id = i.job_id
    WHERE j.owner_id = :owner_id AND j.id = :job_id
"""
_VIEW = """
    SELECT i.id, i.job_id, i.ordinal, i.filename, i.sha256, i.state, i.cached, i.degraded,
           i.error, b.media_type, b.width, b.height, s.stages, c.*, f.saved_usd
    FROM chosen i
    LEFT JOIN blobs b ON b.sha256 = i.sha256
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(to_jsonb(w) ORDER BY w.id) AS stages,
               array_agg(coalesce(w.named_by, w.id)) AS work_ids
        FROM work w
        WHERE w.owner_id = i.owner_id AND w.sha256 = i.sha256
          AND w.pipeline_version = i.pipeline_version
          AND w.options_hash = CASE w.stage WHEN 'measure' THEN i.measure_hash
                                            ELSE i.options_hash END
          AND w.stage IN ('measure', 'name', 'assemble')) s ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS calls, coalesce(sum(k.usd), 0) AS usd,
               bool_or(k.usd IS NULL AND (k.finished_at IS NOT NULL OR i.state <> 'pending'))
               AS unpriced,
               coalesce(sum(k.input_tokens), 0) AS input_tokens,
               coalesce(sum(k.output_tokens), 0) AS output_tokens,
               coalesce(sum(k.cache_read_tokens), 0) AS cache_read_tokens
        FROM claude_calls k WHERE k.work_id = ANY(s.work_ids) AND k.job_id = i.job_id
    ) c ON true
    LEFT JOIN LATERAL (
        SELECT CASE WHEN bool_or(k.usd IS NULL) THEN NULL ELSE coalesce(sum(k.usd), 0) END
               AS saved_usd
        FROM claude_calls k
        WHERE k.work_id = ANY(s.work_ids) AND k.job_id IS DISTINCT FROM i.job_id
          AND k.job_id IS NOT DISTINCT FROM (
            SELECT l.job_id FROM claude_calls l WHERE l.work_id = ANY(s.work_ids)
            ORDER BY l.id DESC LIMIT 1
          ) AND i.state = 'succeeded' AND NOT i.degraded
    ) f ON true
    ORDER BY i.ordinal
"""


def _select(condition: str) -> TextClause:
    """Return the query for the first ``:limit`` items of a job that meet a condition."""
    chosen = f"{_CHOSEN} AND {condition} ORDER BY i.ordinal LIMIT :limit"
    return text(f"WITH chosen AS MATERIALIZED ({chosen}) {_VIEW}")


def read_item(connection: Connection, owner_id: str, job_id: str, item_id: str) -> ItemView:
    """Return one item.

    Raises:
        NotFound: There is none, or it is somebody else's.
    """
    row = connection.execute(
        _select("i.id = :item_id"),
        {"owner_id": owner_id, "job_id": job_id, "item_id": item_id, "limit": 1},
    ).one_or_none()
    if row is None:
        raise NotFound(f"no item {item_id} in job {job_id}")
    return _view(row)


def list_items(
    connection: Connection,
    owner_id: str,
    job_id: str,
    *,
    limit: int,
    after: int | None = None,
    status: str | None = None,
) -> list[ItemView]:
    """Return items in the order of their archive.

    Args:
        connection: An open transaction.
        owner_id: Who asks.
        job_id: Whose items.
        limit: How many at most.
        after: The ordinal before the first one wanted.
        status: Only items of this status.
    """
    condition = "i.ordinal > :after"
    if status is not None:
        condition += " AND " + _STATUS_IS.get(status, "i.state = :status")
    rows = connection.execute(
        _select(condition),
        {
            "owner_id": owner_id,
            "job_id": job_id,
            "after": -1 if after is None else after,
            "limit": limit,
            "status": status,
        },
    )
    return [_view(row) for row in rows]


_LIVE_WORK = """EXISTS (
    SELECT FROM work l
    WHERE l.owner_id = j.owner_id AND l.sha256 = i.sha256
      AND l.pipeline_version = j.pipeline_version
      AND l.options_hash = CASE l.stage WHEN 'measure' THEN j.measure_hash
                                        ELSE j.options_hash END AND """
_RUNS = _LIVE_WORK + "l.state = 'running')"
_WAITS = _LIVE_WORK + "l.state = 'queued' AND l.attempt > 0)"
# What `_pending_status` says of an item's work, said in SQL.
_STATUS_IS = {
    "running": f"i.state = 'pending' AND {_RUNS}",
    "waiting": f"i.state = 'pending' AND NOT {_RUNS} AND {_WAITS}",
    "queued": f"i.state = 'pending' AND NOT {_RUNS} AND NOT {_WAITS}",
}


def _view(row: Row[Any]) -> ItemView:
    stages = [_stage_view(stage) for stage in row.stages or []]
    status = row.state if row.state != ItemState.PENDING else _pending_status(stages)
    return ItemView(
        id=row.id,
        job_id=row.job_id,
        ordinal=row.ordinal,
        filename=row.filename,
        sha256=row.sha256,
        media_type=row.media_type,
        width=row.width,
        height=row.height,
        status=status,
        attempts=max((stage.attempt for stage in stages), default=0),
        cached=row.cached,
        degraded=row.degraded,
        error=row.error,
        stages=stages,
        usd=None if row.unpriced else row.usd,
        saved_usd=row.saved_usd,
        calls=row.calls,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cache_read_tokens=row.cache_read_tokens,
    )


def _stage_view(stage: dict[str, Any]) -> StageView:
    times = {
        name: datetime.fromisoformat(stage[name]) if stage[name] else None
        for name in ("started_at", "finished_at", "not_before")
    }
    start, end = times["started_at"], times["finished_at"]
    waiting = stage["state"] == WorkState.QUEUED and stage["attempt"] > 0
    return StageView(
        name=stage["stage"],
        status="waiting" if waiting else stage["state"],
        attempt=stage["attempt"],
        next_retry_at=times["not_before"] if waiting else None,
        started_at=start,
        finished_at=end,
        seconds=(end - start).total_seconds() if start and end else None,
        worker=stage["worker"],
    )


def _pending_status(stages: Sequence[StageView]) -> str:
    """Return running, waiting or queued for an item that has not ended."""
    statuses = {stage.status for stage in stages}
    return next((status for status in ("running", "waiting") if status in statuses), "queued")
