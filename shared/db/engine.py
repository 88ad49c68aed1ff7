"""The connection to PostgreSQL, and the one way to write to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

import uuid_utils
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.errors import Unavailable

# Longer than any query of ours takes, shorter than anybody should wait for a dead server.
CONNECT_TIMEOUT_S = 3
# What each session asks of the server.
SESSION = {
    "statement_timeout": "30s",  # longer has gone wrong, and would hold locks that others wait for
    # A process that is frozen in a transaction holds its locks for this long and no longer.
    "idle_in_transaction_session_timeout": "10s",
    # A peer whose machine is gone is noticed as soon; without meaning on a local socket.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20s",
    # A plan that is kept from when the tables were small must not scan them when they are large.
    # Every statement that runs often has its index.
    "enable_seqscan": "off",
    # What scans all the same, such as the check of invariants, would look dear enough to compile.
    "jit": "off",
}
# A lock outlives the last sign of life of who holds it by this.
LOCK_IDLE_S = 15
# Threads of one process that hold a connection at once; more wait for their turn.
POOL_SIZE = 16


# What PostgreSQL says of a transaction that may be tried again as it was (appendix A, class 40).
GAVE_WAY = frozenset({"40P01", "40001"})
# Each try has to be unlucky anew.
MOST_TRIES = 5

T = TypeVar("T")


class Collision(Unavailable):
    """Two transactions waited for each other's rows, and this one gave way."""


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
            "keepalives_idle": 10,
            "tcp_user_timeout": 20_000,
            "options": " ".join(f"-c {name}={value}" for name, value in SESSION.items()),
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


def written(engine: Engine, write: Callable[[Connection], T]) -> T:
    """Return what a transaction comes to, which is tried again where it gave way to another.

    Raises:
        Unavailable: The database cannot be reached, or it gave way each time.
    """
    for _ in range(MOST_TRIES - 1):
        try:
            with transaction(engine) as connection:
                return write(connection)
        except Collision:
            continue
    with transaction(engine) as connection:
        return write(connection)


class SessionLock:
    """An advisory lock that a session holds for as long as it shows signs of life."""

    def __init__(self, connection: Connection) -> None:
        """Belong to a session of its own."""
        self._connection = connection

    def keep(self) -> None:
        """Show that its holder is alive.

        Raises:
            Unavailable: The session has ended, and the lock with it.
        """
        with _reachable():
            self._connection.execute(text("SELECT 1"))


@contextmanager
def session_lock(engine: Engine, key: int) -> Iterator[SessionLock | None]:
    """Hold an advisory lock while the block runs; yields None when somebody else has it.

    Raises:
        Unavailable: The database cannot be reached.
    """
    with _reachable(), engine.connect() as pooled:
        connection = pooled.execution_options(isolation_level="AUTOCOMMIT")
        # The lock belongs to the session, so this one must end rather than go back to the pool.
        connection.detach()
        connection.execute(text(f"SET idle_session_timeout = '{LOCK_IDLE_S}s'"))
        statement = text("SELECT pg_try_advisory_lock(:key)")
        taken = connection.execute(statement, {"key": key}).scalar_one()
        yield SessionLock(connection) if taken else None


@contextmanager
def _reachable() -> Iterator[None]:
    """Say a database that is away in our own error."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if getattr(error.orig, "sqlstate", None) in GAVE_WAY:
            raise Collision("others wrote the same rows at the same time") from error
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
