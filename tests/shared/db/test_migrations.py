"""The schema goes up and down, empty and filled, and is the one the models describe."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, inspect, text
from sqlalchemy.dialects.postgresql import insert

from shared.db import migrate as migrate_module
from shared.db.engine import connect, transaction
from shared.db.migrate import alembic_config, migrate
from shared.db.schema import Base
from shared.errors import StartError
from tests.shared.db import playing

VERSIONS = Path(migrate_module.__file__).parent / "migrations/versions"
REVISIONS = sorted(path.name[:4] for path in VERSIONS.glob("0*.py"))
# What rows hold: by type, and where the type is not enough.
VALUES: dict[type, Any] = {
    str: "1",
    int: 1,
    bool: True,
    bytes: b"1",
    object: {},  # JSON
    date: date(2026, 1, 1),
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
}
COLUMNS = {
    "jobs.state": "queued",
    "items.state": "pending",
    "work.state": "queued",
    "work.stage": "measure",
    "gates.state": "closed",
}


@pytest.fixture
def spare_url(database_url: str) -> Iterator[str]:
    """Another empty database on the same server."""
    engine = connect(database_url).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # Making and dropping a database wait for a checkpoint, on a busy disk for long.
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("CREATE DATABASE spare"))
        yield database_url.replace("@/copythat?", "@/spare?")
        connection.execute(text("DROP DATABASE spare WITH (FORCE)"))
    engine.dispose()


def tables(database_url: str) -> set[str]:
    engine = connect(database_url)
    names = inspect(engine).get_table_names()
    engine.dispose()
    return set(names) - {"alembic_version"}


def test_up_and_down_leave_an_empty_database_empty(spare_url: str) -> None:
    migrate(spare_url)
    after_up = tables(spare_url)
    migrate(spare_url, "downgrade", "base")

    assert "work" in after_up
    assert tables(spare_url) == set()


@pytest.mark.parametrize("below", ["base", *REVISIONS[:-1]])
def test_a_filled_database_goes_down_and_up_again(spare_url: str, below: str) -> None:
    migrate(spare_url)
    fill(spare_url)
    filled = count_rows(spare_url)

    migrate(spare_url, "downgrade", below)
    left = count_rows(spare_url)
    migrate(spare_url)
    again = count_rows(spare_url)

    assert min(filled.values()) >= 1
    assert {name: again[name] for name in left} == left
    # Kinds of rows that the older code does not know go with its schema.
    assert left.pop("work", 1) >= 1
    assert left == {name: filled[name] for name in left}


def fill(database_url: str) -> None:
    """Put a row into every table that has none, and units of work of later kinds."""
    engine = connect(database_url)
    with transaction(engine) as connection:
        for table in Base.metadata.sorted_tables:
            row = {
                column.name: COLUMNS.get(str(column), VALUES[column.type.python_type])
                for column in table.columns
                if not column.nullable and not column.server_default and not column.identity
            }
            connection.execute(insert(table).values(row).on_conflict_do_nothing())
        connection.execute(
            text(
                """
                INSERT INTO work (owner_id, sha256, stage, pipeline_version, options_hash, queue,
                                  state, priority, max_attempt)
                VALUES ('1', '', 'preview', '1', '1', 'io', 'queued', 0, 1),
                       ('1', '', 'batch', '1', '1', 'claude', 'queued', 0, 1),
                       ('1', '1', 'name', '1', '1', 'batches', 'queued', 0, 1)
                """
            )
        )
    engine.dispose()


def count_rows(database_url: str) -> dict[str, int]:
    engine = connect(database_url)
    with transaction(engine) as connection:
        counts = {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()  # noqa: S608
            for name in tables(database_url)
        }
    engine.dispose()
    return counts


def test_code_of_one_release_works_with_the_schema_of_the_next(spare_url: str) -> None:
    """The rehearsal of ``docs/operations/rollback.md``: a schema may grow under running code."""
    migrate(spare_url)
    engine = connect(spare_url)
    with transaction(engine) as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(text(f"ALTER TABLE {table.name} ADD next_one text"))
            connection.execute(
                text(f"ALTER TABLE {table.name} ADD next_two int DEFAULT 2 NOT NULL")
            )
        connection.execute(text("ALTER TABLE work DROP CONSTRAINT ck_work_stage"))
        connection.execute(text("UPDATE alembic_version SET version_num = 'next'"))
        connection.execute(text("INSERT INTO users VALUES ('user_1', 'a@b.c', 'hash')"))
    job_id = playing.submit(engine, "user_1", ["a.png", "b.png"])
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE work SET stage = 'next' WHERE id = (SELECT min(id) FROM work)")
        )

    migrate(spare_url)
    playing.drain(engine)
    before = playing.view(engine, "user_1", job_id)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE work SET stage = 'measure' WHERE stage = 'next'"))
    playing.drain(engine)
    after = playing.view(engine, "user_1", job_id)
    engine.dispose()

    # What only the next release can do waits for it, and holds nothing else up.
    assert (before.state, before.succeeded) == ("running", 1)
    assert (after.state, after.succeeded) == ("succeeded", 2)


def test_a_newer_schema_is_taken_down_by_the_release_that_made_it(spare_url: str) -> None:
    migrate(spare_url)
    engine = connect(spare_url)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'next'"))
    engine.dispose()

    with pytest.raises(StartError, match="revision next"):
        migrate(spare_url, "downgrade", "base")


def test_the_migrations_build_what_the_models_say(shared_engine: Engine) -> None:
    with transaction(shared_engine) as connection:
        command.check(alembic_config(connection))
