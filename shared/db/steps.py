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

from shared.db import batch_members, claude_calls, completion, work
from shared.db.states import ItemState, Stage, WorkState
from shared.db.work import Hints, WorkKey
from shared.errors import DeadlineExceeded, Problem

# The three stages of an item's image, as joins on work; `i` is the item, `j` its job. One look at
# the unique index each, whatever the planner has been told of the tables.
_STAGES = "".join(
    f"""
    LEFT JOIN LATERAL (
        SELECT id, state, error, queue FROM work
        WHERE owner_id = j.owner_id AND sha256 = i.sha256 AND stage = '{stage}'
          AND pipeline_version = j.pipeline_version AND options_hash = j.{column} LIMIT 1
    ) {alias} ON true"""  # noqa: S608 -- constants
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


def advance(connection: Connection, item_ids: Iterable[str], *, first_look: bool = False) -> Hints:
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
               j.measure_hash, j.options_hash, j.cancel_asked_at, j.deadline_at,
               j.deadline_at <= now() AS too_late, m.state AS measure, n.state AS name,
               n.id AS name_id, n.queue = 'batches' AS name_batched,
               coalesce(j.options ->> 'claude' = 'batch', false) AS batched,
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
    _call_off(connection, [row.id for row, step in ended if step.state is ItemState.CANCELED])
    return hints + completion.settle(connection, {row.job_id for row, _ in ended})


def _next_step(row: Row[Any]) -> _Step:
    """Return what follows from the states of an item's three stages, and its job's wishes."""
    if row.assemble == WorkState.DONE:
        return _Step(ItemState.SUCCEEDED, error=row.degraded, degraded=row.degraded is not None)
    if row.error is not None:
        return _Step(ItemState.FAILED, error=row.error)
    if row.cancel_asked_at is not None:
        return _Step(ItemState.CANCELED)
    if row.too_late:
        late = DeadlineExceeded(f"the job had until {row.deadline_at:%Y-%m-%dT%H:%M:%SZ}")
        return _Step(ItemState.FAILED, error=Problem.of(late).as_dict())
    return _Step(ItemState.PENDING, _next_stage(row))


def _next_stage(row: Row[Any]) -> Stage:
    if row.measure != WorkState.DONE:
        return Stage.MEASURE
    if row.mode == "hybrid" and row.name != WorkState.DONE:
        return Stage.NAME
    return Stage.ASSEMBLE


def _start_stages(connection: Connection, steps: Sequence[tuple[Row[Any], _Step]]) -> Hints:
    """Queue the stages that items need and that are not under way, a job at a time."""
    keys: defaultdict[tuple[str, int, bool], list[WorkKey]] = defaultdict(list)
    hurried: list[int] = []
    for row, step in steps:
        if step.stage is None or getattr(row, step.stage.value) in {"queued", "running"}:
            if step.stage is Stage.NAME and row.name_batched and not row.batched:
                hurried.append(row.name_id)
            continue
        options = row.measure_hash if step.stage is Stage.MEASURE else row.options_hash
        key = WorkKey(row.owner_id, row.sha256, step.stage, row.pipeline_version, options)
        keys[row.job_id, row.priority, row.batched].append(key)
    hints = batch_members.hurry(connection, hurried)
    for (job_id, priority, batched), wanted in sorted(keys.items()):
        hints += work.enqueue(connection, wanted, job_id, priority, batched=batched)
    return hints


def _end_items(
    connection: Connection, ended: Sequence[tuple[Row[Any], _Step]], *, cached: bool
) -> None:
    """Count the end of items in their jobs, and write it."""
    if not ended:
        return
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row, step in ended:
        good = step.state is ItemState.SUCCEEDED
        counts[row.job_id].update(
            {step.state.value: 1, "degraded": step.degraded, "cached": good and cached}
        )
    named = [
        (row.job_id, row.name_id)
        for row, step in ended
        if step.state is ItemState.SUCCEEDED and not step.degraded and row.name_id is not None
    ]
    saved = claude_calls.saved_by(connection, named, cached=cached) if named else {}
    for job_id in sorted(counts):
        saving = saved.get(job_id, completion.NOTHING)
        completion.count_ended(connection, job_id, counts[job_id], saving)
    rows = [
        {"id": r.id, "state": s.state.value, "error": s.error, "degraded": s.degraded}
        for r, s in ended
    ]
    statement = text(
        """
        UPDATE items SET state = e.state, error = e.error, degraded = e.degraded,
                         cached = :cached AND e.state = 'succeeded', finished_at = now(),
                         event_seq = jobs.event_seq
        FROM jsonb_to_recordset(:rows) AS e(id text, state text, error jsonb, degraded bool), jobs
        WHERE items.id = e.id AND jobs.id = items.job_id
        """
    ).bindparams(bindparam("rows", type_=JSONB))
    connection.execute(statement, {"rows": rows, "cached": cached})


def cancel(connection: Connection, item_ids: Iterable[str]) -> Hints:
    """End pending items that nobody wants, and work that only they waited for."""
    rows = connection.execute(
        text(
            "SELECT id, job_id FROM items WHERE id = ANY(:ids) AND state = 'pending' "
            "ORDER BY id FOR UPDATE"
        ),
        {"ids": list(item_ids)},
    ).all()
    _end_items(connection, [(row, _Step(ItemState.CANCELED)) for row in rows], cached=False)
    _call_off(connection, [row.id for row in rows])
    return completion.settle(connection, {row.job_id for row in rows})


def _call_off(connection: Connection, item_ids: Sequence[str]) -> None:
    """Cancel queued work of canceled items that no pending item waits for.

    Work that runs is let be: it was paid for, and its result serves the next job.
    """
    if not item_ids:
        return
    connection.execute(
        text(
            """
            UPDATE work SET state = 'canceled' WHERE id IN (
                SELECT id FROM work WHERE state = 'queued' AND id = ANY(ARRAY(
                    SELECT w.id FROM unnest(CAST(:ids AS text[])) AS k(id)
                    CROSS JOIN LATERAL (SELECT * FROM items WHERE id = k.id OFFSET 0) i
                    CROSS JOIN LATERAL (SELECT * FROM jobs WHERE id = i.job_id OFFSET 0) j
                    CROSS JOIN LATERAL (
                        SELECT * FROM work
                        WHERE owner_id = j.owner_id AND sha256 = i.sha256 OFFSET 0
                    ) w
                    WHERE w.state = 'queued' AND w.pipeline_version = j.pipeline_version
                      AND w.options_hash IN (j.measure_hash, j.options_hash)
                      AND NOT EXISTS (
                        SELECT FROM (
                            SELECT job_id FROM items
                            WHERE sha256 = i.sha256 AND state = 'pending' OFFSET 0
                        ) o CROSS JOIN LATERAL (SELECT * FROM jobs WHERE id = o.job_id OFFSET 0) p
                        WHERE p.owner_id = w.owner_id
                          AND p.pipeline_version = w.pipeline_version
                          AND w.options_hash IN (p.measure_hash, p.options_hash)
                      )
                ))
                ORDER BY id FOR UPDATE
            )
            """
        ),
        {"ids": list(item_ids)},
    )


def advance_keys(connection: Connection, keys: Iterable[WorkKey]) -> Hints:
    """Advance every item, or job, that waits for one of these units of work; see ``advance``."""
    of_images, of_jobs = [], set()
    for key in keys:
        if key.stage in {Stage.UNPACK, Stage.MERGE, Stage.PREVIEW}:
            of_jobs.add(key.options_hash)
        else:
            of_images.append(key)
    hints = advance(connection, _waiting_for(connection, of_images)) if of_images else Counter()
    return hints + completion.settle(connection, of_jobs)


def _waiting_for(connection: Connection, keys: Sequence[WorkKey]) -> list[str]:
    """Return the pending items whose next step depends on one of these units."""
    found = connection.execute(
        text(
            """
            SELECT DISTINCT i.id
            FROM unnest(CAST(:owner_id AS text[]), CAST(:sha256 AS text[]),
                        CAST(:stage AS text[]), CAST(:version AS text[]),
                        CAST(:options AS text[])) AS k(owner_id, sha256, stage, version, options)
            CROSS JOIN LATERAL (
                SELECT id, job_id FROM items
                WHERE sha256 = k.sha256 AND state = 'pending' OFFSET 0
            ) i
            CROSS JOIN LATERAL (
                SELECT FROM jobs j
                WHERE j.id = i.job_id AND j.owner_id = k.owner_id
                  AND j.pipeline_version = k.version
                  AND k.options = CASE k.stage WHEN 'measure' THEN j.measure_hash
                                               ELSE j.options_hash END
                OFFSET 0
            ) j
            """
        ),
        {
            "owner_id": [key.owner_id for key in keys],
            "sha256": [key.sha256 for key in keys],
            "stage": [key.stage.value for key in keys],
            "version": [key.pipeline_version for key in keys],
            "options": [key.options_hash for key in keys],
        },
    )
    return [row.id for row in found]


def find_stranded(connection: Connection, limit: int) -> list[str]:
    """Return pending items that nothing moves.

    Their last step was lost between two commits, or their job was canceled or ran out of time.
    """
    statement = text(
        """
        SELECT id FROM (
            SELECT i.id FROM jobs j JOIN items i ON i.job_id = j.id AND i.state = 'pending'
            WHERE j.state IN ('queued', 'unpacking', 'running')
              AND (j.cancel_asked_at IS NOT NULL OR j.deadline_at <= now())
            UNION
            SELECT i.id FROM jobs j JOIN items i ON i.job_id = j.id AND i.state = 'pending'
            WHERE j.state IN ('queued', 'unpacking', 'running') AND NOT EXISTS (
                SELECT FROM work w
                WHERE w.owner_id = j.owner_id AND w.sha256 = i.sha256
                  AND w.pipeline_version = j.pipeline_version
                  AND w.options_hash IN (j.measure_hash, j.options_hash)
                  AND w.state IN ('queued', 'running')
                OFFSET 0)
        ) AS stranded
        ORDER BY id LIMIT :limit
        """
    )
    return [row.id for row in connection.execute(statement, {"limit": limit})]
