"""Jobs: options, pages, states, tags and waits."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from api.app import create_app
from shared.db.engine import transaction
from shared.errors import ClaudeUnavailable, DecodeFailed, Problem
from shared.queue import Queue, celery_app, depth
from shared.settings import Settings
from tests.api.playing import claim_next, fail, finish, finish_all
from tests.api.server import PNG, archive, assert_problem, serving, submit
from tests.conftest import until

IMAGE = ("one.png", PNG)


def new_job(client: httpx.Client, **options: object) -> dict[str, Any]:
    answer = submit(client, IMAGE, options=options)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def read(client: httpx.Client, job: dict[str, Any], **headers: str) -> httpx.Response:
    return client.get(job["links"]["self"], headers=headers)


def test_a_job_has_every_field_of_the_contract(client: httpx.Client) -> None:
    job = new_job(client)

    assert set(job) >= {
        "id", "name", "status", "options", "created_at", "started_at", "finished_at",
        "expires_at", "counts", "progress", "eta_seconds", "cost", "error", "links",
    }  # fmt: skip
    assert job["id"].startswith("job_")
    assert job["status"] == "queued"
    assert job["progress"] == 0
    assert job["cost"]["usd"] == 0


def test_a_job_runs_with_defaults_that_it_shows(client: httpx.Client) -> None:
    job = new_job(client)

    assert job["name"] == "one.png"
    assert job["options"] == {
        "name": None,
        "token_types": ["color", "spacing", "typography", "shadow", "gradient", "radius"],
        "mode": "cv",
        "model": None,
        "force": False,
        "priority": "normal",
    }


def test_a_job_shows_the_options_it_was_given(client: httpx.Client) -> None:
    job = new_job(client, name=" Shop ", token_types=["spacing", "color", "color"], priority="low")

    assert job["name"] == "Shop"
    assert job["options"]["token_types"] == ["color", "spacing"]
    assert job["options"]["priority"] == "low"


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"colour": True}, "/options/colour"),
        ({"webhook_url": "https://example.com"}, "/options/webhook_url"),
        ({"token_types": ["border"]}, "/options/token_types/0"),
        ({"token_types": []}, "/options/token_types"),
        ({"mode": "guess"}, "/options/mode"),
        ({"mode": "hybrid"}, "/options/mode"),
        ({"model": "gpt"}, "/options/model"),
        ({"priority": "high"}, "/options/priority"),
        ({"name": "nul\x00"}, "/options/name"),
    ],
)
def test_a_wrong_option_is_named(
    client: httpx.Client, options: dict[str, object], pointer: str
) -> None:
    answer = submit(client, IMAGE, options=options)

    problem = assert_problem(answer, 422, "invalid_options")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert client.get("/api/v1/jobs").json()["data"] == []


@pytest.mark.parametrize("sent", ["{", "[]", "", "nonsense", '{"name": "\\ud800"}', "[" * 5000])
def test_options_that_are_not_json_are_refused(client: httpx.Client, sent: str) -> None:
    answer = client.post("/api/v1/jobs", files={"files": IMAGE}, data={"options": sent})

    if sent:
        assert_problem(answer, 422, "invalid_options")
    else:
        assert answer.status_code == 202


def test_a_service_with_a_claude_key_is_hybrid_unless_told_otherwise(
    settings: Settings, client: httpx.Client
) -> None:
    able = settings.model_copy(update={"anthropic_api_key": settings.secret_key})
    with (
        serving(create_app(able)) as url,
        httpx.Client(base_url=url, headers=client.headers) as with_claude,
    ):
        modes = [
            new_job(with_claude)["options"]["mode"],
            new_job(with_claude, mode="cv")["options"]["mode"],
            new_job(with_claude, mode="hybrid", model="claude-haiku-5-5")["options"]["mode"],
        ]

    assert modes == ["hybrid", "cv", "hybrid"]


def test_the_request_id_is_kept_with_the_job(client: httpx.Client, engine: Engine) -> None:
    job = submit(client, IMAGE, **{"X-Request-ID": "trace-9"})

    assert job.headers["x-request-id"] == "trace-9"
    assert job.json()["request_id"] == "trace-9"
    with transaction(engine) as connection:
        stored = connection.execute(text("SELECT request_id FROM jobs")).scalar_one()
    assert stored == "trace-9"


def test_a_job_is_accepted_while_the_broker_is_away(
    settings: Settings, client: httpx.Client, engine: Engine
) -> None:
    away = settings.model_copy(update={"broker_url": "redis://127.0.0.1:1/0"})
    with (
        serving(create_app(away)) as url,
        httpx.Client(base_url=url, headers=client.headers) as other,
    ):
        job = new_job(other)

    finish_all(engine)
    assert read(client, job).json()["status"] == "succeeded"


def test_jobs_are_listed_newest_first_in_pages(client: httpx.Client) -> None:
    ids = [new_job(client)["id"] for _ in range(5)]

    seen, cursor = [], None
    while True:
        page = client.get(
            "/api/v1/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += [job["id"] for job in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == ids[::-1]


def test_a_full_last_page_has_no_next_one(client: httpx.Client) -> None:
    new_job(client)
    new_job(client)

    assert client.get("/api/v1/jobs", params={"limit": 2}).json()["next_cursor"] is None


def test_jobs_are_filtered_by_status(client: httpx.Client, engine: Engine) -> None:
    done = new_job(client)["id"]
    finish_all(engine)
    new_job(client, force=True)

    page = client.get("/api/v1/jobs", params={"status": "succeeded"}).json()

    assert [job["id"] for job in page["data"]] == [done]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 201}, "/limit"),
        ({"cursor": "x"}, "/cursor"),
        ({"status": "done"}, "/status"),
    ],
)
def test_a_wrong_query_names_the_parameter(
    client: httpx.Client, query: dict[str, Any], pointer: str
) -> None:
    problem = assert_problem(client.get("/api/v1/jobs", params=query), 422, "validation_failed")

    assert problem["errors"][0]["pointer"] == pointer
    assert problem["errors"][0]["in"] == "query"


@pytest.mark.parametrize("path", ["", "/items", "/tokens", "/export/css"])
def test_another_users_job_looks_absent(
    client: httpx.Client, stranger: httpx.Client, engine: Engine, path: str
) -> None:
    url = new_job(client)["links"]["self"] + path
    finish_all(engine)

    refused = stranger.get(url)
    with transaction(engine) as connection:
        connection.execute(text("DELETE FROM jobs"))
    absent = client.get(url)

    assert_problem(refused, 404, "not_found")
    assert refused.json() == absent.json()


@pytest.mark.parametrize("job_id", ["job_1", "x", "item_" + "0" * 32, "%00", "job_%FF"])
def test_what_cannot_be_a_jobs_id_is_absent(client: httpx.Client, job_id: str) -> None:
    assert_problem(client.get(f"/api/v1/jobs/{job_id}"), 404, "not_found")


def test_counts_always_sum_up(client: httpx.Client, engine: Engine) -> None:
    job = submit(client, *((f"{place}.png", PNG + bytes([place])) for place in range(4))).json()
    sums = []
    shares = []
    for step in range(12):
        counts = read(client, job).json()["counts"]
        parts = ("queued", "running", "succeeded", "failed", "canceled")
        sums.append(sum(counts[part] for part in parts) - counts["total"])
        shares.append(read(client, job).json()["progress"])
        claimed = claim_next(engine)
        if claimed is None:
            break
        if step == 1:
            fail(engine, claimed, Problem.of(DecodeFailed("cut off")))
        else:
            finish(engine, claimed, {})

    assert set(sums) == {0}
    assert shares == sorted(shares)
    ended = read(client, job).json()
    assert ended["status"] == "partially_succeeded"
    assert ended["counts"]["failed"] == 1
    assert ended["progress"] == 1
    assert ended["eta_seconds"] == 0


def test_a_running_item_is_counted_as_running(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    claim_next(engine)

    running = read(client, job).json()

    assert running["status"] == "running"
    assert (running["counts"]["running"], running["counts"]["queued"]) == (1, 0)
    assert running["started_at"] is not None


def test_the_same_image_again_is_cached(client: httpx.Client, engine: Engine) -> None:
    new_job(client)
    finish_all(engine)

    again = new_job(client)

    assert again["counts"]["cached"] == again["counts"]["succeeded"] == 1


def test_a_job_of_an_archive_counts_what_is_unpacked(client: httpx.Client, engine: Engine) -> None:
    sha256 = new_item_hash(client)
    job = submit(client, ("a.zip", archive({"a.png": PNG}))).json()
    finish_all(engine, {"in/a.png": sha256, "in/b.png": sha256})

    assert read(client, job).json()["counts"]["total"] == 2


def new_item_hash(client: httpx.Client) -> str:
    item = client.get(new_job(client)["links"]["items"]).json()["data"][0]
    return str(item["sha256"])


def test_a_job_that_has_not_changed_is_304(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    tag = read(client, job).headers["etag"]

    same = read(client, job, **{"If-None-Match": f'"other", W/{tag}'})
    claim_next(engine)
    changed = read(client, job, **{"If-None-Match": tag})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_a_job_says_when_to_look_again_until_it_ends(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    open_headers = read(client, job).headers
    finish_all(engine)
    ended_headers = read(client, job).headers

    assert open_headers["retry-after"] == "1"
    assert "retry-after" not in ended_headers
    assert ended_headers["cache-control"] == "private, no-cache"


def test_a_waiting_client_learns_of_a_change(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    tag = read(client, job).headers["etag"]
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(read, client, job, Prefer="wait=30", **{"If-None-Match": tag})
        claim_next(engine)
        answer = waiting.result(timeout=10)

    assert answer.json()["status"] == "running"
    assert answer.headers["preference-applied"] == "wait=30"


def test_a_wait_for_a_version_that_stays_ends_in_304(client: httpx.Client) -> None:
    job = new_job(client)
    tag = read(client, job).headers["etag"]

    assert read(client, job, Prefer="wait=1", **{"If-None-Match": tag}).status_code == 304


def test_a_client_that_has_an_older_version_does_not_wait(client: httpx.Client) -> None:
    job = new_job(client)
    started = time.monotonic()

    answer = read(client, job, Prefer="wait=30", **{"If-None-Match": '"older"'})

    assert answer.status_code == 200
    assert time.monotonic() - started < 10


def test_an_ended_job_is_not_waited_for(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    finish_all(engine)
    started = time.monotonic()

    assert read(client, job, Prefer="wait=30").json()["status"] == "succeeded"
    assert time.monotonic() - started < 10


def test_a_wait_that_sees_no_change_ends_in_time(client: httpx.Client) -> None:
    job = new_job(client)
    started = time.monotonic()

    answer = read(client, job, Prefer="wait=1")

    assert answer.json()["status"] == "queued"
    assert 1 <= time.monotonic() - started < 5


@pytest.mark.parametrize("prefer", ["wait=0", "wait=-1", "wait", "wait=x", "respond-async", ""])
def test_a_preference_that_says_nothing_is_ignored(client: httpx.Client, prefer: str) -> None:
    answer = read(client, new_job(client), Prefer=prefer)

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
        waiting = pool.submit(read, other, job, Prefer="respond-async, wait=3600")
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
        waiting = [pool.submit(read, many, job, Prefer="wait=4") for _ in range(crowd)]
        answer = client.get("/api/v1/auth/me")
        ended = [wait for wait in waiting if wait.done()]
        answers = [wait.result(timeout=30) for wait in waiting]

    assert answer.status_code == 200
    assert ended == []
    assert {answer.status_code for answer in answers} == {200}


def test_a_failed_job_says_why(client: httpx.Client, engine: Engine) -> None:
    job = submit(client, ("a.zip", archive({}))).json()
    finish_all(engine)

    ended = read(client, job).json()

    assert ended["status"] == "failed"
    assert ended["error"]["code"] == "nothing_usable"


def test_a_degraded_item_counts_among_the_succeeded(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    reason = Problem.of(ClaudeUnavailable("overloaded"))
    while claimed := claim_next(engine):
        finish(engine, claimed, {}, reason if claimed.key.stage == "assemble" else None)

    counts = read(client, job).json()["counts"]
    assert (counts["succeeded"], counts["degraded"]) == (1, 1)


def test_an_archive_of_500_images_is_accepted_well_under_a_second(
    settings: Settings, client: httpx.Client
) -> None:
    # Noise does not compress, so the archive has the 25 MiB that 500 screenshots have.
    images = {f"{place}.png": PNG + place.to_bytes(2, "big") * 25_000 for place in range(500)}
    roomy = settings.model_copy(update={"max_request_bytes": 10**9})
    with (
        serving(create_app(roomy)) as url,
        httpx.Client(base_url=url, headers=client.headers) as other,
    ):
        packed = archive(images)
        started = time.monotonic()
        answer = submit(other, ("screens.zip", packed))
        took_s = time.monotonic() - started

    assert answer.status_code == 202
    # The time of the upload itself is in this, on two cores that tests share.
    assert took_s < 1


def test_hints_reach_the_broker(client: httpx.Client, settings: Settings) -> None:
    app = celery_app(settings.broker_url)
    before = depth(app, Queue.CV)

    new_job(client, force=True)

    until(lambda: depth(app, Queue.CV) == before + 1)
