"""What Claude was asked, so that it is not asked the same about an image that looks the same.

Two images have the same question when all that Claude is told of them but the picture is equal to
the letter: each measured candidate, the size as sent, the rules, the tool and the model. Names
depend on the picture besides, so the pictures must look alike as well. The answer to a question
is the result of the unit of work that asked it; nothing is copied until it is used again.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.db.work import Claim

# Of the 64 bits of two looks, so many may differ: the bound up to which the method's author takes
# two pictures for one with small changes. Unrelated ones differ in some 32; our sample screens,
# of one style and with much empty ground, in 16 or more. One with another photo differs in 0 to 4.
# Source: N. Krawetz, "Kind of Like That", 2013.
MAX_DISTANCE = 10


@dataclass(frozen=True, slots=True)
class Question:
    """What Claude is asked about an image of an owner: ``look`` is 64 bits, signed."""

    owner_id: str
    question_hash: str
    look: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of another unit that asked the same."""

    value: dict[str, Any]


class Pending:
    """Another unit is asking the same right now."""


def pose(connection: Connection, claimed: Claim, question: Question) -> Answer | Pending | None:
    """Look for an answer to a unit's question, or note that the unit asks it.

    Units that ask the same at once come here one after the other: the first is told to ask, the
    others find it pending. A unit that waits asks nothing, so no two wait for each other.

    Returns:
        An answer, which the unit's result is to be; that it is pending; None: ask.
    """
    lock = int(question.question_hash[:15], 16)
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
    found = _find(connection, question, claimed.id)
    if found is None:
        note(connection, claimed, question)
        return None
    if found.value is None:
        connection.execute(
            text("DELETE FROM claude_questions WHERE work_id = :id"), {"id": claimed.id}
        )
        return Pending()
    # The look of the first stays: a chain of small changes must not lead far away from it.
    first = Question(question.owner_id, question.question_hash, found.look)
    _write(connection, claimed, first, found.named_by)
    return Answer(found.value)


def note(connection: Connection, claimed: Claim, question: Question) -> None:
    """Note that a unit asks, whether or not somebody else has an answer."""
    _write(connection, claimed, question, None)


def is_answered(connection: Connection, work_id: int, question: Question) -> bool:
    """Tell whether there is an answer, for who could ask later."""
    found = _find(connection, question, work_id)
    return found is not None and found.value is not None


def _find(connection: Connection, question: Question, work_id: int) -> Row[Any] | None:
    """Return the newest answer of another unit; one that is being asked for, with no value."""
    return connection.execute(
        text(
            """
            SELECT coalesce(w.named_by, w.id) AS named_by, q.look, r.value
            FROM claude_questions q JOIN work w ON w.id = q.work_id
            LEFT JOIN results r ON r.work_id = w.id AND w.state = 'done'
            WHERE q.owner_id = :owner_id AND q.question_hash = :question_hash
              AND q.work_id <> :work_id
              AND bit_count(CAST(q.look # CAST(:look AS bigint) AS bit(64))) <= :distance
              AND (w.state = 'running' OR w.state = 'done' AND r.degraded IS NULL)
            ORDER BY w.state = 'done' DESC, r.created_at DESC LIMIT 1
            """
        ),
        {
            "owner_id": question.owner_id,
            "question_hash": question.question_hash,
            "look": question.look,
            "work_id": work_id,
            "distance": MAX_DISTANCE,
        },
    ).one_or_none()


def _write(
    connection: Connection, claimed: Claim, question: Question, named_by: int | None
) -> None:
    connection.execute(
        text(
            """
            WITH ours AS (
                UPDATE work SET named_by = :named_by
                WHERE id = :id AND attempt = :attempt AND state = 'running' RETURNING id
            )
            INSERT INTO claude_questions (work_id, owner_id, question_hash, look)
            SELECT id, :owner_id, :question_hash, :look FROM ours
            ON CONFLICT (work_id) DO UPDATE
            SET question_hash = excluded.question_hash, look = excluded.look
            """
        ),
        {
            "id": claimed.id,
            "attempt": claimed.attempt,
            "named_by": named_by,
            "owner_id": question.owner_id,
            "question_hash": question.question_hash,
            "look": question.look,
        },
    )
