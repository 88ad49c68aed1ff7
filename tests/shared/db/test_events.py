"""Events are derived from rows: whoever resumes anywhere hears everything, in order."""

import random
import string
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from shared.db import control
from shared.db.engine import transaction
from shared.db.events import START, ItemChange, News, Position, last_changes, read_end, read_news
from shared.db.job_views import has_ended
from shared.errors import DecodeFailed, NotFound, NothingToRetry, Problem
from tests.shared.db.playing import bury, claim_next, drain, finish, other_owner, submit

DAMAGED = Problem.of(DecodeFailed())
WRITERS = 4


def news(
    engine: Engine, owner_id: str, job_id: str, after: Position | None, limit: int = 200
) -> News:
    with transaction(engine) as connection:
        return read_news(connection, owner_id, job_id, after, limit)


def end(engine: Engine, owner_id: str, job_id: str) -> Position:
    with transaction(engine) as connection:
        return read_end(connection, owner_id, job_id)[0]


def ended_items(engine: Engine, job_id: str) -> dict[str, str]:
    with transaction(engine) as connection:
        rows = connection.execute(
            text("SELECT id, state FROM items WHERE job_id = :id AND event_seq > 0"),
            {"id": job_id},
        )
        return {row.id: row.state for row in rows}


def test_a_reader_without_a_position_hears_of_the_job_alone(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    drain(engine)

    heard = news(engine, owner_id, job_id, None)

    assert heard.items == []
    assert heard.job is not None
    assert heard.job.state == "succeeded"


def test_an_item_is_told_before_the_job_that_counts_it(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png", "b.png"])
    for _ in range(2):
        claimed = claim_next(engine)
        assert claimed is not None
        bury(engine, claimed, DAMAGED)

    heard = news(engine, owner_id, job_id, START)

    assert [item.ordinal for item in heard.items] == [0, 1]
    assert heard.items[0].error == DAMAGED.as_dict()
    assert heard.job is not None
    assert heard.job.failed == 2
    assert all(item.position < Position(heard.job.event_seq) for item in heard.items)


def test_a_full_page_leaves_the_job_for_later(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png", "b.png", "c.png"])
    drain(engine)

    first = news(engine, owner_id, job_id, START, limit=2)
    second = news(engine, owner_id, job_id, first.items[-1].position, limit=2)

    assert (len(first.items), first.job) == (2, None)
    assert len(second.items) == 1
    assert second.job is not None


def test_who_has_heard_all_hears_nothing_of_items(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    drain(engine)

    assert news(engine, owner_id, job_id, end(engine, owner_id, job_id)).items == []


def test_a_retried_item_is_told_again_as_pending(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    claimed = claim_next(engine)
    assert claimed is not None
    bury(engine, claimed, DAMAGED)
    heard_all = end(engine, owner_id, job_id)

    with transaction(engine) as connection:
        control.retry_job(connection, owner_id, job_id)

    (item,) = news(engine, owner_id, job_id, heard_all).items
    assert (item.state, item.error) == ("pending", None)


def test_a_change_of_a_job_raises_its_number(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    with transaction(engine) as connection:
        before = last_changes(connection, [job_id, "job_none"])

    drain(engine)

    with transaction(engine) as connection:
        after = last_changes(connection, [job_id, "job_none"])
    assert set(before) == set(after) == {job_id}
    assert after[job_id] > before[job_id]


def test_a_job_of_somebody_else_is_not_found(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    stranger = other_owner(engine)

    with pytest.raises(NotFound):
        news(engine, stranger, job_id, None)
    with pytest.raises(NotFound):
        end(engine, stranger, job_id)


class Hearer:
    """A reader who keeps what was told, loses a part of it, and resumes where that began."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.after = START
        self.states: dict[str, str] = {}

    def hear(self, heard: News) -> None:
        kept: Sequence[ItemChange] = heard.items
        whole = self.chance.random() < 0.7
        if not whole:
            kept = kept[: self.chance.randint(0, len(kept))]
        for item in kept:
            assert item.position > self.after
            self.after = item.position
            self.states[item.id] = item.state
        if whole and heard.job is not None:
            assert Position(heard.job.event_seq) >= self.after
            self.after = Position(heard.job.event_seq)


def work_along(engine: Engine, owner_id: str, job_id: str, seed: int) -> None:
    """End work, well or badly, and now and then try again what failed."""
    chance = random.Random(seed)  # noqa: S311 -- to be repeatable
    while claimed := claim_next(engine):
        if chance.random() < 0.3:
            bury(engine, claimed, DAMAGED)
        else:
            finish(engine, claimed)
        if chance.random() < 0.05:
            retry(engine, owner_id, job_id)


def retry(engine: Engine, owner_id: str, job_id: str) -> None:
    try:
        with transaction(engine) as connection:
            control.retry_job(connection, owner_id, job_id)
    except NothingToRetry:
        pass


@pytest.mark.parametrize("seed", range(5))
def test_a_reader_misses_nothing_however_often_it_resumes_beside_busy_writers(
    engine: Engine, owner_id: str, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- to be repeatable
    job_id = submit(engine, owner_id, [f"{letter}.png" for letter in string.ascii_letters])
    hearer = Hearer(chance)
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [
            pool.submit(work_along, engine, owner_id, job_id, WRITERS * seed + n)
            for n in range(WRITERS)
        ]
        while not all(writer.done() for writer in writers):
            hearer.hear(news(engine, owner_id, job_id, hearer.after, chance.randint(1, 9)))
        for writer in writers:
            writer.result()
    work_along(engine, owner_id, job_id, seed)

    while hearer.after != end(engine, owner_id, job_id):
        hearer.hear(news(engine, owner_id, job_id, hearer.after, chance.randint(1, 9)))

    last = news(engine, owner_id, job_id, None).job
    assert last is not None
    assert has_ended(last)
    assert hearer.states == ended_items(engine, job_id)
