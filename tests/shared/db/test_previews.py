"""Sets that grow while their job runs."""

from typing import Any

import pytest
from sqlalchemy import Engine

from shared.db import previews, results, work
from shared.db.engine import transaction
from shared.db.states import Stage
from shared.errors import NotReady
from shared.queue import Queue
from shared.tokens import TokenSet
from tests.shared.db.playing import claim_next, drain, finish, submit, view

MERGED: dict[str, Any] = {"color": []}


def names(count: int) -> list[str]:
    return [f"{chr(ord('A') + place)}.png" for place in range(count)]


def succeed(engine: Engine, owner_id: str, job_id: str, count: int) -> None:
    """Work until so many images of a job have succeeded, one image after the other."""
    while view(engine, owner_id, job_id).succeeded < count:
        with transaction(engine) as connection:
            io = work.claim(connection, Queue.IO, "worker")
        claimed = io[0] if io else claim_next(engine)
        assert claimed is not None
        finish(engine, claimed)


def begun(engine: Engine) -> int:
    with transaction(engine) as connection:
        return previews.begin_due(connection).total()


def show(engine: Engine, job_id: str, images: int) -> None:
    """Store what a preview of so many images came to; its unit ends when its turn comes."""
    with transaction(engine) as connection:
        results.store_preview(connection, job_id, "1", names(images), MERGED)


def read(engine: Engine, owner_id: str, job_id: str, *, growing: bool) -> TokenSet:
    with transaction(engine) as connection:
        return results.read_job_tokens(connection, owner_id, job_id, growing=growing)


def test_a_running_job_is_shown_when_it_has_grown_by_half(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, names(20))

    due = []
    for count in range(1, 20):
        succeed(engine, owner_id, job_id, count)
        if begun(engine):
            show(engine, job_id, count)
            due.append(count)

    assert due == [8, 12, 18]


def test_a_preview_is_queued_once(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, names(10))
    succeed(engine, owner_id, job_id, 8)

    assert (begun(engine), begun(engine)) == (1, 0)
    assert drain(engine).count(Stage.PREVIEW) == 1


def test_a_growing_set_is_for_those_who_ask_for_one(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, names(9))
    succeed(engine, owner_id, job_id, 8)
    begun(engine)
    show(engine, job_id, 8)

    growing = read(engine, owner_id, job_id, growing=True)

    assert growing.partial
    assert len(growing.source_images) == 8
    with pytest.raises(NotReady, match="running"):
        read(engine, owner_id, job_id, growing=False)


def test_a_late_preview_leaves_the_whole_set(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, names(9))
    drain(engine)

    show(engine, job_id, 8)
    whole = read(engine, owner_id, job_id, growing=False)

    assert not whole.partial
    assert whole.source_images == ("a",)


def test_the_whole_set_takes_the_place_of_a_growing_one(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, names(9))
    succeed(engine, owner_id, job_id, 8)
    begun(engine)
    show(engine, job_id, 8)

    drain(engine)

    assert view(engine, owner_id, job_id).state == "succeeded"
    assert not read(engine, owner_id, job_id, growing=True).partial
    assert begun(engine) == 0
