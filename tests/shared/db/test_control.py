"""Canceling, trying again, deleting and expiring jobs."""

import pytest
from sqlalchemy import Engine, text

from shared.db import control, invariants, items, jobs, results, retention
from shared.db.engine import transaction
from shared.db.items import NewItem
from shared.errors import (
    DecodeFailed,
    Gone,
    JobCanceled,
    JobRunning,
    NotFound,
    NothingToRetry,
    Problem,
)
from tests.shared.db.playing import (
    bury,
    claim_next,
    drain,
    finish,
    first_item,
    other_owner,
    submit,
    view,
)

CUT_OFF = Problem.of(DecodeFailed("cut off"))


def cancel(engine: Engine, owner_id: str, job_id: str) -> None:
    with transaction(engine) as connection:
        control.request_cancel(connection, owner_id, job_id)
    with transaction(engine) as connection:
        control.cancel_pending(connection, job_id)


def retry(engine: Engine, owner_id: str, job_id: str, item_ids: list[str] | None = None) -> None:
    with transaction(engine) as connection:
        control.retry_job(connection, owner_id, job_id, item_ids)


def violations(engine: Engine) -> list[str]:
    with transaction(engine) as connection:
        return invariants.find_violations(connection) + invariants.find_unfinished(connection)


def count(engine: Engine, table: str) -> int:
    with transaction(engine) as connection:
        number: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 -- ours
        return number


def test_a_canceled_job_keeps_what_is_done_and_starts_nothing_more(
    engine: Engine, owner_id: str
) -> None:
    job_id = submit(engine, owner_id, list("abc"))
    first = claim_next(engine)
    assert first is not None
    finish(engine, first)
    assembled = claim_next(engine)
    while assembled is not None and assembled.key.stage != "assemble":
        finish(engine, assembled)
        assembled = claim_next(engine)
    assert assembled is not None
    finish(engine, assembled)

    cancel(engine, owner_id, job_id)
    drain(engine)
    job = view(engine, owner_id, job_id)

    assert (job.state, job.succeeded + job.canceled) == ("canceled", 3)
    assert job.succeeded >= 1
    assert violations(engine) == []


def test_a_job_canceled_before_it_began_ends_at_once(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, list("ab"))

    cancel(engine, owner_id, job_id)
    job = view(engine, owner_id, job_id)

    assert (job.state, job.canceled) == ("canceled", 2)
    assert claim_next(engine) is None


