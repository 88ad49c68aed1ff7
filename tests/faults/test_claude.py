"""Claude is slow, overloaded, cuts connections, or is away for a minute."""

from collections.abc import Iterator

import pytest
from llmock.scenarios import Delay, Fail

from cli.service import WorkerQueue
from tests.fakes.claude import DROPPED, OVERLOADED, Scripted
from tests.faults.stack import Stack
from tests.faults.trial import Trial

pytestmark = pytest.mark.faults_full

# As many calls at once as `copythat up` makes.
THREADS = 16
SLOW_S = 3.0
AWAY_S = 60.0
RESETS = 4
# Beside four bad ones: a fifth of the calls fails, and a call twice in a row now and then.
GOOD_FATES = 16
# Enough that some calls are under way at any moment.
LATENCY_S = 0.3
# Calls in a row that fail: enough to open the gate (5), and its first probe as well.
BURST = 8


@pytest.fixture(autouse=True)
def _more_threads(stack: Stack) -> Iterator[None]:
    """Call Claude from many threads, as an ordinary worker does."""
    with stack.also(stack.worker(WorkerQueue.CLAUDE, THREADS, "worker-claude-2")):
        yield


def test_a_slow_claude_costs_time_alone(trial: Trial) -> None:
    trial.claude.latency_s = SLOW_S

    job_id = trial.submit()

    trial.assert_as_calm(job_id)


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(Fail(429, retry_after=3), id="429 with Retry-After"),
        pytest.param(Fail(429), id="429"),
        pytest.param(OVERLOADED, id="529"),
        pytest.param(DROPPED, id="cut answers"),
    ],
)
def test_a_burst_of_failures_leaves_no_trace(trial: Trial, failure: Scripted) -> None:
    job_id = trial.submit()

    for _ in trial.moments(job_id, 2):
        trial.claude.script(*[failure] * BURST)

    trial.assert_as_calm(job_id)


def test_connections_reset_at_random_moments_are_made_anew(trial: Trial) -> None:
    trial.claude.latency_s = LATENCY_S
    job_id = trial.submit()

    cut = sum(trial.claude.reset_connections() for _ in trial.moments(job_id, RESETS))

    trial.assert_as_calm(job_id, lost_calls=cut)


def test_scattered_failures_leave_no_trace(trial: Trial) -> None:
    failures: list[Scripted] = [Fail(429, retry_after=1), OVERLOADED, DROPPED, Fail(500)]
    fates = [*failures, *[Delay(0)] * GOOD_FATES]
    trial.claude.script(*trial.random.choices(fates, k=len(trial.images)))

    job_id = trial.submit()

    trial.assert_as_calm(job_id)


def test_a_claude_that_is_away_for_a_minute_is_waited_for(trial: Trial) -> None:
    job_id = trial.submit()

    for _ in trial.moments(job_id, 1):
        trial.claude.go_away()
        trial.stack.wait(AWAY_S)
        trial.claude.come_back()

    trial.assert_as_calm(job_id)
