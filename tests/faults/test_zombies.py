"""Workers that stop in the middle of something, and wake up when others have done it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from cli.service import WorkerQueue
from shared.db.engine import transaction
from shared.queue import Queue
from tests.faults.stack import CLAUDE_THREADS, CV_PROCESSES, Stack
from tests.faults.trial import Trial

pytestmark = pytest.mark.faults_full

# A call that takes this long is easily caught.
LATENCY_S = 0.3
# What a worker says whose lease was taken back while it was away.
FENCED_OFF = "outcome of a lost lease dropped"
SECONDS = {Queue.CV: CV_PROCESSES, Queue.CLAUDE: CLAUDE_THREADS}


@pytest.mark.parametrize("queue", SECONDS)
def test_a_worker_that_wakes_past_its_lease_writes_nothing(
    trial: Trial, stack: Stack, queue: Queue
) -> None:
    name = f"worker-{queue}"
    second = stack.worker(WorkerQueue(queue), SECONDS[queue], f"{name}-2")

    with stack.also(second):
        job_id = trial.submit()
        for _ in trial.moments(job_id, 1, queue):
            assert trial.freeze_at_work(name, queue)
        # The lease ends, the pump takes the unit back, and the second worker does it.
        stack.until(lambda: trial.customer.has_ended(job_id))
        before = written(trial)
        stack.thaw(name)
        stack.until(lambda: FENCED_OFF in stack.log(name))

        assert written(trial) == before
        trial.assert_as_calm(job_id, lost_calls=1 if queue is Queue.CLAUDE else 0)


def written(trial: Trial) -> list[object]:
    """Return all work with its result, as it stands."""
    statement = text(
        "SELECT w.*, r.value::text, r.created_at AS stored_at "
        "FROM work w LEFT JOIN results r ON r.work_id = w.id ORDER BY w.id"
    )
    with transaction(trial.engine) as connection:
        return list(connection.execute(statement))


@pytest.mark.parametrize("table", ["work", "claude_calls"])
def test_a_call_whose_answer_was_not_stored_is_made_once_more(
    trial: Trial, stack: Stack, table: str
) -> None:
    trial.claude.latency_s = LATENCY_S
    job_id = trial.submit()

    for _ in trial.moments(job_id, 1):
        with held_back(trial, table):
            stack.kill("worker-claude")
    trial.claude.latency_s = 0

    trial.assert_as_calm(job_id, lost_calls=1)
    assert trial.claude.paid == len(trial.images) + 1


CALLS = {
    "work": "SELECT id FROM work WHERE stage = 'name' AND state = 'running' FOR UPDATE",
    "claude_calls": "SELECT id FROM claude_calls WHERE outcome IS NULL FOR UPDATE",
}


@contextmanager
def held_back(trial: Trial, table: str) -> Iterator[None]:
    """Let a call be paid for, and hold back the write to a table that follows it.

    With ``claude_calls`` that is the ledger's, with ``work`` the result's.
    """
    with trial.engine.connect() as connection:
        paid = 0

        def caught() -> bool:
            nonlocal paid
            connection.rollback()
            paid = trial.claude.paid
            found = connection.execute(text(CALLS[table])).all()
            return len(found) == 1 and trial.claude.in_flight == 1

        trial.stack.until(caught)
        trial.stack.until(lambda: trial.claude.paid > paid and waits_for_lock(trial))
        yield


def waits_for_lock(trial: Trial) -> bool:
    """Tell whether a statement waits for a row."""
    statement = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    with transaction(trial.engine) as connection:
        return bool(connection.execute(statement).scalar_one())
