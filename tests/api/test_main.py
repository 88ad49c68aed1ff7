"""The service as a process of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from shared.settings import Settings
from tests.api.server import PNG, submit
from tests.conftest import until
from tests.programs import environment, free_port


def variables(settings: Settings) -> dict[str, str]:
    return environment(
        COPYTHAT_DATABASE_URL=settings.database_url,
        COPYTHAT_BROKER_URL=settings.broker_url,
        COPYTHAT_DATA_DIR=str(settings.data_dir),
        COPYTHAT_SECRET_KEY=settings.secret_key.get_secret_value(),
    )


def is_alive(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def started(settings: Settings, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [sys.executable, "-m", "api", "--port", str(port)]
    with (
        log.open("wb") as out,
        subprocess.Popen(  # noqa: S603 -- our own program
            command, env=variables(settings), stderr=out, stdout=out
        ) as process,
    ):
        try:
            until(lambda: is_alive(f"http://127.0.0.1:{port}"))
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.kill()


def test_a_stop_lets_waiting_clients_have_their_answer(
    settings: Settings, client: httpx.Client, tmp_path: Path
) -> None:
    job = submit(client, ("one.png", PNG)).json()
    headers = {"Authorization": client.headers["authorization"], "Prefer": "wait=60"}
    with started(settings, tmp_path / "api.log") as (url, process):
        waiting = HTTPConnection(url.removeprefix("http://"), timeout=20)
        waiting.request("GET", job["links"]["self"], headers=headers)
        # Once a later request is answered, the earlier one has been read.
        assert is_alive(url)
        process.send_signal(signal.SIGTERM)
        with closing(waiting):
            answer = json.load(waiting.getresponse())
        exit_code = process.wait(timeout=20)

    assert answer["status"] == "queued"
    assert exit_code in {0, -signal.SIGTERM}


def test_the_log_is_one_json_object_a_line(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with started(settings, log) as (url, _):
        httpx.get(f"{url}/api/v1/nothing", headers={"X-Request-ID": "trace-10"})
        until(lambda: "trace-10" in log.read_text())

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (request,) = [line for line in lines if line.get("request_id") == "trace-10"]
    assert (request["event"], request["status"], request["level"]) == ("request", 404, "info")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"COPYTHAT_SECRET_KEY": "short"}, "COPYTHAT_SECRET_KEY"),
        ({"COPYTHAT_MAX_IMAGE_BYTES": "many"}, "MAX_IMAGE_BYTES"),
    ],
)
def test_a_wrong_setting_is_a_line_that_names_it(
    settings: Settings, change: dict[str, str], told: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "api", "--port", "0"],
        env=variables(settings) | change,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 1
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
