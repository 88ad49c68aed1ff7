"""The requests of Message Batches, their answers, and how units of work leave a batch.

The answer to a request is kept with its member. A unit whose members all have an end goes to the
queue ``claude``, where a worker names its image as ever, except that it finds the answers to its
first requests given. What a batch did not answer is thereby asked in an ordinary call.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.db import claude_calls
from shared.db.claude_calls import LedgerEntry, NewCall
from shared.db.states import Cap
from shared.db.work import BATCHES, Hints, WorkKey
from shared.queue import Queue


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of work that waits in a batch."""

    work_id: int
    key: WorkKey
    job_id: str | None


@dataclass(frozen=True, slots=True)
class NewMember:
    """A request that is about to be sent for a unit of work."""

    custom_id: str
    unit: Unit
    model: str
    request_hash: str
    expected_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class MemberEnd:
    """How a request of a batch ended: the ledger's entry, and the answer if one came."""

    custom_id: str
    entry: LedgerEntry
    reply: str | None = None


def add_members(
    connection: Connection,
    batch_id: str,
    new: Sequence[NewMember],
    daily_cap_usd: Decimal | None = None,
) -> set[int]:
    """Book and store requests of a batch before it is sent; what is stored stays as it is.

    Returns:
        Units with a request that a cap leaves no room for. It is not stored.
    """
    known = set(open_ids(connection, batch_id))
    capped: set[int] = set()
    rows = []
    for member in new:
        if member.custom_id in known:
            continue
        unit = member.unit
        call = NewCall(member.model, unit.work_id, unit.job_id, member.expected_usd)
        opened = claude_calls.open_call(connection, call, daily_cap_usd)
        if isinstance(opened, Cap):
            capped.add(unit.work_id)
            continue
        rows.append(
            {
                "custom_id": member.custom_id,
                "work_id": unit.work_id,
                "request_hash": member.request_hash,
                "call_id": opened,
            }
        )
    statement = text(
        """
        INSERT INTO claude_batch_members (custom_id, batch_id, work_id, call_id, request_hash)
        SELECT custom_id, :batch_id, work_id, call_id, request_hash
        FROM jsonb_to_recordset(:rows) AS r(custom_id text, work_id bigint, call_id text,
                                            request_hash text)
        """
    ).bindparams(bindparam("rows", type_=JSONB))
    connection.execute(statement, {"batch_id": batch_id, "rows": rows})
    return capped


def open_ids(connection: Connection, batch_id: str) -> list[str]:
    """Return the requests of a batch that have no end yet."""
    rows = connection.execute(
        text(
            "SELECT custom_id FROM claude_batch_members "
            "WHERE batch_id = :id AND outcome IS NULL ORDER BY custom_id"
        ),
        {"id": batch_id},
    )
    return [row.custom_id for row in rows]


def end_members(connection: Connection, batch_id: str, ends: Sequence[MemberEnd]) -> Hints:
    """Enter how requests ended, and let the units go on of which every request has.

    Returns:
        Hints that the caller sends after the commit.
    """
    return go_on(connection, batch_id, close(connection, ends))


def close(connection: Connection, ends: Sequence[MemberEnd]) -> set[int]:
    """Write how requests ended where it is not written yet; return the units they are of.

    An answer is kept only where its unit may still make use of it.
    """
    statement = text(
        """
        UPDATE claude_batch_members m
        SET outcome = :outcome,
            reply = CASE WHEN EXISTS (SELECT FROM work w WHERE w.id = m.work_id
                                      AND w.state NOT IN ('done', 'dead'))
                         THEN CAST(:reply AS text) END
        WHERE custom_id = :custom_id AND outcome IS NULL
        RETURNING work_id, call_id
        """
    )
    touched: set[int] = set()
    for end in sorted(ends, key=lambda each: each.custom_id):
        row = connection.execute(
            statement,
            {"custom_id": end.custom_id, "outcome": end.entry.outcome, "reply": end.reply},
        ).one_or_none()
        if row is not None and row.call_id is not None:
            claude_calls.close_call(connection, row.call_id, end.entry)
        if row is not None and row.work_id is not None:
            touched.add(row.work_id)
    return touched


def go_on(connection: Connection, batch_id: str, work_ids: Collection[int]) -> Hints:
    """Move units to the queue of calls of which no request of this batch is open.

    What we took back ourselves, and is wanted after all, waits for another batch.
    """
    moved = connection.execute(
        text(
            f"""
            UPDATE work SET batch_id = NULL, not_before = now(), turn = {_TURN_NOW},
                queue = CASE WHEN (SELECT cancel_asked_at FROM claude_batches WHERE id = :batch_id)
                                  IS NOT NULL AND NOT {_HAS_REPLY}
                             THEN 'batches' ELSE 'claude' END
            WHERE id IN (
                SELECT id FROM work w
                WHERE w.id = ANY(:ids) AND w.batch_id = :batch_id AND NOT EXISTS (
                    SELECT FROM claude_batch_members m
                    WHERE m.work_id = w.id AND m.batch_id = :batch_id AND m.outcome IS NULL)
                ORDER BY id FOR UPDATE
            )
            RETURNING queue, state
            """  # noqa: S608 -- this module's own constants
        ),
        {"ids": list(work_ids), "batch_id": batch_id},
    )
    due = sum(row.state == "queued" and row.queue != BATCHES for row in moved)
    return Counter({Queue.CLAUDE.value: due} if due else {})


# Whoever waited for a batch is next: the turns of a queue say nothing in another.
_TURN_NOW = """coalesce((
    SELECT s.turn FROM work s
    WHERE s.queue = 'claude' AND s.state = 'queued' AND s.not_before <= now()
    ORDER BY s.turn, s.priority, s.id LIMIT 1), 0)"""
_HAS_REPLY = """EXISTS (
    SELECT FROM claude_batch_members r WHERE r.work_id = work.id AND r.reply IS NOT NULL)"""


def hurry(connection: Connection, work_ids: Collection[int]) -> Hints:
    """Take units out of their batch that somebody wants the names of now."""
    if not work_ids:
        return Counter()
    moved = connection.execute(
        text(
            f"""
            UPDATE work SET batch_id = NULL, not_before = now(), turn = {_TURN_NOW},
                            queue = 'claude'
            WHERE id IN (SELECT id FROM work WHERE id = ANY(:ids) AND queue = 'batches'
                         AND state = 'queued' ORDER BY id FOR UPDATE)
            RETURNING id
            """  # noqa: S608 -- this module's own constant
        ),
        {"ids": list(work_ids)},
    ).all()
    return Counter({Queue.CLAUDE.value: len(moved)} if moved else {})


def read_replies(connection: Connection, work_id: int) -> dict[str, str]:
    """Return the answers that batches brought for a unit, as JSON by the hash of the request."""
    rows = connection.execute(
        text(
            "SELECT request_hash, reply FROM claude_batch_members "
            "WHERE work_id = :work_id AND reply IS NOT NULL ORDER BY custom_id"
        ),
        {"work_id": work_id},
    )
    return {row.request_hash: row.reply for row in rows}


def use_up(connection: Connection, work_id: int) -> None:
    """Drop the answers that a unit has made its result of."""
    connection.execute(
        text(
            "UPDATE claude_batch_members SET reply = NULL "
            "WHERE work_id = :work_id AND reply IS NOT NULL"
        ),
        {"work_id": work_id},
    )
