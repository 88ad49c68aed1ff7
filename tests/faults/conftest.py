"""Faults strike a running service: in a short form with every test run, in full by `make faults`.

``FAULTS_SEED`` selects the full form, and the moments at which faults strike.
"""

import os
from collections.abc import Iterator
from random import Random

import pytest
from sqlalchemy import Engine

from shared.db.engine import connect
from tests.archives import zip_of
from tests.fakes.claude import ClaudeServer
from tests.faults.customer import Customer, Outcome
from tests.faults.stack import Stack, running_stack

# What fails in there says with which values.
pytest.register_assert_rewrite("tests.faults.trial")

from tests.faults.trial import Trial, clear, images  # noqa: E402 -- after the line above

SEED = os.environ.get("FAULTS_SEED")
IMAGES = 200 if SEED else 40
# A call takes this long, so that jobs last for seconds and faults strike in the middle.
LATENCY_S = 0.04
# Trials wait for leases to end, and some for a minute's outage; see WITHIN_S of the stack.
TIMEOUT_S = 900.0


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of the full form."""
    config.addinivalue_line("markers", "faults_full: strikes in `make faults` only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the full form out unless it was asked for."""
    ours = [item for item in items if "faults" in item.path.parts]
    for item in ours:
        item.add_marker(pytest.mark.timeout(TIMEOUT_S))
    left_out = [item for item in ours if not SEED and item.get_closest_marker("faults_full")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Print the figures of a trial that has passed."""
    if report.passed and report.when == "teardown":
        for name, figures in report.user_properties:
            if name == "figures":
                print(f"\n{report.nodeid.rpartition('::')[2]}: {figures}", flush=True)


@pytest.fixture(scope="session")
def faulty_claude() -> Iterator[ClaudeServer]:
    """A Claude that tests slow down, break and count the calls of."""
    with ClaudeServer() as server:
        yield server


@pytest.fixture(scope="session")
def stack(
    faulty_claude: ClaudeServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """One stack for all trials."""
    with running_stack(tmp_path_factory.mktemp("stack"), faulty_claude.base_url) as running:
        yield running


@pytest.fixture(scope="session")
def stack_engine(stack: Stack) -> Iterator[Engine]:
    """A way into the stack's database."""
    engine = connect(stack.database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def calm(stack: Stack) -> Outcome:
    """What the images come to while nothing happens."""
    with Customer.register(stack.url) as customer:
        job_id = customer.submit({"images.zip": zip_of(images(IMAGES))})
        stack.until(lambda: customer.has_ended(job_id))
        return customer.outcome(job_id)


@pytest.fixture
def trial(
    stack: Stack,
    stack_engine: Engine,
    faulty_claude: ClaudeServer,
    calm: Outcome,
    request: pytest.FixtureRequest,
) -> Iterator[Trial]:
    """A new user of a stack that is well, and what is to be true after the fault."""
    stack.until(stack.api_ready)
    clear(stack, stack_engine)
    stack.kills = 0
    faulty_claude.reset()
    faulty_claude.latency_s = LATENCY_S
    random = Random(f"{SEED or 1} {request.node.name}")  # noqa: S311 -- told by the seed
    with Customer.register(stack.url) as customer:
        trial = Trial(stack, stack_engine, faulty_claude, images(IMAGES), calm, random, customer)
        yield trial
    request.node.user_properties.append(("figures", trial.figures()))
    stack.thaw_all()
