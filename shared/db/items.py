"""Items: the images of a job, and what their work makes of them.

``advance`` is the one place that decides what an item needs next. It derives the answer from the
work there is, so it may run at any time, twice or late: at submission, after every stage, and
from the pump for whatever fell between.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.db import completion, work
from shared.db.engine import new_id
from shared.db.models import ItemState, Stage, WorkState
from shared.db.work import WorkKey
from shared.errors import NotFound, Problem

# Units queued at once by one transaction whose hints its caller sends; the pump sends more.
HINT_BATCH = 64

# The three stages of an item's image, as joins on work; `i` is the item, `j` its job.
_STAGES = "".join(
    f"""
    LEFT JOIN work {alias} ON {alias}.owner_id = j.owner_id AND {alias}.sha256 = i.sha256
     AND {alias}.stage = '{stage}' AND {alias}.pipeline_version = j.pipeline_version
     AND {alias}.options_hash = j.{column}"""
    for alias, stage, column in (
        ("m", "measure", "measure_hash"),
        ("n", "name", "options_hash"),
        ("a", "assemble", "options_hash"),
    )
)


@dataclass(frozen=True, slots=True)
class NewItem:
    """An image of a job, or why a file is none."""

    filename: str
    sha256: str | None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """What an item's work amounts to: an end, or the stage it needs."""

    state: ItemState
    stage: Stage | None = None
    error: dict[str, Any] | None = None
    degraded: bool = False


def add_items(
    connection: Connection, job_id: str, first_ordinal: int, new: Sequence[NewItem]
) -> dict[int, str]:
    """Insert items of a job in order and start their work.

    Adding an ordinal that is there already changes nothing, so unpacking may be repeated.

    Returns:
        Hints that the caller sends after the commit.
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
    if not rows:
        return {}
    statement = text(
        """
        INSERT INTO items (id, job_id, ordinal, filename, sha256, state, error, finished_at)
        SELECT id, job_id, ordinal, filename, sha256, state, error,
               CASE WHEN state = 'failed' THEN now() END
        FROM jsonb_to_recordset(:rows) AS r(id text, job_id text, ordinal int, filename text,
                                            sha256 text, state text, error jsonb)
        ON CONFLICT (job_id, ordinal) DO NOTHING
        RETURNING id, state
        """
    ).bindparams(bindparam("rows", type_=JSONB))
    inserted = list(connection.execute(statement, {"rows": rows}))
    states = Counter(row.state for row in inserted)
    completion.count_new(connection, job_id, states["pending"], states["failed"])
    pending = [row.id for row in inserted if row.state == "pending"]
    _reopen(connection, pending)
    return advance(connection, pending, first_look=True)


def _reopen(connection: Connection, item_ids: Sequence[str]) -> None:
    """Let new items try again what ended badly before: dead work, and names Claude never gave."""
    connection.execute(
        text(
            """
            UPDATE work w SET state = 'canceled', error = NULL
            FROM items i JOIN jobs j ON j.id = i.job_id
            WHERE i.id = ANY(:ids) AND w.owner_id = j.owner_id AND w.sha256 = i.sha256
              AND w.pipeline_version = j.pipeline_version
              AND w.options_hash IN (j.measure_hash, j.options_hash)
              AND (w.state = 'dead' OR (w.state = 'done' AND EXISTS (
                    SELECT FROM results r WHERE r.work_id = w.id AND r.degraded IS NOT NULL)))
            """
        ),
        {"ids": list(item_ids)},
    )


def advance(
    connection: Connection, item_ids: Iterable[str], *, first_look: bool = False
) -> dict[int, str]:
    """Bring pending items to where their work allows: to the next stage, or to their end.

    Args:
        connection: An open transaction.
        item_ids: Items of any job; those that have ended are passed over.
        first_look: They are new, so one that ends here was answered from the cache.

    Returns:
        Hints that the caller sends after the commit.
    """
    statement = text(
        f"""
        SELECT i.id, i.job_id, i.sha256, j.owner_id, j.mode, j.pipeline_version, j.priority,
               j.measure_hash, j.options_hash, m.state AS measure, n.state AS name,
               a.state AS assemble, coalesce(m.error, n.error, a.error) AS error,
               r.degraded
        FROM items i JOIN jobs j ON j.id = i.job_id {_STAGES}
        LEFT JOIN results r ON r.work_id = a.id
        WHERE i.id = ANY(:ids) AND i.state = 'pending' AND i.sha256 IS NOT NULL
        ORDER BY i.id FOR UPDATE OF i
        """  # noqa: S608 -- the joined text is this module's own constant
    )
    rows = list(connection.execute(statement, {"ids": list(item_ids)}))
    steps = [(row, _next_step(row)) for row in rows]
    hints = _start_stages(connection, steps)
    ended = [(row, step) for row, step in steps if step.state is not ItemState.PENDING]
    _end_items(connection, ended, cached=first_look)
    hints |= completion.settle(connection, {row.job_id for row, _ in ended})
    return hints


def _next_step(row: Row[Any]) -> _Step:
    """Return what follows from the states of an item's three stages."""
    if row.assemble == WorkState.DONE:
        return _Step(ItemState.SUCCEEDED, error=row.degraded, degraded=row.degraded is not None)
    if row.error is not None:
        return _Step(ItemState.FAILED, error=row.error)
    if row.measure != WorkState.DONE:
        return _Step(ItemState.PENDING, Stage.MEASURE)
    if row.mode == "hybrid" and row.name != WorkState.DONE:
        return _Step(ItemState.PENDING, Stage.NAME)
    return _Step(ItemState.PENDING, Stage.ASSEMBLE)


