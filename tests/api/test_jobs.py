"""Jobs: handing in, pages, states and counts."""

import time
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
from tests.api.server import (
    IMAGE,
    PNG,
    assert_problem,
    new_job,
    read_job,
    serving,
    submit,
)
from tests.archives import zip_of
from tests.conftest import until


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


def test_the_request_id_is_kept_with_the_job(client: httpx.Client, engine: Engine) -> None:
    job = submit(client, IMAGE, headers={"X-Request-ID": "trace-9"})

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
    assert read_job(client, job).json()["status"] == "succeeded"


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


def test_jobs_are_filtered_by_labels(client: httpx.Client) -> None:
    web = new_job(client, labels={"team": "web", "run": "1=a"})["id"]
    app = new_job(client, labels={"team": "app"})["id"]
    new_job(client)

    def found(*labels: str) -> list[str]:
        page = client.get("/api/v1/jobs", params={"label": labels}).json()
        return [job["id"] for job in page["data"]]

    assert found("team=web") == [web]
    assert found("team=web", "run=1=a") == [web]
    assert found("team=web", "team=app") == []
    assert found("team=app") == [app]
    assert found("team=") == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 201}, "/limit"),
        ({"cursor": "x"}, "/cursor"),
        ({"status": "done"}, "/status"),
        ({"label": "team"}, "/label/0"),
        ({"label": "te\x00am=web"}, "/label/0"),
        ({"label": ["a=b"] * 17}, "/label"),
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
        counts = read_job(client, job).json()["counts"]
        parts = ("queued", "running", "succeeded", "failed", "canceled")
        sums.append(sum(counts[part] for part in parts) - counts["total"])
        shares.append(read_job(client, job).json()["progress"])
        claimed = claim_next(engine)
        if claimed is None:
            break
        if step == 1:
            fail(engine, claimed, Problem.of(DecodeFailed("cut off")))
        else:
            finish(engine, claimed, {})

    assert set(sums) == {0}
    assert shares == sorted(shares)
    ended = read_job(client, job).json()
    assert ended["status"] == "partially_succeeded"
    assert ended["counts"]["failed"] == 1
    assert ended["progress"] == 1
    assert ended["eta_seconds"] == 0


def test_progress_does_not_run_ahead_of_unpacking(client: httpx.Client, engine: Engine) -> None:
    job = submit(client, ("a.png", PNG)).json()
    with transaction(engine) as connection:
        connection.execute(
            text(
                "UPDATE jobs SET state = 'unpacking', pending = 0, succeeded = 1, unpacked = false"
            )
        )

    assert read_job(client, job).json()["progress"] == 0


def wind_back(engine: Engine, seconds: int) -> None:
    """Let all that was done so far be done some time earlier."""
    earlier = "make_interval(secs => :s)"
    with transaction(engine) as connection:
        for change in (
            f"items SET finished_at = finished_at - {earlier}",
            f"jobs SET started_at = started_at - {earlier}",
        ):
            connection.execute(text(f"UPDATE {change}"), {"s": seconds})


def end_next_item(engine: Engine) -> None:
    claimed = claim_next(engine)
    assert claimed is not None
    fail(engine, claimed, Problem.of(DecodeFailed("cut off")))


def images(count: int) -> list[tuple[str, bytes]]:
    return [(f"{place}.png", PNG + bytes([place])) for place in range(count)]


def test_the_time_left_follows_from_what_is_done(client: httpx.Client, engine: Engine) -> None:
    job = submit(client, *images(6)).json()
    end_next_item(engine)
    end_next_item(engine)
    wind_back(engine, 1000)

    eta_s = read_job(client, job).json()["eta_seconds"]

    assert 2000 <= eta_s < 2200


def test_what_was_answered_from_the_cache_says_nothing_of_the_time_left(
    client: httpx.Client, engine: Engine
) -> None:
    submit(client, *images(3))
    finish_all(engine)
    job = submit(client, *images(5)).json()
    end_next_item(engine)
    wind_back(engine, 1000)

    answer = read_job(client, job).json()

    assert answer["counts"]["cached"] == 3
    assert 1000 <= answer["eta_seconds"] < 1100


def test_the_time_before_a_retry_says_nothing_of_the_time_left(
    client: httpx.Client, engine: Engine
) -> None:
    job = submit(client, *images(3)).json()
    for _ in range(3):
        end_next_item(engine)
    wind_back(engine, 100_000)
    client.post(job["links"]["self"] + "/retry")
    untold = read_job(client, job).json()["eta_seconds"]
    end_next_item(engine)
    wind_back(engine, 100)

    eta_s = read_job(client, job).json()["eta_seconds"]

    assert untold is None
    assert 200 <= eta_s < 220


def test_a_running_item_is_counted_as_running(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    claim_next(engine)

    running = read_job(client, job).json()

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
    job = submit(client, ("a.zip", zip_of({"a.png": PNG}))).json()
    finish_all(engine, {"in/a.png": sha256, "in/b.png": sha256})

    assert read_job(client, job).json()["counts"]["total"] == 2


def new_item_hash(client: httpx.Client) -> str:
    item = client.get(new_job(client)["links"]["items"]).json()["data"][0]
    return str(item["sha256"])


def test_a_failed_job_says_why(client: httpx.Client, engine: Engine) -> None:
    job = submit(client, ("a.zip", zip_of({}))).json()
    finish_all(engine)

    ended = read_job(client, job).json()

    assert ended["status"] == "failed"
    assert ended["error"]["code"] == "nothing_usable"


def test_a_degraded_item_counts_among_the_succeeded(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    reason = Problem.of(ClaudeUnavailable("overloaded"))
    while claimed := claim_next(engine):
        finish(engine, claimed, {}, reason if claimed.key.stage == "assemble" else None)

    counts = read_job(client, job).json()["counts"]
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
        packed = zip_of(images)
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
