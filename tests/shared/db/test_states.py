"""No statement takes a row from a state to one that must not follow."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import product

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from shared.db import states
from shared.db.engine import transaction
from shared.db.states import BatchState, ItemState, JobState, WorkState
from tests.shared.db.playing import submit

TABLES: list[tuple[str, type[StrEnum], Mapping[StrEnum, frozenset[StrEnum]]]] = [
    ("jobs", JobState, states.JOB_STEPS),  # type: ignore[list-item]
    ("items", ItemState, states.ITEM_STEPS),  # type: ignore[list-item]
    ("work", WorkState, states.WORK_STEPS),  # type: ignore[list-item]
    ("claude_batches", BatchState, states.BATCH_STEPS),  # type: ignore[list-item]
]
STEPS = [
    (table, old, new, new in allowed[old])
    for table, enum, allowed in TABLES
    for old, new in product(enum, enum)
    if old is not new
]
# What the other checks of the table ask of a row in a state.
REST = {
    "work": {
        "running": ", lease_owner = 'w', lease_until = now(), error = NULL",
        "dead": ", lease_owner = NULL, lease_until = NULL, error = '{}'",
    },
    "claude_batches": {
        "submitted": ", api_id = 'msgbatch_1', ended_at = NULL",
        "ended": ", ended_at = now()",
    },
}
ELSE = {
    "work": ", lease_owner = NULL, lease_until = NULL, error = NULL",
    "claude_batches": ", api_id = NULL, ended_at = NULL",
}


def put(connection: Connection, table: str, state: StrEnum) -> None:
    rest = REST.get(table, {}).get(state, ELSE.get(table, ""))
    connection.execute(text(f"UPDATE {table} SET state = '{state}'{rest}"))  # noqa: S608 -- ours


@pytest.mark.parametrize(("table", "old", "new", "allowed"), STEPS)
def test_the_database_allows_the_steps_of_the_table_and_no_other(
    engine: Engine, owner_id: str, table: str, old: StrEnum, new: StrEnum, *, allowed: bool
) -> None:
    submit(engine, owner_id, ["a"])
    with transaction(engine) as connection:
        connection.execute(
            text("INSERT INTO claude_batches (id, owner_id) VALUES ('batch_1', :owner_id)"),
            {"owner_id": owner_id},
        )
        connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER check_step"))
        put(connection, table, old)
        connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER check_step"))

    if allowed:
        with transaction(engine) as connection:
            put(connection, table, new)
    else:
        with pytest.raises(IntegrityError, match="illegal step"), transaction(engine) as c:
            put(c, table, new)


@pytest.mark.parametrize("state", sorted(set(WorkState) - states.WORK_STARTS))
def test_work_begins_queued(engine: Engine, owner_id: str, state: str) -> None:
    submit(engine, owner_id, ["a"])

    with pytest.raises(IntegrityError, match="illegal step"), transaction(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO work (owner_id, sha256, stage, pipeline_version, options_hash, queue,"
                " state, priority, max_attempt) VALUES (:owner, 'f', 'measure', '1', '', 'cv',"
                " :state, 0, 1)"
            ),
            {"owner": owner_id, "state": state},
        )


@pytest.mark.parametrize("state", ["running", "done", "dead"])
def test_what_waits_for_a_batch_does_not_run_or_end(
    engine: Engine, owner_id: str, state: str
) -> None:
    submit(engine, owner_id, ["a"])
    with transaction(engine) as connection:
        connection.execute(text("UPDATE work SET queue = 'batches'"))
        connection.execute(text("ALTER TABLE work DISABLE TRIGGER check_step"))

    with pytest.raises(IntegrityError, match="batched"), transaction(engine) as connection:
        put(connection, "work", WorkState(state))

    with transaction(engine) as connection:
        connection.execute(text("ALTER TABLE work ENABLE TRIGGER check_step"))
