"""The clocks of the machines differ by hours; only PostgreSQL's counts."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from cli import service
from cli.service import WorkerQueue
from shared.queue import Queue
from tests.faults.stack import Stack
from tests.faults.trial import Trial

pytestmark = pytest.mark.faults_full

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
TELL_YEAR = "import time; print(time.gmtime().tm_year)"


def skewed(offset: str) -> dict[str, str]:
    """Return the environment of a program whose wall clock is off (faketime(1))."""
    if not LIBRARIES:
        pytest.skip("libfaketime is not installed")
    return {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME": offset,
        # Clocks of two machines differ in what they show, not in how fast they go.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def test_the_clock_is_really_skewed() -> None:
    command = (sys.executable, "-c", TELL_YEAR)

    def year(**variables: str) -> int:
        environment = os.environ | variables
        return int(subprocess.check_output(command, env=environment))  # noqa: S603 -- constants

    assert year(**skewed("+800d")) >= year() + 2


def test_workers_and_pumps_with_clocks_hours_apart_agree(trial: Trial, stack: Stack) -> None:
    behind, ahead = skewed("-3h"), skewed("+3h")
    others = (
        stack.worker(WorkerQueue.CV, 1, "worker-cv-ahead", **ahead),
        stack.worker(WorkerQueue.CLAUDE, 1, "worker-claude-behind", **behind),
        stack.worker(WorkerQueue.IO, 1, "worker-io-ahead", **ahead),
        stack.program("pump-ahead", service.pump_command(), **ahead),
    )

    with ExitStack() as running:
        for other in others:
            running.enter_context(stack.also(other))
        stack.until(lambda: all(" ready." in stack.log(other.name) for other in others[:-1]))
        # The pump of the wrong clock leads.
        running.enter_context(stack.away("pump"))
        job_id = trial.submit()
        for _ in trial.moments(job_id, 1, Queue.CV):
            trial.kill_at_work("worker-cv-ahead", Queue.CV)

        trial.assert_as_calm(job_id)