def _start_stages(
    connection: Connection, steps: Sequence[tuple[Row[Any], _Step]]
) -> dict[int, str]:
    """Queue the stages that items need and that are not under way, a job at a time."""
    keys: defaultdict[tuple[str, int], set[WorkKey]] = defaultdict(set)
    for row, step in steps:
        if step.stage is None or getattr(row, step.stage.value) in {"queued", "running"}:
            continue
        options = row.measure_hash if step.stage is Stage.MEASURE else row.options_hash
        key = WorkKey(row.owner_id, row.sha256, step.stage, row.pipeline_version, options)
        keys[row.job_id, row.priority].add(key)
    hints: dict[int, str] = {}
    for (job_id, priority), wanted in sorted(keys.items()):
        hinted = len(wanted) <= HINT_BATCH
        queued = work.enqueue(connection, wanted, job_id, priority, hinted=hinted)
        if hinted:
            hints |= queued
    return hints


def _end_items(
    connection: Connection, ended: Sequence[tuple[Row[Any], _Step]], *, cached: bool
) -> None:
    """Write the end of items, and count it in their jobs."""
    if not ended:
        return
    rows = [
        {"id": r.id, "state": s.state.value, "error": s.error, "degraded": s.degraded}
        for r, s in ended
    ]
    statement = text(
        """
        UPDATE items SET state = e.state, error = e.error, degraded = e.degraded,
                         cached = :cached AND e.state = 'succeeded', finished_at = now()
        FROM jsonb_to_recordset(:rows) AS e(id text, state text, error jsonb, degraded bool)
        WHERE items.id = e.id
        """
    ).bindparams(bindparam("rows", type_=JSONB))
    connection.execute(statement, {"rows": rows, "cached": cached})
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row, step in ended:
        good = step.state is ItemState.SUCCEEDED
        counts[row.job_id].update(
            {step.state.value: 1, "degraded": step.degraded, "cached": good and cached}
        )
    for job_id in sorted(counts):
        completion.count_ended(connection, job_id, counts[job_id])


