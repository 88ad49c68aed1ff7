"""PostgreSQL or Redis is away or frozen for a while; the API goes on answering."""

from functools import partial

import pytest

from tests.faults.trial import Trial
from tests.faults.visitors import READS, Visit, visiting

pytestmark = pytest.mark.faults_full

OUTAGE_S = 30.0


def test_redis_away_stops_no_reader_and_loses_no_submission(trial: Trial) -> None:
    job_id = trial.submit()

    for _ in trial.moments(job_id, 1):
        with trial.stack.away("redis"), visiting(trial.customer, job_id) as visit:
            trial.stack.wait(OUTAGE_S)

    assert {reply.status for reply in visit.of(*READS)} == {200}
    assert_taken_or_refused(visit)
    assert_all_end(trial, job_id, visit)


def test_a_frozen_redis_holds_up_no_request(trial: Trial) -> None:
    job_id = trial.submit()

    for _ in trial.moments(job_id, 1):
        with trial.stack.frozen("redis"), visiting(trial.customer, job_id) as visit:
            trial.stack.wait(OUTAGE_S)

    assert {reply.status for reply in visit.of(*READS)} == {200}
    assert_taken_or_refused(visit)
    # Who waits for a broker that does not answer waits until it does.
    assert visit.slowest_s() < OUTAGE_S / 2
    assert_all_end(trial, job_id, visit)


def test_postgres_away_is_said_and_waited_for(trial: Trial) -> None:
    job_id = trial.submit()

    for _ in trial.moments(job_id, 1):
        with trial.stack.away("postgres"), visiting(trial.customer, job_id) as visit:
            trial.stack.wait(OUTAGE_S)

    assert [reply for reply in visit.replies if not reply.is_refusal] == []
    assert_all_end(trial, job_id, visit)


def assert_taken_or_refused(visit: Visit) -> None:
    """No submission fails in a way that says nothing of when to come back."""
    submissions = visit.of("submission")
    assert [each for each in submissions if each.status != 202 and not each.is_refusal] == []


def assert_all_end(trial: Trial, job_id: str, visit: Visit) -> None:
    """The job and all that visitors submitted end well."""
    for each in visit.job_ids:
        trial.stack.until(partial(trial.customer.has_ended, each))
    trial.assert_as_calm(job_id, lost_calls=len(visit.job_ids))
    jobs = [trial.customer.look(each) for each in visit.job_ids]
    assert {job["status"] for job in jobs if job} <= {"succeeded"}
