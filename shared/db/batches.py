"""Message Batches: what is known of each, its members, and what becomes of the units in it.

A unit that waits for a batch is ``queued`` in the queue ``batches``, which no worker claims from:
it holds no worker and no lease, and is canceled like any queued unit. ``batch_id`` says which
batch it waits in. The batch's own unit of work, of stage ``batch``, brings the batch along step
by step; every write here may be repeated by whoever takes that unit over.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.db import batch_members, claude_calls
from shared.db.batch_members import MemberEnd, Unit
from shared.db.claude_calls import LedgerEntry
from shared.db.states import BatchState, Stage
from shared.db.work import Hints, WorkKey
from shared.errors import Problem

# What the ledger says of a request that the end of its batch brought no word of.
LOST = LedgerEntry(outcome="lost", latency_s=0)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stands; ages are seconds by the database's clock, None: it was not yet."""

    id: str
    state: BatchState
    api_id: str | None
    adopted: bool
    foreign_ids: frozenset[str]
    age_s: float
    sent_s: float | None
    missed_s: float | None
    submitted_s: float | None
    cancel_asked: bool
    members: int
    wanted: int


def read_batch(connection: Connection, batch_id: str) -> Batch | None:
    """Return a batch; None when it is gone with its owner."""
    row = connection.execute(
        text(
            """
            SELECT id, state, api_id, adopted, foreign_ids,
                   cancel_asked_at IS NOT NULL AS cancel_asked,
                   extract(epoch FROM now() - created_at)::float AS age_s,
                   extract(epoch FROM now() - sent_at)::float AS sent_s,
                   extract(epoch FROM now() - missed_at)::float AS missed_s,
                   extract(epoch FROM now() - submitted_at)::float AS submitted_s,
                   (SELECT count(*) FROM claude_batch_members m
                    WHERE m.batch_id = b.id AND outcome IS NULL) AS members,
                   (SELECT count(*) FROM work w
                    WHERE w.batch_id = b.id AND w.state = 'queued') AS wanted
            FROM claude_batches b WHERE id = :id
            """
        ),
        {"id": batch_id},
    ).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)  # noqa: SLF001 -- SQLAlchemy's public mapping of a row
    values |= {"state": BatchState(row.state), "foreign_ids": frozenset(row.foreign_ids)}
    return Batch(**values)


def list_units(connection: Connection, batch_id: str) -> list[Unit]:
    """Return the units that wait in a batch and are wanted, in the order of their turns."""
    rows = connection.execute(
        text(
            """
            SELECT id, owner_id, sha256, stage, pipeline_version, options_hash, job_id FROM work
            WHERE batch_id = :id AND state = 'queued' ORDER BY turn, id
            """
        ),
        {"id": batch_id},
    )
    return [
        Unit(
            row.id,
            WorkKey(
                row.owner_id, row.sha256, Stage(row.stage), row.pipeline_version, row.options_hash
            ),
            row.job_id,
        )
        for row in rows
    ]


def send(connection: Connection, batch_id: str, built: Collection[str]) -> set[str]:
    """Note that a batch is about to be sent, and let go of the units that are not part of it.

    Units that were canceled meanwhile stay away. A request that was stored and is not sent is
    closed, unpaid.

    Args:
        connection: An open transaction.
        batch_id: Which.
        built: The ids of the requests that could be sent.

    Returns:
        The ids of the requests to send.
    """
    rows = connection.execute(
        text(
            """
            SELECT m.custom_id, w.id AS work_id FROM claude_batch_members m
            JOIN work w ON w.id = m.work_id
            WHERE m.batch_id = :id AND m.outcome IS NULL AND m.custom_id = ANY(:built)
              AND w.batch_id = :id AND w.state = 'queued'
            ORDER BY w.id FOR UPDATE OF w
            """
        ),
        {"id": batch_id, "built": list(built)},
    ).all()
    wanted = {row.custom_id for row in rows}
    dropped = set(batch_members.open_ids(connection, batch_id)) - wanted
    unpaid = LedgerEntry(outcome="canceled", latency_s=0, usd=claude_calls.FREE)
    batch_members.close(connection, [MemberEnd(custom_id, unpaid) for custom_id in dropped])
    connection.execute(
        text("UPDATE work SET batch_id = NULL WHERE batch_id = :id AND NOT id = ANY(:sent)"),
        {"id": batch_id, "sent": [row.work_id for row in rows]},
    )
    _step(connection, batch_id, "state = 'sent', sent_at = now(), missed_at = NULL")
    return wanted


def was_not_sent(connection: Connection, batch_id: str) -> None:
    """Note that the API surely has no such batch, so that it may be sent again."""
    _step(connection, batch_id, "state = 'collected', sent_at = NULL")


def was_missed(connection: Connection, batch_id: str) -> None:
    """Note that a batch was looked for at the API and not found."""
    _step(connection, batch_id, "missed_at = coalesce(missed_at, now())")


def was_submitted(
    connection: Connection, batch_id: str, api_id: str, *, adopted: bool = False
) -> None:
    """Note what the API calls a batch, or what is taken for it."""
    change = (
        "state = 'submitted', api_id = :api_id, adopted = :adopted, "
        "submitted_at = coalesce(submitted_at, now())"
    )
    _step(connection, batch_id, change, api_id=api_id, adopted=adopted)


def was_another(connection: Connection, batch_id: str) -> None:
    """Note that what was taken for a batch is somebody else's."""
    change = (
        "state = 'sent', adopted = false, foreign_ids = foreign_ids || to_jsonb(api_id), "
        "api_id = NULL"
    )
    _step(connection, batch_id, change)


def was_canceled(connection: Connection, batch_id: str) -> None:
    """Note that the API was told that nobody wants a batch any more."""
    _step(connection, batch_id, "cancel_asked_at = coalesce(cancel_asked_at, now())")


def read_api_ids(connection: Connection) -> dict[str, bool]:
    """Return every batch at the API that we know, and whether it may prove to be another's."""
    rows = connection.execute(
        text(
            "SELECT api_id, adopted AND state <> 'ended' AS unsure FROM claude_batches "
            "WHERE api_id IS NOT NULL"
        )
    )
    return {row.api_id: row.unsure for row in rows}


def _step(connection: Connection, batch_id: str, change: str, **parameters: object) -> None:
    connection.execute(
        text(f"UPDATE claude_batches SET {change} WHERE id = :id"),  # noqa: S608 -- constants
        parameters | {"id": batch_id},
    )


def end_batch(connection: Connection, batch_id: str, problem: Problem | None = None) -> Hints:
    """End a batch; what has no answer by now is asked in ordinary calls.

    Args:
        connection: An open transaction.
        batch_id: Which.
        problem: Why it brought no answers.
    """
    batch_members.close(
        connection,
        [MemberEnd(each, LOST) for each in batch_members.open_ids(connection, batch_id)],
    )
    waiting = connection.execute(
        text("SELECT id FROM work WHERE batch_id = :id ORDER BY id"), {"id": batch_id}
    )
    hints = batch_members.go_on(connection, batch_id, [row.id for row in waiting])
    statement = text(
        "UPDATE claude_batches SET state = 'ended', ended_at = now(), problem = :problem "
        "WHERE id = :id AND state <> 'ended'"
    ).bindparams(bindparam("problem", type_=JSONB(none_as_null=True)))
    connection.execute(
        statement, {"id": batch_id, "problem": problem.as_dict() if problem else None}
    )
    return hints
