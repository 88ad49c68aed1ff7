"""The HTTP service in a thread of the test run, and what tests say to it."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from api.__main__ import Server
from api.protocol import Protocol
from api.schemas import ProblemBody
from tests.conftest import until

# The eight bytes that make a PNG, and what makes it this one.
PNG = b"\x89PNG\r\n\x1a\n"
GIF = b"GIF89a"
IMAGE = ("one.png", PNG)


@contextmanager
def serving(app: FastAPI, protocol: type[Protocol] = Protocol) -> Iterator[str]:
    """Serve an application on a free port; yields its address."""
    server = Server(app, "127.0.0.1", 0, protocol)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            until(lambda: server.started)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            app.state.site.stopping.set()
            server.should_exit = True
            thread.join()


def submit(
    client: httpx.Client,
    *files: tuple[str, bytes],
    options: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Hand in files by name."""
    data = {} if options is None else {"options": json.dumps(options)}
    parts = [("files", file) for file in files]
    return client.post("/api/v1/jobs", files=parts, data=data, headers=headers)


def new_job(client: httpx.Client, **options: object) -> dict[str, Any]:
    """Hand in one image and return the job."""
    answer = submit(client, IMAGE, options=options)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def read_job(client: httpx.Client, job: dict[str, Any], **headers: str) -> httpx.Response:
    """Ask for a job again."""
    return client.get(job["links"]["self"], headers=headers)


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a whole problem, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    ProblemBody.model_validate(problem)
    assert problem["type"] == "/problems/" + code.replace("_", "-")
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == answer.url.path
    return problem
