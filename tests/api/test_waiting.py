"""Tags of versions, and answers that are held until there is news."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import Engine

from api.app import create_app
from shared.settings import Settings
from tests.api.playing import claim_next, finish_all
from tests.api.server import new_job, read_job, serving


def test_a_job_that_has_not_changed_is_304(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    tag = read_job(client, job).headers["etag"]

    same = read_job(client, job, **{"If-None-Match": f'"other", W/{tag}'})
    claim_next(engine)
    changed = read_job(client, job, **{"If-None-Match": tag})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_a_job_says_when_to_look_again_until_it_ends(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    open_headers = read_job(client, job).headers
    finish_all(engine)
    ended_headers = read_job(client, job).headers

    assert open_headers["retry-after"] == "1"
    assert "retry-after" not in ended_headers
    assert ended_headers["cache-control"] == "private, no-cache"


def test_a_waiting_client_learns_of_a_change(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    tag = read_job(client, job).headers["etag"]
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(read_job, client, job, Prefer="wait=30", **{"If-None-Match": tag})
        claim_next(engine)
        answer = waiting.result(timeout=10)

    assert answer.json()["status"] == "running"
    assert answer.headers["preference-applied"] == "wait=30"


def test_a_wait_for_a_version_that_stays_ends_in_304(client: httpx.Client) -> None:
    job = new_job(client)
    tag = read_job(client, job).headers["etag"]

    assert read_job(client, job, Prefer="wait=1", **{"If-None-Match": tag}).status_code == 304


def test_a_client_that_has_an_older_version_does_not_wait(client: httpx.Client) -> None:
    job = new_job(client)
    started = time.monotonic()

    answer = read_job(client, job, Prefer="wait=30", **{"If-None-Match": '"older"'})

    assert answer.status_code == 200
    assert time.monotonic() - started < 10


def test_an_ended_job_is_not_waited_for(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    finish_all(engine)
    started = time.monotonic()

    assert read_job(client, job, Prefer="wait=30").json()["status"] == "succeeded"
    assert time.monotonic() - started < 10


def test_a_wait_that_sees_no_change_ends_in_time(client: httpx.Client) -> None:
    job = new_job(client)
    started = time.monotonic()

    answer = read_job(client, job, Prefer="wait=1")

    assert answer.json()["status"] == "queued"
    assert 1 <= time.monotonic() - started < 5


@pytest.mark.parametrize("prefer", ["wait=0", "wait=-1", "wait", "wait=x", "respond-async", ""])
def test_a_preference_that_says_nothing_is_ignored(client: httpx.Client, prefer: str) -> None:
    answer = read_job(client, new_job(client), Prefer=prefer)

    assert answer.status_code == 200
    assert "preference-applied" not in answer.headers


def test_a_wait_is_cut_at_a_minute_and_ends_when_the_server_stops(
    settings: Settings, client: httpx.Client
) -> None:
    job = new_job(client)
    app = create_app(settings)
    with (
        ThreadPoolExecutor(max_workers=1) as pool,
        serving(app) as url,
        httpx.Client(base_url=url, headers=client.headers, timeout=90) as other,
    ):
        waiting = pool.submit(read_job, other, job, Prefer="respond-async, wait=3600")
        app.state.site.stopping.set()
        answer = waiting.result(timeout=10)

    assert answer.headers["preference-applied"] == "wait=60"
    assert answer.json()["status"] == "queued"


def test_waiting_clients_hold_up_nobody(base_url: str, client: httpx.Client) -> None:
    # More than the threads and the connections of the service together.
    crowd = 60
    job = new_job(client)
    limits = httpx.Limits(max_connections=crowd)
    with (
        ThreadPoolExecutor(max_workers=crowd) as pool,
        httpx.Client(base_url=base_url, headers=client.headers, limits=limits) as many,
    ):
        waiting = [pool.submit(read_job, many, job, Prefer="wait=4") for _ in range(crowd)]
        answer = client.get("/api/v1/auth/me")
        ended = [wait for wait in waiting if wait.done()]
        answers = [wait.result(timeout=30) for wait in waiting]

    assert answer.status_code == 200
    assert ended == []
    assert {answer.status_code for answer in answers} == {200}
