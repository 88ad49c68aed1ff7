"""Entries of the cache are dropped and replaced, and what they saved is counted for good."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.db import cache, retention
from shared.db.cache import Sums
from shared.db.engine import transaction
from shared.db.invariants import find_violations
from shared.db.items import list_items
from shared.db.results import read_item_tokens
from shared.db.states import Stage
from shared.errors import Problem, StageLost
from tests.shared.db.playing import (
    bury,
    claim_next,
    drain,
    finish,
    other_owner,
    submit,
    view,
)
from tests.shared.db.test_spending import CENT, claim_naming, pay

EMPTY: dict[str, list[str]] = {
    "color": [],
    "spacing": [],
    "typography": [],
    "shadow": [],
    "gradient": [],
    "radius": [],
}
WHOLE = [Stage.MEASURE, Stage.ASSEMBLE, Stage.MERGE]


def drop(engine: Engine, owner_id: str, name: str) -> None:
    with transaction(engine) as connection:
        cache.drop(connection, owner_id, name * 64)


def sums(engine: Engine) -> Sums:
    with transaction(engine) as connection:
        return cache.read_sums(connection)


def work_states(engine: Engine) -> set[str]:
    with transaction(engine) as connection:
        rows = connection.execute(text("SELECT state FROM work WHERE sha256 <> ''"))
        return {row.state for row in rows}


def extract_anew(engine: Engine, owner_id: str, value: str, mode: str = "cv") -> None:
    """Play a forced job whose stages come to a value, and what the workers do at its end."""
    submit(engine, owner_id, ["a.png"], mode, force=True)
    while claimed := claim_next(engine):
        finish(engine, claimed, value=value)
        if claimed.key.stage is Stage.ASSEMBLE:
            with transaction(engine) as connection:
                cache.replace(connection, claimed.key)


def common_values(engine: Engine) -> dict[str, Any]:
    """Return what the stages of the common entry of an image came to."""
    with transaction(engine) as connection:
        rows = connection.execute(
            text(
                """
                SELECT w.stage, r.value ->> 'v' AS v FROM work w JOIN results r ON r.work_id = w.id
                WHERE w.sha256 <> '' AND w.options_hash NOT LIKE '%job_%'
                """
            )
        )
        return {row.stage: row.v for row in rows}


def test_a_dropped_image_is_extracted_anew_and_others_are_not(
    engine: Engine, owner_id: str
) -> None:
    submit(engine, owner_id, ["a.png", "b.png"])
    drain(engine)

    drop(engine, owner_id, "a")
    again = submit(engine, owner_id, ["a.png", "b.png"])

    assert drain(engine) == WHOLE
    assert view(engine, owner_id, again).cached == 1


def test_dropping_twice_or_nothing_changes_nothing(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"])
    drain(engine)

    for name in ("a", "a", "c"):
        drop(engine, owner_id, name)

    assert work_states(engine) == {"canceled"}


def test_nobody_drops_the_entries_of_another(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"])
    drain(engine)

    drop(engine, other_owner(engine), "a")
    again = submit(engine, owner_id, ["a.png"])

    assert view(engine, owner_id, again).cached == 1


@pytest.mark.parametrize("stages_done", [0, 1, 2])
def test_dropping_while_a_job_runs_does_not_hinder_it(
    engine: Engine, owner_id: str, stages_done: int
) -> None:
    job_id = submit(engine, owner_id, ["a.png"], mode="hybrid")
    for _ in range(stages_done):
        claimed = claim_next(engine)
        assert claimed is not None
        finish(engine, claimed)
    claimed = claim_next(engine)
    assert claimed is not None

    drop(engine, owner_id, "a")
    finish(engine, claimed)
    drain(engine)

    assert view(engine, owner_id, job_id).state == "succeeded"
    with transaction(engine) as connection:
        assert find_violations(connection) == []


def test_a_job_that_has_ended_keeps_its_tokens_when_its_image_is_dropped(
    engine: Engine, owner_id: str
) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    while claimed := claim_next(engine):
        finish(engine, claimed)
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE results SET value = CAST(:v AS jsonb)"),
            {"v": json.dumps(EMPTY)},
        )

    drop(engine, owner_id, "a")

    with transaction(engine) as connection:
        (item,) = list_items(connection, owner_id, job_id, limit=1)
        assert read_item_tokens(connection, item).item_id == item.id
        assert find_violations(connection) == []


def test_what_a_forced_job_extracts_takes_the_place_of_the_entry(
    engine: Engine, owner_id: str
) -> None:
    submit(engine, owner_id, ["a.png"], mode="hybrid")
    drain(engine)

    extract_anew(engine, owner_id, "new", mode="hybrid")
    again = submit(engine, owner_id, ["a.png"], mode="hybrid")

    assert common_values(engine) == {"measure": "new", "name": "new", "assemble": "new"}
    assert view(engine, owner_id, again).cached == 1


@pytest.mark.parametrize("before", ["absent", "dropped", "dead"])
def test_a_forced_job_leaves_a_sound_entry_whatever_there_was(
    engine: Engine, owner_id: str, before: str
) -> None:
    if before != "absent":
        submit(engine, owner_id, ["a.png"])
    if before == "dropped":
        drain(engine)
        drop(engine, owner_id, "a")
    if before == "dead":
        claimed = claim_next(engine)
        assert claimed is not None
        bury(engine, claimed, Problem.of(StageLost()))

    extract_anew(engine, owner_id, "new")
    again = submit(engine, owner_id, ["a.png"])
    drain(engine)

    assert view(engine, owner_id, again).state == "succeeded"
    assert view(engine, owner_id, again).cached == 1
    with transaction(engine) as connection:
        assert find_violations(connection) == []


def test_what_others_are_working_on_is_not_replaced(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"])
    running = claim_next(engine)
    assert running is not None

    extract_anew(engine, owner_id, "new")
    finish(engine, running, value="theirs")
    drain(engine)

    assert common_values(engine)["measure"] == "theirs"
    assert view(engine, owner_id, job_id).state == "succeeded"


def test_another_version_of_the_prompt_or_model_finds_no_names(
    engine: Engine, owner_id: str
) -> None:
    submit(engine, owner_id, ["a.png"], mode="hybrid", model="claude-haiku-5-5")
    drain(engine)

    submit(engine, owner_id, ["a.png"], mode="hybrid", model="claude-sonnet-5-5")

    assert drain(engine) == [Stage.NAME, Stage.ASSEMBLE, Stage.MERGE]


def test_another_version_of_the_pipeline_finds_nothing(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"])
    drain(engine)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE work SET pipeline_version = '0'"))
        connection.execute(text("UPDATE jobs SET pipeline_version = '0'"))

    submit(engine, owner_id, ["a.png"])

    assert drain(engine) == WHOLE


def test_hits_and_misses_are_counted(engine: Engine, owner_id: str) -> None:
    before = sums(engine)
    first = submit(engine, owner_id, ["a.png", "a-copy.png"], mode="hybrid")
    pay(engine, claim_naming(engine))
    drain(engine)
    again = submit(engine, owner_id, ["a.png"], mode="hybrid")
    drain(engine)
    unnamed = submit(engine, owner_id, ["a.png"])
    drain(engine)

    after = sums(engine)
    counted = [view(engine, owner_id, each) for each in (first, again, unnamed)]
    assert [(job.named, job.spared) for job in counted] == [(2, 1), (1, 1), (0, 0)]
    assert (after.named - before.named, after.spared - before.spared) == (3, 2)
    assert after.saved_usd - before.saved_usd == 2 * CENT
    assert after.calls - before.calls == 1


def test_sums_do_not_shrink_when_a_job_is_deleted(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png", "a-copy.png"], mode="hybrid")
    pay(engine, claim_naming(engine))
    drain(engine)
    before = sums(engine)

    with transaction(engine) as connection:
        retention.delete_job(connection, owner_id, job_id)

    assert sums(engine) == before
