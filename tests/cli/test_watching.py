"""How a job is followed where its stream breaks, or is not to be had."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from cli.client import Client
from cli.failure import ExitCode, Failure
from cli.watching import follow

ITEM = {
    "id": "item_1",
    "index": 0,
    "filename": "cut\N{LINE SEPARATOR}.png",
    "status": "failed",
    "error": {"detail": "the image is cut off"},
}


def job(status: str) -> dict[str, Any]:
    counts = {"total": 1, "succeeded": 0, "failed": 1, "canceled": 0}
    return {"id": "job_1", "status": status, "counts": counts}


def event(name: str, event_id: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\nid: {event_id}\n\n".encode()


class Service(ThreadingHTTPServer):
    """A service whose streams are scripted: pieces that are sent one after another, or a status.

    When the script is over, a stream is not to be had.
    """

    daemon_threads = True

    def __init__(self, *streams: list[bytes] | int) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.streams = deque(streams)
        self.asked_after: list[str | None] = []
        self.polled = 0


class Answer(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        if not self.path.endswith("/events"):
            self.server.polled += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(job("failed")).encode())
            return
        self.server.asked_after.append(self.headers["Last-Event-ID"])
        script = self.server.streams.popleft() if self.server.streams else 404
        self.send_response(script if isinstance(script, int) else 200)
        self.end_headers()
        for piece in script if isinstance(script, list) else ():
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(*streams: list[bytes] | int) -> Iterator[tuple[Service, Client]]:
    with Service(*streams) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        try:
            with Client(f"http://127.0.0.1:{service.server_port}") as client:
                yield service, client
        finally:
            service.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [404, 405, 204])
def test_a_service_without_streams_is_asked_again_and_again(status: int) -> None:
    with serving(status) as (service, client):
        ended = follow(client, "job_1")

    assert ended == job("failed")
    assert (len(service.asked_after), service.polled) == (1, 1)


def test_a_stream_that_breaks_goes_on_behind_the_last_event() -> None:
    first = [b": still here\n\n", event("item", "3-0", ITEM), event("job", "3", job("running"))]
    with serving(first, 503, [event("job", "5", job("failed"))]) as (service, client):
        ended = follow(client, "job_1")

    assert ended == job("failed")
    assert (service.asked_after, service.polled) == (["0", "3", "3"], 0)


def test_an_event_may_come_in_pieces_and_a_torn_one_counts_for_nothing() -> None:
    whole = event("job", "7", job("failed"))
    torn = [event("item", "3-0", ITEM), event("item", "4-0", ITEM)[:-1]]
    with serving(torn, [bytes([byte]) for byte in whole]) as (service, client):
        ended = follow(client, "job_1")

    assert ended == job("failed")
    assert service.asked_after == ["0", "3-0"]


def test_a_failure_is_told_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    with serving([event("item", "3-0", ITEM), event("job", "3", job("failed"))]) as (_, client):
        follow(client, "job_1")

    said = capsys.readouterr().err
    assert "cut\N{REPLACEMENT CHARACTER}.png: the image is cut off" in said


def test_a_job_that_is_deleted_meanwhile_ends_the_watch() -> None:
    with (
        serving([event("deleted", "", {"id": "job_1"})]) as (_, client),
        pytest.raises(Failure) as failed,
    ):
        follow(client, "job_1")

    assert failed.value.exit_code is ExitCode.WRONG_USAGE
