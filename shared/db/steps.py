"""What an item needs next, derived from the work there is.

``advance`` may run at any time, twice or late: at submission, after every stage, and from the
pump for whatever fell between.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.db import completion, work
from shared.db.states import ItemState, Stage, WorkState
from shared.db.work import WorkKey

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
class _Step:
    """What an item's work amounts to: an end, or the stage it needs."""

    state: ItemState
    stage: Stage | None = None
    error: dict[str, Any] | None = None
    degraded: bool = False


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
