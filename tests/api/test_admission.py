"""What is refused before its body is received."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from api.app import create_app
from shared.errors import DecodeFailed, Problem
from shared.settings import Settings
from tests.api.conftest import KIB, MakeClient
from tests.api.playing import claim_next, fail, finish_all
from tests.api.server import IMAGE, PNG, assert_problem, new_job, serving, submit


@contextmanager
def limited(settings: Settings, client: httpx.Client, **limits: int) -> Iterator[httpx.Client]:
    """Serve with other limits, to the same user."""
    with (
        serving(create_app(settings.model_copy(update=limits))) as url,
        httpx.Client(base_url=url, headers=client.headers) as narrow,
    ):
        yield narrow


def test_a_user_with_too_many_images_waiting_is_told_to_come_back(
    settings: Settings, client: httpx.Client, stranger: httpx.Client, engine: Engine
) -> None:
    with limited(settings, client, max_queued_items_per_user=2) as narrow:
        submit(narrow, ("1.png", PNG + b"1"), ("2.png", PNG + b"2"))
        refused = submit(narrow, IMAGE)
        other = submit(narrow, IMAGE, headers={"Authorization": stranger.headers["authorization"]})
        finish_all(engine)
        accepted = submit(narrow, IMAGE)

    assert_problem(refused, 429, "too_many_queued")
    assert int(refused.headers["retry-after"]) > 0
    assert (other.status_code, accepted.status_code) == (202, 202)


def test_a_service_with_too_many_images_waiting_is_overloaded_for_all(
    settings: Settings, client: httpx.Client, stranger: httpx.Client
) -> None:
    new_job(stranger)
    with limited(settings, client, max_queued_items=1) as narrow:
        refused = submit(narrow, IMAGE)

    assert_problem(refused, 503, "overloaded")
    assert int(refused.headers["retry-after"]) > 0


@pytest.mark.parametrize("path", ["/jobs", "/colors/extract"])
def test_a_disk_that_is_nearly_full_takes_no_more_uploads(
    settings: Settings, client: httpx.Client, path: str
) -> None:
    with limited(settings, client, disk_reserve_bytes=2**62) as narrow:
        answer = narrow.post(f"/api/v1{path}", files={"files": IMAGE})

    assert_problem(answer, 503, "storage_full")
    assert "retry-after" in answer.headers


def test_trying_again_waits_for_its_turn_too(
    settings: Settings, client: httpx.Client, engine: Engine
) -> None:
    job = new_job(client)
    claimed = claim_next(engine)
    assert claimed is not None
    fail(engine, claimed, Problem.of(DecodeFailed("cut off")))
    new_job(client)

    with limited(settings, client, max_queued_items_per_user=1) as narrow:
        answer = narrow.post(job["links"]["self"] + "/retry")

    assert_problem(answer, 429, "too_many_queued")


def test_who_waits_for_leave_to_send_is_refused_without_sending(
    settings: Settings, client: httpx.Client
) -> None:
    new_job(client)
    with limited(settings, client, max_queued_items_per_user=1) as narrow:
        head = (
            "POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n"
            "Expect: 100-continue\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            f"Authorization: {narrow.headers['authorization']}\r\n\r\n"
        )
        address = (narrow.base_url.host, narrow.base_url.port or 80)
        with socket.create_connection(address) as connection, connection.makefile("rb") as answer:
            connection.sendall(head.encode())
            status = answer.readline()

    assert status.startswith(b"HTTP/1.1 429 ")


def test_a_connection_is_good_for_more_after_a_refused_body(
    settings: Settings, client: httpx.Client, blob_dir: Path
) -> None:
    new_job(client)
    before = set(blob_dir.rglob("*"))
    headers = {
        "Authorization": client.headers["authorization"],
        "Content-Type": "multipart/form-data; boundary=b",
    }
    with limited(settings, client, max_queued_items_per_user=1) as narrow:
        connection = http.client.HTTPConnection(narrow.base_url.host, narrow.base_url.port)
        connection.request("POST", "/api/v1/jobs", b"x" * 400 * KIB, headers)
        refused = connection.getresponse()
        refused.read()
        used = connection.sock
        connection.request("GET", "/api/v1/jobs", headers=headers)
        read = connection.getresponse()
        read.read()
        same = connection.sock is used
        connection.close()

    assert (refused.status, read.status, same) == (429, 200, True)
    assert set(blob_dir.rglob("*")) == before


def test_nobody_is_refused_by_what_has_ended(
    settings: Settings, log_in_as: MakeClient, engine: Engine
) -> None:
    client = log_in_as("eve@example.com")
    with limited(settings, client, max_queued_items_per_user=1, max_queued_items=1) as narrow:
        statuses = []
        for place in range(3):
            statuses.append(submit(narrow, ("a.png", PNG + bytes([place]))).status_code)
            finish_all(engine)

    assert statuses == [202, 202, 202]
