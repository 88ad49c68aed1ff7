"""What becomes of a job after it was handed in: canceled, tried again, deleted, expired."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from shared.db.engine import transaction
from shared.errors import ClaudeUnavailable, DecodeFailed, Problem
from tests.api.playing import claim_next, fail, finish, finish_all
from tests.api.server import IMAGE, PNG, assert_problem, new_job, read_job, submit
from tests.conftest import until

NO_ID = "0" * 32


def items_of(client: httpx.Client, job: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = client.get(job["links"]["items"], params=query).json()["data"]
    return data


def act(client: httpx.Client, job: dict[str, Any], action: str, **body: object) -> httpx.Response:
    url = f"{job['links']['self']}/{action}"
    return client.post(url, json=body) if body else client.post(url)


def job_of(client: httpx.Client, count: int, **options: object) -> dict[str, Any]:
    files = ((f"{place}.png", PNG + bytes([place])) for place in range(count))
    job: dict[str, Any] = submit(client, *files, options=options).json()
    return job


def expire(engine: Engine) -> None:
    """Let all jobs be over; nothing is dropped yet."""
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobs SET expires_at = now() - interval '1 second'"))


def break_one(engine: Engine) -> None:
    claimed = claim_next(engine)
    assert claimed is not None
    fail(engine, claimed, Problem.of(DecodeFailed("cut off")))


def test_a_canceled_job_ends_and_keeps_what_is_done(client: httpx.Client, engine: Engine) -> None:
    job = job_of(client, 3)
    while items_of(client, job, status="succeeded") == []:
        claimed = claim_next(engine)
        assert claimed is not None
        finish(engine, claimed, {})

    answer = act(client, job, "cancel")
    finish_all(engine)

    assert answer.status_code == 202
    assert answer.json()["cancel_asked_at"] is not None
    ended = read_job(client, job).json()
    assert ended["status"] == "canceled"
    assert (ended["counts"]["succeeded"], ended["counts"]["canceled"]) == (1, 2)
    assert client.get(job["links"]["tokens"]).status_code == 200


def test_a_job_that_has_not_begun_is_canceled_at_once(
    client: httpx.Client, engine: Engine
) -> None:
    job = job_of(client, 3)

    canceled = act(client, job, "cancel").json()

    assert canceled["status"] == "canceled"
    assert canceled["counts"]["canceled"] == 3
    assert claim_next(engine) is None


def test_a_job_that_has_ended_is_let_be(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    finish_all(engine)

    answer = act(client, job, "cancel")

    assert (answer.status_code, answer.json()["status"]) == (202, "succeeded")
    assert answer.json()["cancel_asked_at"] is None


def test_one_item_is_canceled_alone(client: httpx.Client, engine: Engine) -> None:
    job = job_of(client, 2)
    one, other = items_of(client, job)

    canceled = client.post(one["links"]["self"] + "/cancel")
    again = client.post(one["links"]["self"] + "/cancel")
    finish_all(engine)

    assert (canceled.status_code, canceled.json()["status"]) == (202, "canceled")
    assert again.json()["status"] == "canceled"
    assert client.get(other["links"]["self"]).json()["status"] == "succeeded"
    assert read_job(client, job).json()["status"] == "partially_succeeded"


def test_what_failed_is_tried_again(client: httpx.Client, engine: Engine) -> None:
    job = job_of(client, 2)
    break_one(engine)
    finish_all(engine)

    answer = act(client, job, "retry")
    finish_all(engine)

    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"
    assert (answer.json()["counts"]["queued"], answer.json()["counts"]["succeeded"]) == (1, 1)
    assert read_job(client, job).json()["status"] == "succeeded"


def test_items_that_are_named_are_tried_again_alone(client: httpx.Client, engine: Engine) -> None:
    job = job_of(client, 3)
    break_one(engine)
    break_one(engine)
    finish_all(engine)
    one, other = items_of(client, job, status="failed")

    answer = act(client, job, "retry", items=[one["id"]])
    finish_all(engine)

    assert answer.status_code == 202
    assert client.get(one["links"]["self"]).json()["status"] == "succeeded"
    assert client.get(other["links"]["self"]).json()["status"] == "failed"


def test_a_degraded_item_is_tried_again_when_it_is_named(
    client: httpx.Client, engine: Engine
) -> None:
    job = new_job(client)
    reason = Problem.of(ClaudeUnavailable("overloaded"))
    while claimed := claim_next(engine):
        finish(engine, claimed, {}, reason if claimed.key.stage == "assemble" else None)
    (item,) = items_of(client, job)

    refused = act(client, job, "retry")
    accepted = act(client, job, "retry", items=[item["id"]])
    finish_all(engine)

    assert_problem(refused, 409, "nothing_to_retry")
    assert accepted.status_code == 202
    assert read_job(client, job).json()["counts"]["degraded"] == 0


@pytest.mark.parametrize(
    ("items", "status", "code"),
    [
        ([f"item_{NO_ID}"], 404, "not_found"),
        (["item_1"], 422, "validation_failed"),
        (["item_\x00"], 422, "validation_failed"),
        ([], 422, "validation_failed"),
        ("all", 422, "validation_failed"),
    ],
)
def test_items_that_are_not_the_jobs_are_refused(
    client: httpx.Client, engine: Engine, items: object, status: int, code: str
) -> None:
    job = new_job(client)
    break_one(engine)

    assert_problem(act(client, job, "retry", items=items), status, code)
    assert read_job(client, job).json()["status"] == "failed"


def test_an_unknown_field_beside_the_items_is_refused(client: httpx.Client) -> None:
    job = new_job(client)

    problem = assert_problem(act(client, job, "retry", only=[]), 422, "validation_failed")

    assert problem["errors"][0]["pointer"] == "/only"


def test_a_deleted_job_is_gone_with_its_image(
    client: httpx.Client, engine: Engine, blob_dir: Path
) -> None:
    job: dict[str, Any] = submit(client, ("mine.png", PNG + b"deleted")).json()
    (item,) = items_of(client, job)
    stored = blob_dir / item["sha256"][:2] / item["sha256"][2:]
    finish_all(engine)
    assert stored.exists()

    answer = client.delete(job["links"]["self"])

    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(read_job(client, job), 404, "not_found")
    assert_problem(client.get(item["links"]["image"]), 404, "not_found")
    assert_problem(client.delete(job["links"]["self"]), 404, "not_found")
    until(lambda: not stored.exists())


def test_an_image_that_another_job_has_outlives_the_first(
    client: httpx.Client, stranger: httpx.Client, engine: Engine
) -> None:
    mine, theirs = new_job(client), new_job(stranger)
    finish_all(engine)
    (item,) = items_of(stranger, theirs)

    client.delete(mine["links"]["self"])

    assert stranger.get(item["links"]["image"]).content == PNG


def test_a_running_job_is_not_deleted(client: httpx.Client) -> None:
    job = new_job(client)

    problem = assert_problem(client.delete(job["links"]["self"]), 409, "job_running")

    assert "cancel it first" in problem["detail"]
    assert read_job(client, job).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/cancel"), ("POST", "/retry"), ("DELETE", ""), ("GET", "/results.ndjson")],
)
def test_another_users_job_looks_absent_whatever_is_asked(
    client: httpx.Client, stranger: httpx.Client, engine: Engine, method: str, path: str
) -> None:
    job = new_job(client)
    finish_all(engine)
    absent = f"/api/v1/jobs/job_{NO_ID}{path}"

    refused = assert_problem(
        stranger.request(method, job["links"]["self"] + path), 404, "not_found"
    )
    problem = assert_problem(stranger.request(method, absent), 404, "not_found")

    assert refused["detail"].replace(job["id"], f"job_{NO_ID}") == problem["detail"]
    assert read_job(client, job).json()["status"] == "succeeded"


def test_another_users_item_is_not_canceled(client: httpx.Client, stranger: httpx.Client) -> None:
    (item,) = items_of(client, new_job(client))

    assert_problem(stranger.post(item["links"]["self"] + "/cancel"), 404, "not_found")
    assert client.get(item["links"]["self"]).json()["status"] == "queued"


@pytest.mark.parametrize(
    "path", ["/items", "{item}", "{item}/image", "{item}/tokens", "/tokens", "/export/css",
             "/results.ndjson", "/export/css?item={id}"],
)  # fmt: skip
def test_what_came_of_an_expired_job_is_gone(
    client: httpx.Client, engine: Engine, path: str
) -> None:
    job = new_job(client)
    (item,) = items_of(client, job)
    finish_all(engine)
    expire(engine)

    where = path.format(item=f"/items/{item['id']}", id=item["id"])
    problem = assert_problem(client.get(job["links"]["self"] + where), 410, "results_expired")

    assert job["id"] in problem["detail"]


def test_an_expired_job_itself_can_be_read_and_found(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    finish_all(engine)
    before = read_job(client, job)
    expire(engine)

    after = read_job(client, job, **{"If-None-Match": before.headers["etag"]})

    found = client.get("/api/v1/jobs", params={"status": "expired"}).json()["data"]
    assert (after.status_code, after.json()["status"]) == (200, "expired")
    assert [row["id"] for row in found] == [job["id"]]
    assert client.get("/api/v1/jobs", params={"status": "succeeded"}).json()["data"] == []


def test_an_expired_job_is_neither_tried_again_nor_canceled_but_can_be_deleted(
    client: httpx.Client, engine: Engine
) -> None:
    job = new_job(client)
    (item,) = items_of(client, job)
    finish_all(engine)
    expire(engine)

    assert_problem(act(client, job, "retry"), 410, "results_expired")
    assert_problem(client.post(item["links"]["self"] + "/cancel"), 410, "results_expired")
    assert client.delete(job["links"]["self"]).status_code == 204


def test_a_job_that_still_runs_does_not_expire(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    expire(engine)

    assert read_job(client, job).json()["status"] == "queued"
    assert client.get(job["links"]["items"]).status_code == 200


def test_a_job_shows_until_when_it_has_to_be_done(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client, deadline_s=60)
    assert job["deadline_at"] > job["created_at"]
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobs SET deadline_at = now()"))

    finish_all(engine)

    (item,) = items_of(client, job)
    assert item["error"]["code"] == "deadline_exceeded"
    assert submit(client, IMAGE, options={"deadline_s": 1}).json()["status"] == "queued"


def test_a_job_says_what_holds_it_back(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobs SET mode = 'hybrid'"))
        connection.execute(
            text(
                "UPDATE gates SET state = 'open', retry_at = '2030-01-01T00:00:00Z', "
                "problem = '{\"detail\": \"overloaded\"}' WHERE name = 'claude'"
            )
        )

    held = read_job(client, job).json()["waiting_on"]
    with transaction(engine) as connection:
        connection.execute(text("UPDATE gates SET state = 'closed', problem = NULL"))
    free = read_job(client, job).json()["waiting_on"]

    retry_at = "2030-01-01T00:00:00Z"
    assert held == {"what": "claude", "retry_at": retry_at, "reason": "overloaded"}
    assert free is None
