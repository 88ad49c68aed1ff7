"""A job's events as they come, resumed without a gap."""

import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from api.app import create_app
from api.limits import MAX_OPEN
from cli import data_dir, servers
from shared.db import api_keys, control, users
from shared.db.engine import connect, transaction
from shared.db.migrate import migrate
from shared.errors import DecodeFailed, Problem
from shared.settings import Settings
from tests.api.conftest import NO_PASSWORD
from tests.api.playing import claim_next, fail, finish, finish_all
from tests.api.server import IMAGE, PNG, assert_problem, new_job, read_job, serving, submit
from tests.api.streams import Event, events_of, listening
from tests.conftest import running, until

DAMAGED = Problem.of(DecodeFailed())
# More than the threads and the connections of the service together.
CROWD = 60


def job_of(client: httpx.Client, images: int) -> dict[str, Any]:
    files = [(f"{n}.png", PNG + bytes([n])) for n in range(images)]
    job: dict[str, Any] = submit(client, *files, options={"mode": "cv"}).json()
    return job


def fail_next(engine: Engine) -> None:
    claimed = claim_next(engine)
    assert claimed is not None
    fail(engine, claimed, DAMAGED)


def retry(engine: Engine, job_id: str) -> None:
    with transaction(engine) as connection:
        owner_id = connection.execute(
            text("SELECT owner_id FROM jobs WHERE id = :id"), {"id": job_id}
        ).scalar_one()
        control.retry_job(connection, owner_id, job_id)


def test_a_new_reader_hears_of_the_job_as_it_is_and_then_of_changes(
    client: httpx.Client, engine: Engine
) -> None:
    job = job_of(client, 2)
    with listening(client, job) as events:
        first = next(events)
        fail_next(engine)
        finish_all(engine)
        rest = list(events)

    assert (first.name, first.data["status"]) == ("job", "queued")
    assert [event.data["index"] for event in rest if event.name == "item"] == [0, 1]
    assert (rest[-1].name, rest[-1].data["status"]) == ("job", "partially_succeeded")


