"""Jobs, items and work over a real database, with stages played by the test."""

import threading

import pytest
from sqlalchemy import Engine, text

from shared.db import completion, items, job_views, leases, results, steps, work
from shared.db.engine import transaction
from shared.db.items import NewItem
from shared.db.states import Stage
from shared.errors import DecodeFailed, NotFound, NotReady, Problem
from shared.queue import Queue
from tests.shared.db.playing import (
    bury,
    claim_next,
    drain,
    expire_leases,
    finish,
    first_item,
    other_owner,
    served,
    submit,
    submit_at,
    view,
)


def test_an_image_is_measured_assembled_and_merged(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])

    stages = drain(engine)

    assert stages == [Stage.MEASURE, Stage.ASSEMBLE, Stage.MERGE]
    assert view(engine, owner_id, job_id).state == "succeeded"


def test_a_hybrid_job_names_between_measuring_and_assembling(
    engine: Engine, owner_id: str
) -> None:
    submit(engine, owner_id, ["a.png"], mode="hybrid")

    assert drain(engine) == [Stage.MEASURE, Stage.NAME, Stage.ASSEMBLE, Stage.MERGE]


def test_two_copies_of_an_image_are_worked_on_once(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png", "a-copy.png"])

    stages = drain(engine)

    assert stages.count(Stage.MEASURE) == 1
    assert view(engine, owner_id, job_id).succeeded == 2


def test_the_same_image_again_is_cached(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"])
    drain(engine)

    again = submit(engine, owner_id, ["a.png"])

    assert drain(engine) == [Stage.MERGE]
    assert view(engine, owner_id, again).cached == 1


def test_other_options_share_the_measuring(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"])
    drain(engine)

    submit(engine, owner_id, ["a.png"], mode="hybrid")

    assert drain(engine) == [Stage.NAME, Stage.ASSEMBLE, Stage.MERGE]


def test_force_passes_over_the_cache(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"])
    drain(engine)

    forced = submit(engine, owner_id, ["a.png"], force=True)

    assert Stage.MEASURE in drain(engine)
    assert view(engine, owner_id, forced).cached == 0


def test_another_owner_shares_nothing(engine: Engine, owner_id: str) -> None:
    with transaction(engine) as connection:
        connection.execute(text("INSERT INTO users VALUES ('user_2', 'b@b.c', '')"))
    submit(engine, owner_id, ["a.png"])
    drain(engine)

    submit(engine, "user_2", ["a.png"])

    assert Stage.MEASURE in drain(engine)


def test_a_bad_image_fails_alone(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png", "b.png"])
    first = claim_next(engine)
    assert first is not None
    bury(engine, first, Problem.of(DecodeFailed("cut off")))

    drain(engine)
    job = view(engine, owner_id, job_id)
    item = first_item(engine, owner_id, job_id)

    assert (job.state, job.succeeded, job.failed) == ("partially_succeeded", 1, 1)
    assert (item.status, item.error and item.error["code"]) == ("failed", "decode_failed")


def test_a_job_with_no_good_image_fails_without_a_merge(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    first = claim_next(engine)
    assert first is not None
    bury(engine, first, Problem.of(DecodeFailed("cut off")))

    assert drain(engine) == []
    assert view(engine, owner_id, job_id).state == "failed"


def test_what_died_before_is_tried_again_by_a_new_job(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"])
    first = claim_next(engine)
    assert first is not None
    bury(engine, first, Problem.of(DecodeFailed("a passing fault of the disk")))

    again = submit(engine, owner_id, ["a.png"])
    drain(engine)

    assert view(engine, owner_id, again).state == "succeeded"


def test_a_degraded_answer_is_not_a_cached_one(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"], mode="hybrid")
    reason = Problem("claude_unavailable", "away", "away")
    while claimed := claim_next(engine):
        named = claimed.key.stage in {Stage.NAME, Stage.ASSEMBLE}
        finish(engine, claimed, reason if named else None)

    degraded = view(engine, owner_id, job_id)
    submit(engine, owner_id, ["a.png"], mode="hybrid")

    assert (degraded.state, degraded.degraded) == ("succeeded", 1)
    assert drain(engine) == [Stage.NAME, Stage.ASSEMBLE, Stage.MERGE]


def test_only_one_of_two_claims_gets_the_work(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"])
    with transaction(engine) as connection:
        first = work.claim(connection, Queue.CV, "one")
        second = work.claim(connection, Queue.CV, "two")

    assert len(first) == 1
    assert second == []


def test_a_worker_that_lost_its_lease_writes_nothing(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"])
    zombie = claim_next(engine, "zombie")
    assert zombie is not None
    expire_leases(engine)
    heir = claim_next(engine, "heir")
    assert heir is not None

    assert finish(engine, zombie, value="zombie") is False
    assert finish(engine, heir, value="heir") is True
    with transaction(engine) as connection:
        stored = results.read_result(connection, heir.key, Stage.MEASURE)
    assert stored is not None
    assert stored.value == {"v": "heir"}


def test_a_renewed_lease_is_not_taken_back(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"])
    claimed = claim_next(engine)
    assert claimed is not None
    with transaction(engine) as connection:
        connection.execute(text("UPDATE work SET lease_until = now() - interval '1 s'"))
        ours = leases.renew(connection, [claimed])
        leases.take_back_expired(connection)

    assert ours == {claimed.id}
    assert finish(engine, claimed) is True


def test_an_image_that_kills_three_workers_is_dead(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png", "b.png"])
    for _ in range(leases.MAX_LOST):
        assert claim_next(engine) is not None
        expire_leases(engine)

    drain(engine)
    job = view(engine, owner_id, job_id)
    item = first_item(engine, owner_id, job_id)

    assert (job.state, job.failed, job.succeeded) == ("partially_succeeded", 1, 1)
    assert item.error is not None
    assert item.error["code"] == "worker_lost"


def test_a_postponed_unit_waits_for_its_time(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    claimed = claim_next(engine)
    assert claimed is not None
    with transaction(engine) as connection:
        work.postpone(connection, claimed, 60, counts=True)

    item = first_item(engine, owner_id, job_id)

    assert claim_next(engine) is None
    assert item.status == "waiting"
    assert item.stages[0].next_retry_at is not None
    assert view(engine, owner_id, job_id).waiting == 1


def test_an_item_whose_next_step_was_lost_is_found_and_moved_on(
    engine: Engine, owner_id: str
) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    claimed = claim_next(engine)
    assert claimed is not None
    with transaction(engine) as connection:
        work.finish(connection, claimed, {})  # and the worker dies before it advances

    with transaction(engine) as connection:
        stranded = steps.find_stranded(connection, 10)
        steps.advance(connection, stranded)
    drain(engine)

    assert len(stranded) == 1
    assert view(engine, owner_id, job_id).state == "succeeded"


def test_a_job_whose_end_was_lost_is_found_and_ended(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    while (claimed := claim_next(engine)) and claimed.key.stage is not Stage.MERGE:
        finish(engine, claimed)
    assert claimed is not None
    with transaction(engine) as connection:
        work.finish(connection, claimed, {})  # and the worker dies before it settles the job

    with transaction(engine) as connection:
        completion.settle(connection, completion.find_unsettled(connection, 10))

    assert view(engine, owner_id, job_id).state == "succeeded"


def test_one_image_does_not_wait_for_anothers_many(engine: Engine, owner_id: str) -> None:
    other = other_owner(engine)
    submit(engine, owner_id, list("abcdefghij"))
    served(engine, 5)

    submit(engine, other, ["z"])

    assert other in served(engine, 2)


def test_owners_take_turns(engine: Engine, owner_id: str) -> None:
    other = other_owner(engine)
    submit(engine, owner_id, list("abcdef"))
    submit(engine, other, list("uvwxyz"))

    owners = served(engine, 12)

    assert [owners[n : n + 2].count(other) for n in range(0, 12, 2)] == [1] * 6


def test_an_owners_images_are_worked_on_in_their_order(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, list("fbdace"))

    order = [claimed.key.sha256[0] for _ in range(6) if (claimed := claim_next(engine))]

    assert order == list("fbdace")


def test_low_priority_waits_longer_and_not_for_good(engine: Engine, owner_id: str) -> None:
    submit_at(engine, owner_id, list("abcdefgh"), priority=20)
    submit_at(engine, owner_id, list("stuvwxyz"), priority=10)

    order = [claimed.key.sha256[0] for _ in range(10) if (claimed := claim_next(engine))]

    assert 6 <= sum(letter in "stuvwxyz" for letter in order) <= 9


def test_adding_the_same_items_twice_adds_them_once(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    with transaction(engine) as connection:
        items.add_items(connection, job_id, 0, [NewItem("a.png", "a" * 64)])

    assert view(engine, owner_id, job_id).total == 1


def test_threads_that_finish_at_once_end_the_job_once(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, list("abcdefgh"))

    threads = [threading.Thread(target=drain, args=(engine,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain(engine)
    job = view(engine, owner_id, job_id)

    assert (job.state, job.succeeded, job.total) == ("succeeded", 8, 8)


def test_items_come_in_order_and_in_pages(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, list("abcde"))
    with transaction(engine) as connection:
        first = items.list_items(connection, owner_id, job_id, limit=3)
        second = items.list_items(connection, owner_id, job_id, limit=3, after=first[-1].ordinal)

    assert [item.filename for item in first + second] == list("abcde")


@pytest.mark.parametrize(("status", "count"), [("queued", 2), ("running", 1), ("failed", 0)])
def test_items_are_filtered_by_status(
    engine: Engine, owner_id: str, status: str, count: int
) -> None:
    job_id = submit(engine, owner_id, list("abc"))
    claim_next(engine)
    with transaction(engine) as connection:
        found = items.list_items(connection, owner_id, job_id, limit=10, status=status)

    assert len(found) == count


def test_anothers_job_is_not_found(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])

    with pytest.raises(NotFound), transaction(engine) as connection:
        job_views.read_job(connection, "user_2", job_id)
    with pytest.raises(NotFound), transaction(engine) as connection:
        results.read_job_tokens(connection, "user_2", job_id)


def test_tokens_are_not_ready_before_the_end(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    item = first_item(engine, owner_id, job_id)

    with pytest.raises(NotReady), transaction(engine) as connection:
        results.read_item_tokens(connection, item)
    with pytest.raises(NotReady), transaction(engine) as connection:
        results.read_job_tokens(connection, owner_id, job_id)


def test_the_view_changes_its_version_with_the_job(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    before = view(engine, owner_id, job_id)
    same = view(engine, owner_id, job_id)
    drain(engine)

    assert before.version == same.version
    assert view(engine, owner_id, job_id).version != before.version
