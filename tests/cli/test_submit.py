"""How files are handed in: once, also where the connection is lost on the way."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import jobs
from cli.client import Client
from cli.failure import ExitCode, Failure
from cli.main import app
from cli.submit import send
from cli.uploads import find_files
from shared.export import Format

JOB = {"id": "job_1", "status": "queued"}
LOST, TOO_MANY = 0, 429
LIMITED = {"code": "rate_limited", "title": "Too many requests", "detail": "a quota is used up"}


class Service(ThreadingHTTPServer):
    """A service that answers each request with the next status; ``LOST`` hangs up instead."""

    daemon_threads = True

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.statuses = deque(statuses)
        self.keys: list[str | None] = []
        self.bodies: list[bytes] = []


class Answer(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.server.keys.append(self.headers["Idempotency-Key"])
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.statuses.popleft()
        if status == LOST:
            self.close_connection = True
            return
        self.send_response(status)
        if status == TOO_MANY:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(json.dumps(LIMITED if status == TOO_MANY else JOB).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(*statuses: int) -> Iterator[tuple[Service, Client]]:
    with Service(*statuses) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        try:
            with Client(f"http://127.0.0.1:{service.server_port}") as client:
                yield service, client
        finally:
            service.shutdown()
            thread.join()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A file to send."""
    path = tmp_path / "one.png"
    path.write_bytes(b"an image")
    return path


@pytest.mark.parametrize("statuses", [(LOST, 200), (LOST, 503, LOST, 200)])
def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    image: Path, statuses: tuple[int, ...]
) -> None:
    with serving(*statuses) as (service, client):
        job = send(client, find_files([str(image)]), {})

    assert job == JOB
    assert len(service.keys) == len(statuses)
    assert len(set(service.keys)) == 1
    assert all(b"an image" in body for body in service.bodies)


def test_each_submission_has_a_key_of_its_own(image: Path) -> None:
    with serving(202, 202, 202) as (service, client):
        send(client, find_files([str(image)]), {})
        send(client, find_files([str(image)]), {})
        send(client, find_files([str(image)]), {}, "mine")

    assert len(set(service.keys)) == 3
    assert service.keys[2] == "mine"


@pytest.mark.parametrize("status", [422, 503])
def test_what_is_refused_at_once_is_not_sent_again(image: Path, status: int) -> None:
    with serving(status) as (service, client), pytest.raises(Failure):
        send(client, find_files([str(image)]), {})

    assert len(service.keys) == 1


def test_a_used_up_quota_is_waited_for(image: Path) -> None:
    with serving(TOO_MANY, 202) as (service, client):
        job = send(client, find_files([str(image)]), {})
    with serving(TOO_MANY, 202) as (asked, client):
        canceled = client.post("/jobs/job_1/cancel", content=b"")

    assert job == canceled == JOB
    assert len(set(service.keys)) == 1
    assert all(b"an image" in body for body in service.bodies)
    assert len(asked.bodies) == 2


def test_a_quota_that_stays_used_up_ends_a_command() -> None:
    with serving(TOO_MANY, TOO_MANY) as (_, client), pytest.raises(Failure) as failed:
        client.post("/jobs/job_1/cancel", content=b"")

    assert failed.value.exit_code is ExitCode.UNREACHABLE
    assert "a quota is used up" in str(failed.value)


def test_a_service_that_was_never_there_is_not_waited_for(image: Path) -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(Failure) as failed:
        send(client, find_files([str(image)]), {})

    assert failed.value.exit_code is ExitCode.UNREACHABLE


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--export", "w3c,figma"), "figma"),
        (("--label", "team"), "name=value"),
    ],
)
def test_wrong_words_are_told_before_anything_is_sent(
    image: Path, words: tuple[str, ...], said: str
) -> None:
    with serving() as (service, client):
        url = ("--url", client.url)
        done = CliRunner(env={"COPYTHAT_API_KEY": "ct_x"}).invoke(
            app, ["submit", str(image), *words, *url]
        )

    assert isinstance(done.exception, Failure)
    assert done.exception.exit_code is ExitCode.WRONG_USAGE
    assert said in str(done.exception)
    assert service.keys == []


def test_nothing_is_deleted_where_nobody_can_be_asked() -> None:
    done = CliRunner().invoke(app, ["delete", "job_1", "--url", "http://127.0.0.1:9"])

    assert isinstance(done.exception, Failure)
    assert done.exception.exit_code is ExitCode.WRONG_USAGE
    assert "--yes" in str(done.exception)


def test_the_formats_are_those_of_the_service() -> None:
    assert tuple(Format) == jobs.FORMATS
