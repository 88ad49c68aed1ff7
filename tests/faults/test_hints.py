"""Hints that come too often, programs that are there twice, and work that is asked for twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from cli import service
from shared.queue import HIGH_WATER, Queue, celery_app, publish
from tests.archives import zip_of
from tests.end_to_end.conftest import drawing
from tests.faults.stack import Stack
from tests.faults.trial import Trial

COPIES = 4  # of each hint, besides the hint itself
AT_ONCE = 20

Done = TypeVar("Done")


def test_every_hint_sent_five_times_changes_nothing(trial: Trial) -> None:
    job_id = trial.submit()

    # Hints of a queue are all alike, so copies of them are as many more of them: one for each
    # image and stage, in portions that a publisher is allowed.
    copies = dict.fromkeys([queue.value for queue in Queue], min(len(trial.images), HIGH_WATER))
    for _ in trial.moments(job_id, COPIES):
        publish(celery_app(trial.stack.broker_url), copies)

    trial.assert_as_calm(job_id)


def test_a_second_pump_waits_for_the_first_and_takes_over(trial: Trial, stack: Stack) -> None:
    with stack.also(stack.program("pump-2", service.pump_command())):
        job_id = trial.submit()
        for _ in trial.moments(job_id, 1):
            with stack.away("pump"):
                stack.until(lambda: "pump leads" in stack.log("pump-2"))
                stack.until(lambda: trial.customer.has_ended(job_id))

        trial.assert_as_calm(job_id)


def test_one_image_in_twenty_jobs_at_once_is_paid_for_once(trial: Trial) -> None:
    image = {"same.png": drawing(1000)}

    job_ids = at_once(lambda: trial.customer.submit(image))
    for job_id in job_ids:
        trial.stack.until(partial(trial.customer.has_ended, job_id))

    sets = [trial.customer.outcome(job_id).of_items["same.png"]["tokens"] for job_id in job_ids]
    assert len(set(job_ids)) == AT_ONCE
    assert sets == [sets[0]] * AT_ONCE
    assert trial.claude.paid == 1
    trial.assert_at_rest()


def test_one_key_from_twenty_threads_makes_one_job(trial: Trial) -> None:
    files = {"images.zip": zip_of(trial.images)}
    headers = {"Idempotency-Key": "the same"}

    answers = at_once(lambda: trial.customer.post(files, headers))

    assert {answer.status_code for answer in answers} <= {200, 202}, answers
    (job_id,) = {answer.json()["id"] for answer in answers}
    assert [job["id"] for job in trial.customer.http.get("/jobs").json()["data"]] == [job_id]
    trial.assert_as_calm(job_id)


def at_once(do: Callable[[], Done]) -> list[Done]:
    """Do something from many threads, and return what each got."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return [each.result() for each in [threads.submit(do) for _ in range(AT_ONCE)]]
