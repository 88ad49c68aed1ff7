"""Programs die at random moments of a job and are started again by whoever looks after them."""

import signal
from collections.abc import Callable

import pytest

from shared.queue import Queue
from tests.faults.trial import Trial

STRIKES = 3

Kill = Callable[[Trial], None]


def kill(name: str, number: signal.Signals = signal.SIGKILL) -> Kill:
    return lambda trial: trial.stack.kill(name, number)


def kill_at_work(queue: Queue, *, child: bool = False) -> Kill:
    return lambda trial: trial.kill_at_work(f"worker-{queue}", queue, child=child)


# By which queue's progress the moments are told, and what is done.
WORKERS: dict[str, tuple[Queue, Kill]] = {
    "a child of the cv worker": (Queue.CV, kill_at_work(Queue.CV, child=True)),
    "the cv worker": (Queue.CV, kill_at_work(Queue.CV)),
    "the claude worker": (Queue.CLAUDE, kill_at_work(Queue.CLAUDE)),
    "the io worker": (Queue.IO, kill_at_work(Queue.IO)),
}
OTHERS: dict[str, Kill] = {
    "the pump": kill("pump"),
    "the API": kill("api"),
    "Redis, which loses all": kill("redis"),
    "PostgreSQL": kill("postgres"),
    "PostgreSQL, by SIGQUIT": kill("postgres", signal.SIGQUIT),
}


def test_a_job_outlives_the_death_of_every_program(trial: Trial) -> None:
    # Pixels are measured ahead of the rest, so their workers die first.
    strikes = [strike for _, strike in WORKERS.values()]
    strikes += trial.random.sample(list(OTHERS.values()), len(OTHERS))
    job_id = trial.submit()

    for strike, _ in zip(strikes, trial.moments(job_id, len(strikes)), strict=True):
        strike(trial)

    trial.assert_as_calm(job_id, lost_calls=1)


@pytest.mark.faults_full
@pytest.mark.parametrize("victim", WORKERS)
def test_a_job_outlives_three_deaths_of_a_worker(trial: Trial, victim: str) -> None:
    queue, strike = WORKERS[victim]
    job_id = trial.submit()

    for _ in trial.moments(job_id, STRIKES, queue):
        strike(trial)

    trial.assert_as_calm(job_id, lost_calls=STRIKES if queue is Queue.CLAUDE else 0)


@pytest.mark.faults_full
@pytest.mark.parametrize("victim", OTHERS)
def test_a_job_outlives_three_deaths(trial: Trial, victim: str) -> None:
    job_id = trial.submit()

    for _ in trial.moments(job_id, STRIKES):
        OTHERS[victim](trial)

    trial.assert_as_calm(job_id)
