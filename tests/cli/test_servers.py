"""PostgreSQL and Redis as the service starts them: over crashes, deep paths and for root."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cli import servers
from cli.data_dir import DataDir, claim, make_socket_dir
from cli.supervisor import Supervisor
from shared.db.engine import connect
from shared.errors import StartError

LIMIT_S = 60.0
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@dataclass
class Servers:
    place: DataDir
    url: str
    sockets: Path
    supervisor: Supervisor

    def ask(self, query: str) -> object:
        engine = connect(self.url)
        try:
            with engine.begin() as connection:
                result = connection.execute(text(query))
                return result.scalar() if result.returns_rows else None
        finally:
            engine.dispose()


@contextmanager
def running_servers(path: Path) -> Iterator[Servers]:
    with claim(path) as place, Supervisor(print) as supervisor:
        account = servers.server_account(place)
        binaries = servers.postgres_binaries(account)
        servers.prepare_postgres(place, binaries, account)
        sockets = make_socket_dir(place, account)
        supervisor.start(servers.postgres_program(place, binaries, sockets, account))
        supervisor.start(servers.redis_program(place, sockets))
        supervisor.wait_until(
            lambda: servers.postgres_ready(place) and servers.redis_ready(sockets),
            "the servers",
            LIMIT_S,
        )
        yield Servers(place, servers.database_url(sockets), sockets, supervisor)


def answers(served: Servers) -> bool:
    try:
        return served.ask("SELECT 1") == 1
    except OperationalError:
        return False


def test_rows_are_found_again_after_a_stop(tmp_path: Path) -> None:
    with running_servers(tmp_path / "data") as before:
        before.ask("CREATE TABLE kept AS SELECT 7 AS n")

    with running_servers(tmp_path / "data") as after:
        assert after.ask("SELECT n FROM kept") == 7


def test_rows_are_found_again_after_postgres_was_killed(tmp_path: Path) -> None:
    with running_servers(tmp_path / "data") as kept:
        kept.ask("CREATE TABLE kept AS SELECT 7 AS n")
        first = kept.supervisor.pids()["postgres"]
        assert first is not None
        os.kill(first, signal.SIGKILL)
        kept.supervisor.wait_until(
            lambda: (
                kept.supervisor.pids()["postgres"] not in {first, None}
                and servers.postgres_ready(kept.place)
            ),
            "a restart",
            LIMIT_S,
        )

        assert kept.ask("SELECT n FROM kept") == 7


def test_a_pid_file_whose_number_belongs_to_somebody_else_is_no_obstacle(tmp_path: Path) -> None:
    with running_servers(tmp_path / "data") as before:
        left = before.place.pgdata / "postmaster.pid"
        content = left.read_text().splitlines()
    left.write_text("\n".join([str(os.getpid()), *content[1:]]))
    owner = left.parent.stat()
    os.chown(left, owner.st_uid, owner.st_gid)

    with running_servers(tmp_path / "data") as after:
        assert after.ask("SELECT 1") == 1


def test_a_cluster_that_was_half_made_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "data" / "pgdata.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    with running_servers(tmp_path / "data") as whole:
        assert whole.ask("SELECT 1") == 1


def test_a_deep_data_directory_does_not_lengthen_the_sockets(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*("a-directory-with-a-long-name" for _ in range(6)))

    with running_servers(deep) as served:
        assert served.ask("SELECT 1") == 1


def test_two_services_side_by_side_do_not_see_each_other(tmp_path: Path) -> None:
    with running_servers(tmp_path / "one") as one:
        one.ask("CREATE TABLE mine ()")
        with running_servers(tmp_path / "two") as two:
            assert two.ask("SELECT to_regclass('mine')") is None


def test_sockets_and_data_are_closed_to_others(tmp_path: Path) -> None:
    with running_servers(tmp_path / "data") as served:
        modes = [
            path.stat().st_mode & 0o077
            for path in (served.sockets, served.place.path, served.place.pgdata)
        ]

    assert modes == [0, 0, 0]


def test_a_taken_socket_directory_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    place = DataDir(tmp_path)
    account = servers.server_account(place)
    sockets = make_socket_dir(place, account)
    sockets.rmdir()
    sockets.symlink_to(tmp_path)

    try:
        with pytest.raises(StartError, match=str(sockets)):
            make_socket_dir(place, account)
    finally:
        sockets.unlink()


# Starts the servers of argv[1] as nobody with an empty HOME, and says the answer of a query.
# All that is needed of Python is imported before, since it may lie in a home of root's.
AS_NOBODY = """
import os, sys
sys.path[:0] = sys.argv[4:]
from pathlib import Path
from test_servers import answers, running_servers, Servers
answers(Servers(None, "postgresql+psycopg://x@/x?host=/no/such/directory", None, None))
os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[2]))
os.environ["HOME"] = ""
with running_servers(Path(sys.argv[1])) as served:
    print(served.ask("SELECT 40 + 2"))
"""


@as_root
def test_an_ordinary_user_without_a_home_can_run_them() -> None:
    nobody = pwd.getpwnam("nobody")
    here = Path(__file__).parent
    home = Path("/var/tmp") / f"copythat-test-{os.getpid()}"  # noqa: S108 -- made for nobody
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    identity = (str(nobody.pw_uid), str(nobody.pw_gid))
    paths = (str(here), str(here.parents[1]))
    try:
        done = subprocess.run(  # noqa: S603 -- our own interpreter
            [sys.executable, "-c", AS_NOBODY, str(home / "data"), *identity, *paths],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
    finally:
        shutil.rmtree(home)

    assert done.stderr == ""
    assert done.stdout == "42\n"


@as_root
def test_root_can_keep_data_where_no_other_account_may_go(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with running_servers(closed / "data") as served:
        assert served.ask("SELECT 1") == 1

    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_binaries_out_of_reach_are_copied_within_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = Path("/var/tmp") / f"copythat-test-{os.getpid()}"  # noqa: S108 -- outside of tmp_path, which is closed
    monkeypatch.setattr(servers, "SHARED_BINARIES", shared)
    package = closed_copy_of_the_wheel(tmp_path)
    monkeypatch.syspath_prepend(package.parent)
    try:
        with running_servers(tmp_path / "data") as served:
            assert served.ask("SELECT 1") == 1
        assert len(list(shared.iterdir())) == 1
    finally:
        shutil.rmtree(shared, ignore_errors=True)


def closed_copy_of_the_wheel(tmp_path: Path) -> Path:
    """Link the wheel's directories below a directory that only root may enter."""
    real = servers._wheel(servers.POSTGRES_WHEEL)  # noqa: SLF001 -- where the wheel is
    site = tmp_path / "site"
    site.mkdir(mode=0o700)
    package = site / servers.POSTGRES_WHEEL
    package.mkdir()
    (package / "__init__.py").touch()
    (package / servers.POSTGRES_HOME).symlink_to(real / servers.POSTGRES_HOME)
    libraries = f"{servers.POSTGRES_WHEEL}.libs"
    (site / libraries).symlink_to(real.with_name(libraries))
    return package
