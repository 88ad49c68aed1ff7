"""Real servers for the tests: PostgreSQL and Redis from their wheels, once a test run."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine, text

from cli import data_dir, servers
from cli.program import Program
from shared.db.engine import connect, transaction
from shared.db.migrate import migrate

READY_WITHIN_S = 30.0

# No test fails for a slow machine. CI runs the same examples each time, so that a change is
# blamed for its own failures; every other run tries new ones.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def until(condition: Callable[[], object], *, within_s: float = READY_WITHIN_S) -> None:
    """Wait for a condition; fail loudly when it does not come true in time."""
    pause = threading.Event()
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not true within {within_s:.0f} s: {condition}")
        pause.wait(0.02)


@contextmanager
def running(program: Program, ready: Callable[[], bool]) -> Iterator[None]:
    """Run one of the service's own servers until the block ends."""
    account = program.account
    with program.log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 -- our own binaries
            program.command,
            cwd=program.directory,
            stdout=log,
            stderr=log,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    try:
        until(ready)
        yield
    finally:
        process.send_signal(program.stop_signal)
        process.wait(READY_WITHIN_S)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[data_dir.DataDir]:
    """A data directory of the test run's own."""
    with data_dir.claim(tmp_path_factory.mktemp("service")) as claimed:
        yield claimed


@pytest.fixture(scope="session")
def sockets(place: data_dir.DataDir) -> Path:
    """Where the servers' sockets are."""
    return data_dir.make_socket_dir(place, servers.server_account(place))


@pytest.fixture(scope="session")
def database_url(place: data_dir.DataDir, sockets: Path) -> Iterator[str]:
    """A migrated database on a real PostgreSQL."""
    account = servers.server_account(place)
    binaries = servers.postgres_binaries(account)
    servers.prepare_postgres(place, binaries, account)
    program = servers.postgres_program(place, binaries, sockets, account)
    with running(program, lambda: servers.postgres_ready(place)):
        url = servers.database_url(sockets)
        migrate(url)
        yield url


@pytest.fixture(scope="session")
def broker_url(place: data_dir.DataDir, sockets: Path) -> Iterator[str]:
    """A real Redis."""
    with running(servers.redis_program(place, sockets), lambda: servers.redis_ready(sockets)):
        yield servers.broker_url(sockets)


@pytest.fixture(scope="session")
def shared_engine(database_url: str) -> Iterator[Engine]:
    """One pool of connections for all tests."""
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(shared_engine: Engine) -> Iterator[Engine]:
    """The database, emptied after the test."""
    yield shared_engine
    with transaction(shared_engine) as connection:
        connection.execute(text("TRUNCATE users, blobs, daily_spending, login_failures CASCADE"))


@pytest.fixture
def owner_id(engine: Engine) -> str:
    """A user who owns what the test makes."""
    with transaction(engine) as connection:
        connection.execute(
            text("INSERT INTO users (id, email, password_hash) VALUES ('user_1', 'a@b.c', '')")
        )
    return "user_1"