def test_a_job_is_told_as_it_is_read(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    finish_all(engine)

    with listening(client, job) as events:
        (event,) = events

    assert event.data == client.get(job["links"]["self"]).json()


def test_an_item_is_told_with_what_became_of_it(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    fail_next(engine)

    with listening(client, job, "0") as events:
        item = next(events).data

    assert item.pop("id").startswith("item_")
    assert item == {
        "index": 0,
        "filename": "one.png",
        "status": "failed",
        "cached": False,
        "degraded": False,
        "error": DAMAGED.as_dict(),
    }


def test_a_reader_of_an_ended_job_who_has_heard_all_is_told_to_stop(
    client: httpx.Client, engine: Engine
) -> None:
    job = new_job(client)
    finish_all(engine)
    with listening(client, job) as events:
        (last,) = events

    answer = client.get(job["links"]["events"], headers={"Last-Event-ID": last.id})

    assert (answer.status_code, answer.content) == (204, b"")


def test_a_reader_who_lost_the_last_event_gets_it(client: httpx.Client, engine: Engine) -> None:
    job = job_of(client, 2)
    finish_all(engine)
    with listening(client, job, "0") as events:
        *items, last = events

    with listening(client, job, items[-1].id) as events:
        again = list(events)

    assert again == [last]


def test_a_retried_job_has_a_stream_again(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    fail_next(engine)
    with listening(client, job) as events:
        (ended,) = events
    retry(engine, job["id"])

    with listening(client, job, ended.id) as events:
        item, reopened = next(events), next(events)
        finish_all(engine)
        *_, last = events

    assert (item.name, item.data["status"]) == ("item", "queued")
    assert reopened.data["status"] == "queued"
    assert last.data["status"] == "succeeded"


def test_a_reader_who_cannot_send_headers_says_it_in_the_query_once(
    client: httpx.Client, engine: Engine
) -> None:
    job = job_of(client, 2)
    finish_all(engine)

    with listening(client, job, last_event_id="0") as events:
        names = [event.name for event in events]
    with listening(client, job, "0", last_event_id="999") as events:
        of_header = [event.name for event in events]

    assert names == of_header == ["item", "item", "job"]


def test_an_id_of_a_database_that_was_set_back_starts_over(
    client: httpx.Client, engine: Engine
) -> None:
    job = job_of(client, 2)
    finish_all(engine)

    with listening(client, job, "999999-3") as events:
        assert [event.name for event in events] == ["item", "item", "job"]


@pytest.mark.parametrize("wrong", ["x", "-1", "1-", "1-x", "1 2", "9" * 19, "1-1-1", "0x1"])
def test_an_id_that_is_none_of_ours_is_refused(client: httpx.Client, wrong: str) -> None:
    path = new_job(client)["links"]["events"]

    by_header = client.get(path, headers={"Last-Event-ID": wrong})
    by_query = client.get(path, params={"last_event_id": wrong})

    assert_problem(by_header, 422, "validation_failed")
    assert_problem(by_query, 422, "validation_failed")


def test_a_stream_is_for_the_owner_alone(
    client: httpx.Client, stranger: httpx.Client, anonymous: httpx.Client
) -> None:
    path = new_job(client)["links"]["events"]

    assert_problem(stranger.get(path), 404, "not_found")
    assert_problem(anonymous.get(path), 401, "unauthenticated")
    assert_problem(client.get("/api/v1/jobs/job_none/events"), 404, "not_found")


def test_nothing_between_may_keep_or_gather_a_stream(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    finish_all(engine)

    answer = client.get(job["links"]["events"], headers={"Accept-Encoding": "gzip, br"})

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in answer.headers
    assert "content-length" not in answer.headers
    assert answer.text.startswith("retry: 2000\n\n")


def test_a_name_with_rare_line_ends_stays_one_line(client: httpx.Client, engine: Engine) -> None:
    name = "a\N{LINE SEPARATOR}b\x85c.png"
    job = submit(client, ("x.png", PNG)).json()
    with transaction(engine) as connection:
        connection.execute(text("UPDATE items SET filename = :name"), {"name": name})
    finish_all(engine)

    with listening(client, job, "0") as events:
        assert next(events).data["filename"] == name


def test_a_deleted_job_ends_its_stream(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    with listening(client, job) as events:
        next(events)
        with transaction(engine) as connection:
            connection.execute(text("DELETE FROM jobs"))
        rest = list(events)

    assert [(event.name, event.data) for event in rest] == [("deleted", {"id": job["id"]})]


def test_a_stream_ends_with_the_credentials_that_opened_it(
    client: httpx.Client, base_url: str
) -> None:
    made = client.post("/api/v1/api-keys", json={"name": "lost"}).json()
    job = new_job(client)
    headers = {"Authorization": f"Bearer {made['secret']}"}
    with (
        httpx.Client(base_url=base_url, headers=headers, timeout=30) as thief,
        listening(thief, job) as events,
    ):
        next(events)
        client.delete(f"/api/v1/api-keys/{made['id']}")

        assert list(events) == []


def test_a_user_has_so_many_requests_open_and_no_more(
    client: httpx.Client, stranger: httpx.Client, base_url: str
) -> None:
    job, other = new_job(client), new_job(stranger)
    waits = {"Prefer": "wait=1"}
    with ExitStack() as stack:
        many = stack.enter_context(
            httpx.Client(base_url=base_url, headers=client.headers, limits=httpx.Limits())
        )
        for _ in range(MAX_OPEN):
            held = stack.enter_context(many.stream("GET", job["links"]["events"]))
            assert held.status_code == 200
        stream, wait = client.get(job["links"]["events"]), read_job(client, job, **waits)
        for refused in (stream, wait, submit(client, IMAGE)):
            assert_problem(refused, 429, "too_many_open")
            assert int(refused.headers["retry-after"]) > 0
        assert read_job(client, job).status_code == 200
        assert read_job(stranger, other, **waits).status_code == 200

    until(lambda: read_job(client, job, **waits).status_code == 200)


def test_a_stream_ends_when_the_server_stops(settings: Settings, client: httpx.Client) -> None:
    job = new_job(client)
    app = create_app(settings)
    with (
        serving(app) as url,
        httpx.Client(base_url=url, headers=client.headers, timeout=30) as other,
        listening(other, job) as events,
    ):
        next(events)
        app.state.site.stopping.set()

        assert list(events) == []


def test_a_reader_who_leaves_is_not_looked_after_any_more(
    settings: Settings, client: httpx.Client
) -> None:
    job = new_job(client)
    app = create_app(settings)
    lookout = app.state.site.lookout
    with serving(app) as url, httpx.Client(base_url=url, headers=client.headers) as other:
        with listening(other, job) as events:
            next(events)
            until(lambda: lookout.followed == {job["id"]: 1})

        until(lambda: not lookout.followed)


def test_a_crowd_of_readers_holds_up_nobody(
    base_url: str, client: httpx.Client, engine: Engine
) -> None:
    job = job_of(client, 5)

    def hear_all(_: int) -> list[Event]:
        with (
            httpx.Client(base_url=base_url, headers=client.headers, timeout=60) as one,
            listening(one, job, "0") as events,
        ):
            heard.append(next(events))
            return list(events)

    heard: list[Event] = []
    with ThreadPoolExecutor(CROWD) as pool:
        waiting = [pool.submit(hear_all, n) for n in range(CROWD)]
        until(lambda: len(heard) == CROWD)
        assert client.get("/api/v1/auth/me").status_code == 200
        finish_all(engine)
        endings = [wait.result(60) for wait in waiting]

    assert {events[-1].data["status"] for events in endings} == {"succeeded"}
    assert {sum(event.name == "item" for event in events) for events in endings} == {5}


def work_along(engine: Engine, job_id: str, seed: int) -> None:
    """End all work, well or badly, and once try again what failed."""
    chance = random.Random(seed)  # noqa: S311 -- to be repeatable
    retried = False
    while claimed := claim_next(engine):
        if chance.random() < 0.3:
            fail(engine, claimed, DAMAGED)
        else:
            finish(engine, claimed, {})
        if not retried and chance.random() < 0.1:
            retried = True
            retry_if_failed(engine, job_id)


def retry_if_failed(engine: Engine, job_id: str) -> None:
    with transaction(engine) as connection:
        failed = connection.execute(
            text("SELECT count(*) FROM items WHERE state = 'failed'")
        ).scalar_one()
    if failed:
        retry(engine, job_id)


def hear_some(
    client: httpx.Client, job: Mapping[str, Any], after: str, most: int
) -> list[Event] | None:
    """Hear some events and hang up; None when there are no more to come."""
    headers = {"Last-Event-ID": after}
    with client.stream("GET", job["links"]["events"], headers=headers) as answer:
        if answer.status_code == 204:
            return None
        return list(islice(events_of(answer), most))


@pytest.mark.parametrize("seed", range(3))
def test_who_is_cut_off_again_and_again_hears_of_every_item(
    client: httpx.Client, engine: Engine, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- to be repeatable
    job = job_of(client, 20)
    states: dict[str, str] = {}
    after, over = "0", False
    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(work_along, engine, job["id"], seed)
        while not over:
            nothing_follows = worker.done()
            heard = hear_some(client, job, after, chance.randint(0, 8))
            over = nothing_follows and heard is None
            for event in heard or []:
                after = event.id
                if event.name == "item":
                    states[event.data["id"]] = event.data["status"]
        worker.result()

    items = client.get(job["links"]["items"], params={"limit": 200}).json()["data"]
    assert states == {item["id"]: item["status"] for item in items}


def test_a_stream_outlives_a_restart_of_the_database(settings: Settings, tmp_path: Path) -> None:
    with data_dir.claim(tmp_path / "own") as place:
        account = servers.server_account(place)
        binaries = servers.postgres_binaries(account)
        sockets = data_dir.make_socket_dir(place, account)
        servers.prepare_postgres(place, binaries, account)
        program = servers.postgres_program(place, binaries, sockets, account)
        url = servers.database_url(sockets)
        app = create_app(settings.model_copy(update={"database_url": url}))
        engine = connect(url)
        with serving(app) as base_url, httpx.Client(base_url=base_url, timeout=60) as client:
            with running(program, lambda: servers.postgres_ready(place)):
                migrate(url)
                client.headers["Authorization"] = f"Bearer {api_key(engine)}"
                job = new_job(client)
                stream = listening(client, job)
                events = stream.__enter__()
                next(events)
                engine.dispose()
            until(lambda: client.get("/api/v1/auth/me").status_code == 503)
            with running(program, lambda: servers.postgres_ready(place)):
                finish_all(engine)
                *_, last = events
                engine.dispose()

    assert last.data["status"] == "succeeded"


def api_key(engine: Engine) -> str:
    with transaction(engine) as connection:
        user = users.create_user(connection, "ada@example.com", NO_PASSWORD)
        return api_keys.issue(connection, user.id, "test").secret