def test_a_stage_that_runs_is_ended_and_leads_nowhere(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a"])
    running = claim_next(engine)
    assert running is not None

    cancel(engine, owner_id, job_id)

    assert finish(engine, running) is True
    assert drain(engine) == []
    assert violations(engine) == []


def test_work_that_another_job_waits_for_is_not_canceled(engine: Engine, owner_id: str) -> None:
    unwanted = submit(engine, owner_id, ["a"])
    wanted = submit(engine, owner_id, ["a"])

    cancel(engine, owner_id, unwanted)
    drain(engine)

    assert view(engine, owner_id, wanted).state == "succeeded"


def test_an_ended_job_is_not_canceled(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a"])
    drain(engine)

    cancel(engine, owner_id, job_id)

    assert view(engine, owner_id, job_id).state == "succeeded"


def test_a_canceled_job_takes_no_more_items(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a"])
    cancel(engine, owner_id, job_id)

    with pytest.raises(JobCanceled), transaction(engine) as connection:
        items.add_items(connection, job_id, 1, [NewItem("b", "b" * 64)])


def test_one_item_is_canceled_alone(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, list("ab"))
    item = first_item(engine, owner_id, job_id)
    with transaction(engine) as connection:
        control.cancel_item(connection, owner_id, job_id, item.id)

    drain(engine)
    job = view(engine, owner_id, job_id)

    assert (job.state, job.succeeded, job.canceled) == ("partially_succeeded", 1, 1)


def test_what_failed_runs_again_and_the_job_ends_anew(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, list("ab"))
    failing = claim_next(engine)
    assert failing is not None
    bury(engine, failing, CUT_OFF)
    drain(engine)
    before = view(engine, owner_id, job_id)

    retry(engine, owner_id, job_id)
    between = view(engine, owner_id, job_id)
    drain(engine)
    after = view(engine, owner_id, job_id)

    assert (before.state, before.failed) == ("partially_succeeded", 1)
    assert (between.state, between.failed, between.finished_at) == ("queued", 0, None)
    assert (after.state, after.succeeded, after.failed) == ("succeeded", 2, 0)
    assert violations(engine) == []


def test_a_canceled_job_is_taken_up_again(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, list("ab"))
    cancel(engine, owner_id, job_id)

    retry(engine, owner_id, job_id)
    drain(engine)

    assert view(engine, owner_id, job_id).state == "succeeded"


def test_a_degraded_item_is_named_again_when_it_is_asked_for(
    engine: Engine, owner_id: str
) -> None:
    job_id = submit(engine, owner_id, ["a"], mode="hybrid")
    reason = Problem("claude_unavailable", "away", "away")
    while claimed := claim_next(engine):
        finish(engine, claimed, reason if claimed.key.stage in {"name", "assemble"} else None)
    item = first_item(engine, owner_id, job_id)

    retry(engine, owner_id, job_id, [item.id])
    stages = [stage.value for stage in drain(engine)]

    assert stages == ["name", "assemble", "merge"]
    assert view(engine, owner_id, job_id).degraded == 0
    assert violations(engine) == []


def test_there_is_nothing_to_try_again_where_all_is_well(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a"])
    drain(engine)

    with pytest.raises(NothingToRetry):
        retry(engine, owner_id, job_id)


@pytest.mark.parametrize("act", [cancel, retry])
def test_another_persons_job_cannot_be_touched(engine: Engine, owner_id: str, act: object) -> None:
    job_id = submit(engine, owner_id, ["a"])

    with pytest.raises(NotFound):
        act(engine, "user_2", job_id)  # type: ignore[operator]
    with pytest.raises(NotFound), transaction(engine) as connection:
        retention.delete_job(connection, "user_2", job_id)


def test_a_deleted_job_leaves_no_row_behind(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, list("ab"))
    drain(engine)

    with transaction(engine) as connection:
        hashes = retention.delete_job(connection, owner_id, job_id)

    tables = ("jobs", "items", "work", "results", "token_sets")
    assert [count(engine, table) for table in tables] == [0] * len(tables)
    assert hashes == ["a" * 64, "b" * 64]


def test_what_another_job_has_too_stays_when_one_is_deleted(engine: Engine, owner_id: str) -> None:
    deleted = submit(engine, owner_id, list("ab"))
    kept = submit(engine, owner_id, ["a"])
    drain(engine)

    with transaction(engine) as connection:
        retention.delete_job(connection, owner_id, deleted)

    assert view(engine, owner_id, kept).succeeded == 1
    assert violations(engine) == []


def test_work_outlives_the_job_that_queued_it_where_another_waits(
    engine: Engine, owner_id: str
) -> None:
    deleted = submit(engine, owner_id, ["a"], mode="hybrid")
    kept = submit(engine, owner_id, ["a"], mode="hybrid")
    cancel(engine, owner_id, deleted)
    with transaction(engine) as connection:
        retention.delete_job(connection, owner_id, deleted)
    claimed = claim_next(engine)
    while claimed is not None and claimed.key.stage != "assemble":
        finish(engine, claimed)
        claimed = claim_next(engine)
    assert claimed is not None
    with transaction(engine) as connection:
        parts = results.read_parts(connection, [claimed.id])

    assert parts[claimed.id].options["token_types"] == ["color"]
    assert view(engine, owner_id, kept).queued + view(engine, owner_id, kept).running == 1


def test_a_running_job_is_not_deleted(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a"])

    with pytest.raises(JobRunning), transaction(engine) as connection:
        retention.delete_job(connection, owner_id, job_id)


def test_results_go_when_their_time_is_over_and_the_job_says_so(
    engine: Engine, owner_id: str
) -> None:
    job_id = submit(engine, owner_id, ["a"])
    drain(engine)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobs SET expires_at = now()"))

    with transaction(engine) as connection:
        first = retention.expire_next(connection)
        second = retention.expire_next(connection)

    assert (first, second) == (["a" * 64], None)
    assert view(engine, owner_id, job_id).state == "expired"
    assert count(engine, "results") == 0
    with pytest.raises(Gone):
        retry(engine, owner_id, job_id)


def test_a_job_that_is_late_fails_what_is_left(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, list("ab"))
    running = claim_next(engine)
    assert running is not None
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobs SET deadline_at = now() - interval '1 s'"))

    finish(engine, running)
    drain(engine)
    item = first_item(engine, owner_id, job_id)

    assert view(engine, owner_id, job_id).state == "failed"
    assert item.error is not None
    assert item.error["code"] == "deadline_exceeded"


def test_backlog_counts_what_is_open(engine: Engine, owner_id: str) -> None:
    other = other_owner(engine)
    submit(engine, owner_id, list("abc"))
    submit(engine, other, list("z"))

    with transaction(engine) as connection:
        backlog = jobs.backlog(connection, other)

    assert (backlog.total, backlog.own) == (4, 1)
