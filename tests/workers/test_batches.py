"""Message Batches over a real PostgreSQL and a Claude over HTTP, a step at a time."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, Row, text

from shared.blobs import open_store
from shared.db import collecting, completion, control, invariants, leases, steps, work
from shared.db.blobs import SourceFile
from shared.db.engine import transaction
from shared.db.items import NewItem
from shared.db.job_views import JobView, read_job
from shared.db.jobs import NewJob, create_job
from shared.db.states import Stage
from shared.queue import Queue
from shared.settings import Settings
from tests.end_to_end.conftest import drawing
from tests.fakes.batches import Batch
from tests.fakes.claude import ClaudeServer
from workers.app import Site
from workers.leases import Leases
from workers.outcome import NotYet
from workers.stages import body_for

IMAGES = 4
# More than a batch that never ends by itself has steps for.
MOST_STEPS = 60


@pytest.fixture(scope="session")
def server() -> Iterator[ClaudeServer]:
    with ClaudeServer() as started:
        yield started


@pytest.fixture
def claude(server: ClaudeServer) -> ClaudeServer:
    """A Claude whose batches end when the test says so."""
    server.reset()
    server.batches.ends_after_s = None
    return server


@pytest.fixture
def site(engine: Engine, tmp_path: Path, claude: ClaudeServer) -> Iterator[Site]:
    """A worker of the test's own; whatever it did, the books balance."""
    settings = Settings(data_dir=tmp_path).model_copy(
        update={
            "anthropic_api_key": SecretStr("a-key"),
            "anthropic_base_url": claude.base_url,
        }
    )
    blobs = open_store(None, settings.blob_dir)
    yield Site(settings, engine, blobs, Leases(engine), "worker")
    with transaction(engine) as connection:
        assert invariants.find_violations(connection) == []


def submit(site: Site, owner_id: str, **options: object) -> str:
    """Store a job of small images in mode hybrid, in batches unless the options say otherwise."""
    stored = [(f"{n}.png", site.blobs.put(drawing(n))) for n in range(IMAGES)]
    sources = [SourceFile(name, b.sha256, b.size_bytes, "image/png") for name, b in stored]
    chosen = {"token_types": ["color"], "force": False, "model": None, "claude": "batch"}
    items = [NewItem(source.filename, source.sha256) for source in sources]
    new = NewJob(owner_id, "job", "hybrid", 10, chosen | options, sources, "request", items)
    with transaction(site.engine) as connection:
        return create_job(connection, new).job_id


def lead(engine: Engine) -> None:
    """Do the pump's part, as if what waits had waited for long."""
    with transaction(engine) as connection:
        connection.execute(
            text(
                "UPDATE work SET not_before = now() - interval '1 h' "
                "WHERE state = 'queued' AND batch_id IS NULL"
            )
        )
        collecting.collect(connection)
        collecting.wake_unwanted(connection)
        collecting.give_up_dead(connection)


def do_next(site: Site) -> Stage | None:
    """Do the next unit of any queue; None when nothing is due, or all that is waits."""
    with transaction(site.engine) as connection:
        for queue in (Queue.CV, Queue.IO, Queue.CLAUDE):
            if claims := work.claim(connection, queue, site.name):
                completion.begin(connection, claims)
                break
        else:
            return None
    (claimed,) = claims
    try:
        done = body_for(claims)(site, claimed)
    except NotYet as waiting:
        with transaction(site.engine) as connection:
            leases.lay_down(connection, claimed, max(waiting.delay_s, 60))
        return Stage.BATCH
    with transaction(site.engine) as connection:
        assert work.finish(connection, claimed, done.value, done.degraded)
        done.also(connection)
        steps.advance_keys(connection, [claimed.key])
    return claimed.key.stage


def drain(site: Site, looks: int = 1) -> list[Stage]:
    """Do all there is to do, looking at each batch so many times; return the stages done."""
    done: list[Stage] = []
    for _ in range(looks):
        lead(site.engine)
        with transaction(site.engine) as connection:
            connection.execute(
                text("UPDATE work SET not_before = now() WHERE stage = 'batch' AND state='queued'")
            )
        while stage := do_next(site):
            done.append(stage)
            assert len(done) < MOST_STEPS
    return done


def submitted(site: Site, owner_id: str, **options: object) -> str:
    """Submit a job and bring its images to where they wait for a batch that was sent."""
    job_id = submit(site, owner_id, **options)
    drain(site, looks=2)
    return job_id


def view(site: Site, owner_id: str, job_id: str) -> JobView:
    with transaction(site.engine) as connection:
        return read_job(connection, owner_id, job_id)


def rows(site: Site, query: str) -> list[Row[Any]]:
    with transaction(site.engine) as connection:
        return list(connection.execute(text(query)))


def states(site: Site) -> list[str]:
    return [row.state for row in rows(site, "SELECT state FROM claude_batches ORDER BY id")]


def settle(site: Site) -> None:
    """Let the time pass after which a batch that is not listed never arrived."""
    with transaction(site.engine) as connection:
        connection.execute(
            text("UPDATE claude_batches SET missed_at = missed_at - interval '1 min'")
        )


