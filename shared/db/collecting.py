"""The pump's part in Message Batches: what is put together, and which batch needs a look.

Everything is derived from rows, so it may run at any time, twice or late.
"""

from collections import Counter

from sqlalchemy import Connection, Row, text

from shared.db import batch_members, batches, completion, work
from shared.db.engine import new_id
from shared.db.states import Stage
from shared.db.work import Hints
from shared.errors import Problem, StageLost
from shared.queue import Queue
from shared.tokens import PIPELINE_VERSION

# A batch is sent when no unit has come for so long, or when its first has waited for so long:
# measuring hands units over one by one, and what waits for a batch is in no hurry.
QUIET_S = 5.0
LONGEST_S = 60.0
# The API takes 100,000 requests a batch, and an image has at most two.
MOST_UNITS = 50_000
# Batches begun in one transaction.
AT_ONCE = 20
# The API keeps results for 29 days; what we know of a batch is of no use after them.
KEPT_DAYS = 30


def collect(connection: Connection) -> Hints:
    """Begin a batch for each job whose units have waited for company long enough.

    Returns:
        Hints that the caller sends after the commit.
    """
    hints = _pass_answered(connection)
    due = connection.execute(
        text(
            """
            SELECT owner_id, job_id, min(priority) AS priority FROM work
            WHERE queue = 'batches' AND state = 'queued' AND batch_id IS NULL
            GROUP BY owner_id, job_id
            HAVING max(not_before) <= now() - make_interval(secs => :quiet)
                OR min(not_before) <= now() - make_interval(secs => :longest)
                OR count(*) >= :most
            ORDER BY min(not_before) LIMIT :at_once
            """
        ),
        {"quiet": QUIET_S, "longest": LONGEST_S, "most": MOST_UNITS, "at_once": AT_ONCE},
    ).all()
    return sum((_begin(connection, row) for row in due), hints)


def _pass_answered(connection: Connection) -> Hints:
    """Let units go on that were canceled, are wanted again and have their answer already."""
    answered = connection.execute(
        text(
            """
            SELECT id FROM work w
            WHERE queue = 'batches' AND state = 'queued' AND batch_id IS NULL AND EXISTS (
                SELECT FROM claude_batch_members m
                WHERE m.work_id = w.id AND m.reply IS NOT NULL)
            """
        )
    )
    return batch_members.hurry(connection, [row.id for row in answered])


def _begin(connection: Connection, due: Row[object]) -> Hints:
    """Put the units of a job that wait into a new batch, and queue the batch's own unit."""
    batch_id = new_id("batch")
    parameters = {"id": batch_id, "owner_id": due.owner_id, "job_id": due.job_id}
    connection.execute(
        text("INSERT INTO claude_batches (id, owner_id, job_id) VALUES (:id, :owner_id, :job_id)"),
        parameters,
    )
    connection.execute(
        text(
            """
            UPDATE work SET batch_id = :id WHERE id IN (
                SELECT id FROM work
                WHERE queue = 'batches' AND state = 'queued' AND batch_id IS NULL
                  AND owner_id = :owner_id AND job_id IS NOT DISTINCT FROM :job_id
                ORDER BY turn, id LIMIT :most FOR UPDATE SKIP LOCKED
            )
            """
        ),
        parameters | {"most": MOST_UNITS},
    )
    key = completion.job_key(due.owner_id, batch_id, Stage.BATCH, PIPELINE_VERSION)
    return work.enqueue(connection, [key], due.job_id, due.priority)


def wake_unwanted(connection: Connection) -> Hints:
    """Have batches looked at now that nobody waits for any more, so that they are canceled."""
    woken = connection.execute(
        text(
            """
            UPDATE work SET not_before = now() WHERE id IN (
                SELECT c.id FROM claude_batches b JOIN work c ON c.owner_id = b.owner_id
                     AND c.sha256 = '' AND c.stage = 'batch' AND c.options_hash = b.id
                WHERE b.state <> 'ended' AND b.cancel_asked_at IS NULL
                  AND c.state = 'queued' AND c.not_before > now()
                  AND NOT EXISTS (
                    SELECT FROM work w WHERE w.batch_id = b.id AND w.state = 'queued')
                ORDER BY c.id FOR UPDATE OF c SKIP LOCKED
            )
            RETURNING id
            """
        )
    ).all()
    return Counter({Queue.CLAUDE.value: len(woken)} if woken else {})


def give_up_dead(connection: Connection) -> Hints:
    """End batches whose own unit ended in an error: their images are named in ordinary calls."""
    dead = connection.execute(
        text(
            """
            SELECT b.id FROM claude_batches b
            WHERE b.state <> 'ended' AND NOT EXISTS (
                SELECT FROM work c
                WHERE c.owner_id = b.owner_id AND c.sha256 = '' AND c.stage = 'batch'
                  AND c.options_hash = b.id AND c.state IN ('queued', 'running'))
            ORDER BY b.id FOR UPDATE
            """
        )
    ).all()
    problem = Problem.of(StageLost("nothing brings this batch along any more"))
    return sum((batches.end_batch(connection, row.id, problem) for row in dead), Counter())


def forget_old(connection: Connection) -> None:
    """Forget batches that ended long ago, with the units that brought them along."""
    connection.execute(
        text(
            """
            WITH old AS (
                DELETE FROM claude_batches
                WHERE ended_at < now() - make_interval(days => :days) RETURNING id, owner_id
            )
            DELETE FROM work c USING old
            WHERE c.owner_id = old.owner_id AND c.sha256 = '' AND c.stage = 'batch'
              AND c.options_hash = old.id
            """
        ),
        {"days": KEPT_DAYS},
    )
