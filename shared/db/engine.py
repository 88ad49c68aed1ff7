"""The connection to PostgreSQL, and the one way to write to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import uuid_utils
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.errors import Unavailable

# Longer than any query of ours takes, shorter than anybody should wait for a dead server.
CONNECT_TIMEOUT_S = 3
# A statement that runs longer has gone wrong and would hold locks that others wait for.
STATEMENT_TIMEOUT_MS = 30_000
# A plan that was kept from when the tables were small scans them when they are large.
PLANS = "plan_cache_mode=force_custom_plan"
# Threads of one process that hold a connection at once; more wait for their turn.
POOL_SIZE = 16


def connect(database_url: str) -> Engine:
    """Return an engine; no connection is made before the first statement.

    Args:
        database_url: ``postgresql+psycopg://…``; plain ``postgresql://`` means the same.
    """
    url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c {PLANS}",
        },
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Open one transaction: committed at the end, rolled back on any error.

    Raises:
        Unavailable: The database cannot be reached.
    """
    with _reachable(), engine.begin() as connection:
        yield connection


@contextmanager
def session_lock(engine: Engine, key: int) -> Iterator[bool]:
    """Hold an advisory lock for as long as the block runs; yields whether it was free.

    Raises:
        Unavailable: The database cannot be reached.
    """
    with _reachable(), engine.connect() as pooled:
        connection = pooled.execution_options(isolation_level="AUTOCOMMIT")
        # The lock belongs to the session, so this one must end rather than go back to the pool.
        connection.detach()
        statement = text("SELECT pg_try_advisory_lock(:key)")
        yield bool(connection.execute(statement, {"key": key}).scalar_one())


@contextmanager
def _reachable() -> Iterator[None]:
    """Say a database that is away in our own error."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Unavailable("the database is not reachable") from error
    except PoolTimeout as error:
        raise Unavailable("the database is too busy") from error


def require_schema(engine: Engine) -> None:
    """Ask the database whether it was migrated.

    Raises:
        Unavailable: It cannot be reached, or has no schema.
    """
    missing = "the schema is missing: run the migrations"
    try:
        with transaction(engine) as connection:
            found = connection.execute(text("SELECT 1 FROM alembic_version")).one_or_none()
    except ProgrammingError as error:
        raise Unavailable(missing) from error
    if found is None:
        raise Unavailable(missing)


def new_id(prefix: str) -> str:
    """Return an id that sorts by time: a type prefix and the hex digits of a UUIDv7 (RFC 9562)."""
    return f"{prefix}_{UUID(bytes=uuid_utils.uuid7().bytes).hex}"
