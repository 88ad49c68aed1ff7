"""The schema goes up and down, empty and filled, and is the one the models describe."""

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine, inspect, text

from shared.db.blobs import SourceFile
from shared.db.engine import connect, transaction
from shared.db.jobs import NewJob, create_job
from shared.db.migrate import alembic_config, migrate


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


def test_a_filled_database_goes_down_and_up_again(spare_url: str) -> None:
    migrate(spare_url)
    engine = connect(spare_url)
    with transaction(engine) as connection:
        connection.execute(text("INSERT INTO users VALUES ('user_1', 'a@b.c', 'hash')"))
        source = SourceFile("a.zip", "0" * 64, 1, "application/zip")
        options = {"token_types": ["color"]}
        create_job(
            connection, NewJob("user_1", "job", "cv", 0, options, [source], "request", None)
        )
    engine.dispose()

    migrate(spare_url, "downgrade", "base")
    migrate(spare_url)

    assert "jobs" in tables(spare_url)


def test_the_migrations_build_what_the_models_say(shared_engine: Engine) -> None:
    with transaction(shared_engine) as connection:
        command.check(alembic_config(connection))
