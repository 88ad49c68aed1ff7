"""`copythat up` is killed as a whole, servers and all, and started again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from shared.db.engine import connect
from tests.fakes.claude import ClaudeServer
from tests.faults.conftest import IMAGES, LATENCY_S, SEED
from tests.faults.customer import Customer, Outcome
from tests.faults.stack import running_up
from tests.faults.trial import Trial, images

pytestmark = pytest.mark.faults_full

STRIKES = 3


@pytest.fixture
def up_trial(calm: Outcome, faulty_claude: ClaudeServer, tmp_path: Path) -> Iterator[Trial]:
    """A trial of an `up` of its own."""
    faulty_claude.reset()
    faulty_claude.latency_s = LATENCY_S
    with running_up(tmp_path, faulty_claude.base_url) as up:
        engine = connect(up.database_url)
        with Customer(up.url, up.api_key()) as customer:
            random = Random(SEED)  # noqa: S311 -- told by the seed
            yield Trial(up, engine, faulty_claude, images(IMAGES), calm, random, customer)
        engine.dispose()


def test_a_job_outlives_the_whole_service(
    up_trial: Trial, record_property: Callable[[str, object], None]
) -> None:
    job_id = up_trial.submit()

    for _ in up_trial.moments(job_id, STRIKES):
        up_trial.stack.kill("up")

    up_trial.assert_as_calm(job_id, lost_calls=STRIKES)
    record_property("figures", up_trial.figures())