def stranger(claude: ClaudeServer) -> Batch:
    """Somebody else's batch of the same account, as large as ours."""
    params = claude.batches.all[0].requests if claude.batches.all else {}
    request = next(iter(params.values()), {})
    return claude.batches.add({f"theirs-{n}": request for n in range(IMAGES)})


def test_units_wait_for_a_batch_without_worker_or_lease(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    job_id = submitted(site, owner_id)

    job = view(site, owner_id, job_id)
    waiting = rows(site, "SELECT state, attempt, lease_until FROM work WHERE stage = 'name'")
    assert [tuple(row) for row in waiting] == [("queued", 0, None)] * IMAGES
    assert (job.queued, job.running) == (IMAGES, 0)
    assert job.waiting_on is not None
    assert job.waiting_on["what"] == "batch"
    assert len(claude.batches.all) == 1


def test_answers_of_a_batch_are_used_without_a_call_and_cost_half(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    job_id = submitted(site, owner_id)
    claude.batches.end_all()
    drain(site, looks=2)

    job = view(site, owner_id, job_id)
    assert (job.state, job.degraded, job.calls) == ("succeeded", 0, IMAGES)
    assert claude.requests == []
    batched, claude_requests = job.usd, len(claude.requests)
    again = submit(site, owner_id, claude="interactive", force=True)
    drain(site, looks=2)
    assert len(claude.requests) == claude_requests + IMAGES
    # The prompt cache was written by one of the single calls.
    assert batched is not None
    assert batched < (view(site, owner_id, again).usd or Decimal(0)) * Decimal("0.55")


def test_a_submission_that_was_cut_off_is_found_again(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    claude.batches.drop_after = 1
    job_id = submitted(site, owner_id)
    claude.batches.end_all()
    drain(site, looks=2)

    assert view(site, owner_id, job_id).state == "succeeded"
    assert (claude.batches.submissions, claude.batches.paid) == (1, IMAGES)
    assert claude.requests == []


def test_a_submission_that_never_arrived_is_sent_again_after_a_while(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    claude.batches.drop_before = 1
    job_id = submitted(site, owner_id)
    drain(site)
    assert claude.batches.submissions == 1

    settle(site)
    drain(site)
    claude.batches.end_all()
    drain(site, looks=2)

    assert view(site, owner_id, job_id).state == "succeeded"
    assert (claude.batches.submissions, claude.batches.paid) == (2, IMAGES)
    assert view(site, owner_id, job_id).calls == IMAGES


def test_another_batch_as_large_is_taken_for_ours_until_it_ends(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    claude.batches.drop_before = 1
    job_id = submit(site, owner_id)
    drain(site)
    theirs = stranger(claude)
    drain(site, looks=2)
    theirs.results = {each: {"type": "expired"} for each in theirs.requests}

    drain(site, looks=2)
    settle(site)
    drain(site)
    claude.batches.end_all()
    drain(site, looks=2)

    assert view(site, owner_id, job_id).state == "succeeded"
    assert (claude.batches.submissions, claude.batches.paid) == (2, IMAGES)


@pytest.mark.parametrize("fate", ["errored", "expired"])
def test_what_a_batch_leaves_unanswered_is_asked_in_a_call(
    site: Site, owner_id: str, claude: ClaudeServer, fate: str
) -> None:
    claude.batches.fates = {1: fate}
    job_id = submitted(site, owner_id)
    claude.batches.end_all()
    drain(site, looks=2)

    job = view(site, owner_id, job_id)
    assert (job.state, job.degraded) == ("succeeded", 0)
    assert (claude.batches.paid, len(claude.requests)) == (IMAGES - 1, 1)
    unpaid = rows(site, "SELECT usd FROM claude_calls WHERE outcome IN ('rejected', 'expired')")
    assert [row.usd for row in unpaid] == [0]


def test_a_canceled_job_cancels_its_batch(site: Site, owner_id: str, claude: ClaudeServer) -> None:
    job_id = submitted(site, owner_id)
    with transaction(site.engine) as connection:
        control.request_cancel(connection, owner_id, job_id)
        control.cancel_pending(connection, job_id)
    drain(site)
    claude.batches.end_all()
    drain(site, looks=2)

    job = view(site, owner_id, job_id)
    assert (job.state, job.usd) == ("canceled", Decimal(0))
    assert claude.batches.paid == 0
    assert states(site) == ["ended"]


def test_what_is_canceled_and_wanted_again_waits_in_the_same_batch(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    job_id = submitted(site, owner_id)
    with transaction(site.engine) as connection:
        control.request_cancel(connection, owner_id, job_id)
        control.cancel_pending(connection, job_id)
    again = submit(site, owner_id)
    drain(site)
    claude.batches.end_all()
    drain(site, looks=2)

    assert view(site, owner_id, again).state == "succeeded"
    assert (claude.batches.submissions, claude.batches.paid) == (1, IMAGES)
    assert claude.requests == []


def test_what_was_taken_back_and_is_wanted_again_waits_in_another_batch(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    job_id = submitted(site, owner_id)
    with transaction(site.engine) as connection:
        control.request_cancel(connection, owner_id, job_id)
        control.cancel_pending(connection, job_id)
    drain(site)
    again = submit(site, owner_id)
    claude.batches.end_all()
    drain(site, looks=3)
    claude.batches.end_all()
    drain(site, looks=2)

    assert view(site, owner_id, again).state == "succeeded"
    assert (claude.batches.submissions, claude.batches.paid) == (2, IMAGES)
    assert claude.requests == []


def test_an_answer_that_came_after_the_cancel_serves_the_next_job(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    job_id = submitted(site, owner_id)
    claude.batches.end_all()
    with transaction(site.engine) as connection:
        control.request_cancel(connection, owner_id, job_id)
        control.cancel_pending(connection, job_id)
    drain(site, looks=2)
    again = submit(site, owner_id)
    drain(site, looks=2)

    assert view(site, owner_id, again).state == "succeeded"
    assert (claude.batches.submissions, claude.batches.paid) == (1, IMAGES)
    assert claude.requests == []


def test_who_wants_the_names_now_does_not_wait_for_the_batch(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    in_batch = submitted(site, owner_id)
    now = submit(site, owner_id, claude="interactive")
    drain(site)

    assert view(site, owner_id, now).state == "succeeded"
    assert view(site, owner_id, in_batch).state == "succeeded"
    assert len(claude.requests) == IMAGES
    claude.batches.end_all()
    drain(site, looks=2)
    assert states(site) == ["ended"]


def test_results_that_break_off_are_taken_again_and_count_once(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    job_id = submitted(site, owner_id)
    claude.batches.end_all()
    claude.batches.cut_results = 2
    drain(site)
    assert view(site, owner_id, job_id).state == "running"
    drain(site, looks=2)

    assert view(site, owner_id, job_id).state == "succeeded"
    assert view(site, owner_id, job_id).calls == IMAGES
    assert claude.requests == []


def test_a_batch_that_the_api_refuses_becomes_calls(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    claude.batches.failures = [(400, "invalid_request_error")]
    job_id = submitted(site, owner_id)

    assert view(site, owner_id, job_id).state == "succeeded"
    assert len(claude.requests) == IMAGES
    assert states(site) == ["ended"]


def test_a_batch_that_is_one_too_many_is_sent_later(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    claude.batches.failures = [(429, "rate_limit_error")] * 2
    job_id = submitted(site, owner_id)
    drain(site, looks=2)
    claude.batches.end_all()
    drain(site, looks=2)

    assert view(site, owner_id, job_id).state == "succeeded"
    assert (claude.batches.submissions, len(claude.batches.all)) == (3, 1)
    assert claude.requests == []


def test_a_batch_that_was_deleted_at_the_api_becomes_calls(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    job_id = submitted(site, owner_id)
    claude.batches.all.clear()
    drain(site, looks=2)

    assert view(site, owner_id, job_id).state == "succeeded"
    assert len(claude.requests) == IMAGES


def test_a_batch_that_kills_workers_is_given_up(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    job_id = submit(site, owner_id)
    drain(site)
    lead(site.engine)
    for _ in range(leases.MAX_LOST):
        with transaction(site.engine) as connection:
            assert work.claim(connection, Queue.CLAUDE, "killed")
            leases.take_back_from(connection, ["killed"])
            connection.execute(text("UPDATE work SET not_before = now()"))
    drain(site, looks=2)

    assert view(site, owner_id, job_id).state == "succeeded"
    assert (len(claude.requests), states(site)) == (IMAGES, ["ended"])


def test_a_capped_job_sends_no_more_than_it_may_spend(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    job_id = submitted(site, owner_id, max_cost_usd=0)

    job = view(site, owner_id, job_id)
    assert (job.state, job.degraded, job.capped_by) == ("succeeded", IMAGES, "job")
    assert (claude.batches.submissions, len(claude.requests)) == (0, 0)


def test_names_from_a_batch_save_the_next_job_what_they_cost(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    job_id = submitted(site, owner_id)
    claude.batches.end_all()
    drain(site, looks=2)
    again = submit(site, owner_id)
    drain(site)

    assert view(site, owner_id, again).cached == IMAGES
    assert view(site, owner_id, again).saved_usd == view(site, owner_id, job_id).usd


def test_batches_that_ended_long_ago_are_forgotten(
    site: Site, owner_id: str, claude: ClaudeServer
) -> None:
    submitted(site, owner_id)
    claude.batches.end_all()
    drain(site, looks=2)
    with transaction(site.engine) as connection:
        connection.execute(text("UPDATE claude_batches SET ended_at = now() - interval '31 d'"))
        collecting.forget_old(connection)

    assert states(site) == []
    assert rows(site, "SELECT FROM work WHERE stage = 'batch'") == []
    assert len(rows(site, "SELECT FROM claude_calls WHERE outcome = 'answered'")) == IMAGES
