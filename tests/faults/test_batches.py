"""Everything dies while images wait in Message Batches, and each is paid once."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine, text

from shared.db import invariants
from shared.db.engine import transaction
from shared.errors import Unavailable
from tests.archives import zip_of
from tests.fakes.batches import Batches
from tests.fakes.claude import ClaudeServer
from tests.faults.conftest import SEED
from tests.faults.customer import Customer
from tests.faults.stack import Stack
from tests.faults.trial import clear, images

IMAGES = 1000 if SEED else 60
PROGRAMS = ("api", "pump", "worker-claude", "worker-io", "worker-cv", "redis", "postgres")


@pytest.fixture
def batches(stack: Stack, stack_engine: Engine, faulty_claude: ClaudeServer) -> Iterator[Batches]:
    """The batches of a Claude that ends none by itself."""
    stack.until(stack.api_ready)
    clear(stack, stack_engine)
    faulty_claude.reset()
    faulty_claude.batches.ends_after_s = None
    yield faulty_claude.batches
    faulty_claude.reset()


def kill_everything(stack: Stack) -> None:
    """Kill every program, the servers too, so that nothing runs before all is dead."""
    with ExitStack() as dead:
        for name in PROGRAMS:
            dead.enter_context(stack.away(name))


def count(engine: Engine, query: str) -> int:
    """Return a count, -1 while the database cannot tell."""
    try:
        with transaction(engine) as connection:
            return int(connection.execute(text(query)).scalar_one())
    except Unavailable:
        return -1


def in_batches(engine: Engine) -> int:
    """Return how many requests are known to be at the API and have no answer yet."""
    return count(
        engine,
        "SELECT count(*) FROM claude_batch_members m JOIN claude_batches b ON b.id = m.batch_id "
        "WHERE b.state = 'submitted' AND m.outcome IS NULL",
    )


def test_a_job_in_batches_outlives_the_death_of_everything_and_is_paid_once(
    stack: Stack, stack_engine: Engine, faulty_claude: ClaudeServer, batches: Batches
) -> None:
    batches.hold = {"create", "results"}
    with Customer.register(stack.url) as customer:
        job_id = customer.submit({"images.zip": zip_of(images(IMAGES))}, claude="batch")

        stack.until(lambda: "create" in batches.held)
        kill_everything(stack)
        batches.hold.remove("create")

        stack.until(lambda: in_batches(stack_engine) == IMAGES)
        kill_everything(stack)

        batches.end_all()
        stack.until(lambda: "results" in batches.held)
        kill_everything(stack)
        batches.hold.remove("results")

        stack.until(lambda: customer.has_ended(job_id))
        job = customer.look(job_id)

    assert job is not None
    assert (job["status"], job["counts"]["succeeded"]) == ("succeeded", IMAGES)
    assert (job["counts"]["degraded"], job["cost"]["calls"]) == (0, IMAGES)
    assert (batches.paid, faulty_claude.paid) == (IMAGES, 0)
    with transaction(stack_engine) as connection:
        assert invariants.find_violations(connection) == []
        assert invariants.find_unfinished(connection) == []
