"""`copythat up` as a user runs it: real servers, real workers, signals from outside."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import until
from tests.programs import environment

LIMIT_S = 100.0
pytestmark = pytest.mark.timeout(300)


@dataclass
class Up:
    """A running `copythat up`."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    log: Path

    @property
    def credentials(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.data_dir / "credentials.json").read_text())
        return content

    def family(self) -> list[psutil.Process]:
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def get(self, path: str) -> httpx.Response:
        key = self.credentials["api_key"]
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.get(f"{self.credentials['url']}/api/v1{path}", headers=headers)


def command(data_dir: Path, port: int = 0) -> list[str]:
    words = ("up", "--port", str(port), "--data-dir", str(data_dir), "--cv-workers", "1")
    return [sys.executable, "-m", "cli.main", *words]


@contextmanager
def running_up(data_dir: Path, log: Path, **variables: str) -> Iterator[Up]:
    with log.open("wb") as opened:
        process = subprocess.Popen(  # noqa: S603 -- our own program
            command(data_dir), stdout=opened, stderr=opened, env=environment(**variables)
        )

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        return b"Copy That is ready" in log.read_bytes()

    try:
        until(ready, within_s=LIMIT_S)
        yield Up(process, data_dir, log)
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def failed_up(data_dir: Path, port: int = 0, **variables: str) -> str:
    """Return the words of an `up` that cannot start, which has to say so by its exit code."""
    done = subprocess.run(  # noqa: S603 -- our own program
        command(data_dir, port),
        capture_output=True,
        text=True,
        check=False,
        env=environment(**variables),
        timeout=LIMIT_S,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    return done.stderr


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that run; the dead whom nobody reaps, as in a container, do not."""
    found = []
    for process in processes:
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def test_a_service_is_found_again_after_every_kind_of_end(tmp_path: Path) -> None:
    data_dir, log = tmp_path / "data", tmp_path / "up.log"
    with running_up(data_dir, log) as first:
        key = first.credentials["api_key"]
        user = first.get("/auth/me").json()
        assert first.data_dir.joinpath("credentials.json").stat().st_mode & 0o777 == 0o600
        assert f"pid {first.process.pid}" in failed_up(data_dir)
        killed = first.family()
        first.process.kill()
        until(lambda: not alive(killed), within_s=LIMIT_S)
    assert len(killed) >= 6

    with running_up(data_dir, log) as second:
        assert second.credentials["api_key"] == key
        assert second.get("/auth/me").json() == user
        stopped = second.family()
        second.process.send_signal(signal.SIGINT)
        assert second.process.wait(LIMIT_S) == 0
        assert alive(stopped) == []


def test_servers_that_settings_name_are_used_and_none_are_started(
    tmp_path: Path, database_url: str, broker_url: str
) -> None:
    data_dir, log = tmp_path / "data", tmp_path / "up.log"
    named = {"COPYTHAT_DATABASE_URL": database_url, "COPYTHAT_BROKER_URL": broker_url}

    with running_up(data_dir, log, **named) as service:
        names = {process.name() for process in service.family()}
        status = service.get("/auth/me").status_code

    assert status == 200
    assert not data_dir.joinpath("pgdata").exists()
    assert not {name for name in names if name.startswith(("postgres", "redis"))}


def test_a_dotenv_file_where_it_is_started_is_honoured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    (tmp_path / ".env").write_text(f"COPYTHAT_DATA_DIR={tmp_path / 'file' / 'below'}\n")
    (tmp_path / "file").touch()

    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "up", "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )

    assert done.returncode == 2
    assert f"cannot write to {tmp_path / 'file' / 'below'}" in done.stderr


def test_a_taken_port_is_an_error_of_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        words = failed_up(tmp_path / "data", port)

    assert words == f"copythat: cannot listen on 127.0.0.1 port {port}: Address already in use\n"


def test_a_directory_that_cannot_be_written_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    words = failed_up(tmp_path / "file" / "data")

    assert words == f"copythat: cannot write to {tmp_path}/file/data: Not a directory\n"


def test_a_setting_that_cannot_be_true_is_an_error_that_names_it(tmp_path: Path) -> None:
    words = failed_up(tmp_path / "data", COPYTHAT_MAX_IMAGE_BYTES="many")

    assert words.startswith("copythat: setting MAX_IMAGE_BYTES: ")
    assert words.count("\n") == 1


def test_a_database_that_does_not_answer_is_an_error_that_says_so(tmp_path: Path) -> None:
    away = "postgresql+psycopg://nobody@/nothing?host=/no/such/directory"

    words = failed_up(tmp_path / "data", COPYTHAT_DATABASE_URL=away)

    assert words.startswith("copythat: migrate failed: ")
    assert words.count("\n") == 1