def advance_key(connection: Connection, key: WorkKey) -> dict[int, str]:
    """Advance every item that waits for a unit of work; see ``advance``."""
    if key.stage in {Stage.UNPACK, Stage.MERGE}:
        return completion.settle(connection, {key.options_hash})
    column = "measure_hash" if key.stage is Stage.MEASURE else "options_hash"
    statement = text(
        f"""
        SELECT i.id FROM items i JOIN jobs j ON j.id = i.job_id
        WHERE i.sha256 = :sha256 AND i.state = 'pending' AND j.owner_id = :owner_id
          AND j.pipeline_version = :pipeline_version AND j.{column} = :options_hash
        """  # noqa: S608 -- one of two column names
    )
    found = connection.execute(
        statement,
        {
            "sha256": key.sha256,
            "owner_id": key.owner_id,
            "pipeline_version": key.pipeline_version,
            "options_hash": key.options_hash,
        },
    )
    return advance(connection, [row.id for row in found])


def find_stranded(connection: Connection, limit: int) -> list[str]:
    """Return pending items without live work: their last step was lost between two commits."""
    statement = text(
        f"""
        SELECT i.id FROM items i JOIN jobs j ON j.id = i.job_id {_STAGES}
        WHERE i.state = 'pending' AND i.sha256 IS NOT NULL
          AND coalesce(m.state, '') NOT IN ('queued', 'running')
          AND coalesce(n.state, '') NOT IN ('queued', 'running')
          AND coalesce(a.state, '') NOT IN ('queued', 'running')
        ORDER BY i.id LIMIT :limit
        """  # noqa: S608 -- the joined text is this module's own constant
    )
    return [row.id for row in connection.execute(statement, {"limit": limit})]


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
    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int


_VIEW = """
    SELECT i.id, i.job_id, i.ordinal, i.filename, i.sha256, i.state, i.cached, i.degraded,
           i.error, b.media_type, b.width, b.height, s.stages, c.*
    FROM items i JOIN jobs j ON j.id = i.job_id
    LEFT JOIN blobs b ON b.sha256 = i.sha256
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(to_jsonb(w) ORDER BY w.id) AS stages, array_agg(w.id) AS work_ids
        FROM work w
        WHERE w.owner_id = j.owner_id AND w.sha256 = i.sha256
          AND w.pipeline_version = j.pipeline_version
          AND w.options_hash = CASE w.stage WHEN 'measure' THEN j.measure_hash
                                            ELSE j.options_hash END
          AND w.stage IN ('measure', 'name', 'assemble')
    ) s ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS calls, sum(k.usd) AS usd,
               coalesce(sum(k.input_tokens), 0) AS input_tokens,
               coalesce(sum(k.output_tokens), 0) AS output_tokens,
               coalesce(sum(k.cache_read_tokens), 0) AS cache_read_tokens
        FROM claude_calls k WHERE k.work_id = ANY(s.work_ids) AND k.job_id = j.id
    ) c ON true
    WHERE j.owner_id = :owner_id AND j.id = :job_id
"""


def read_item(connection: Connection, owner_id: str, job_id: str, item_id: str) -> ItemView:
    """Return one item.

    Raises:
        NotFound: There is none, or it is somebody else's.
    """
    row = connection.execute(
        text(_VIEW + " AND i.id = :item_id"),
        {"owner_id": owner_id, "job_id": job_id, "item_id": item_id},
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
    found: list[ItemView] = []
    state = {"succeeded", "failed", "canceled"} & {status or ""} or {"pending"}
    condition = " AND i.ordinal > :after" + (" AND i.state = :state" if status else "")
    order = " ORDER BY i.ordinal LIMIT :limit"
    last = -1 if after is None else after
    while len(found) < limit:
        parameters = {
            "owner_id": owner_id,
            "job_id": job_id,
            "after": last,
            "limit": limit,
            "state": next(iter(state)),
        }
        views = [
            _view(row) for row in connection.execute(text(_VIEW + condition + order), parameters)
        ]
        found += [view for view in views if status in {None, view.status}]
        if len(views) < limit:
            break
        last = views[-1].ordinal
    return found[:limit]


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
        usd=row.usd,
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
