"""Dropping what was extracted from an image, and what is told of the cache to a monitor."""

import httpx
import pytest
from sqlalchemy import Engine

from shared.db import users
from shared.db.engine import transaction
from shared.db.users import Role
from tests.api.conftest import MakeClient
from tests.api.playing import claim_next, finish, finish_all
from tests.api.server import assert_problem, new_job, read_job

PATH = "/api/v1/cache/"
ABSENT = "0" * 64


def only_item(client: httpx.Client, job: dict[str, dict[str, str]]) -> dict[str, str]:
    item: dict[str, str] = client.get(job["links"]["items"]).json()["data"][0]
    return item


def metrics(client: httpx.Client) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [line.split() for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in samples}


def test_a_dropped_image_is_extracted_anew(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    finish_all(engine)
    item = only_item(client, job)

    answer = client.delete(PATH + item["sha256"])
    again = new_job(client)

    assert (answer.status_code, answer.content) == (204, b"")
    assert claim_next(engine) is not None
    assert read_job(client, again).json()["counts"]["cached"] == 0


def test_dropping_is_repeatable_and_takes_what_was_never_there(
    client: httpx.Client, engine: Engine
) -> None:
    job = new_job(client)
    finish_all(engine)
    sha256 = only_item(client, job)["sha256"]

    answers = [client.delete(PATH + each) for each in (sha256, sha256, ABSENT)]

    assert [answer.status_code for answer in answers] == [204, 204, 204]


def test_a_job_that_has_ended_shows_no_trace_of_it(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    finish_all(engine)
    before = only_item(client, job)

    client.delete(PATH + before["sha256"])

    assert only_item(client, job) == before
    assert client.get(f"{job['links']['items']}/{before['id']}/tokens").status_code == 200
    assert client.get(job["links"]["tokens"]).status_code == 200


def test_a_running_job_is_not_hindered(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    claimed = claim_next(engine)
    assert claimed is not None

    client.delete(PATH + only_item(client, job)["sha256"])
    finish(engine, claimed, {})
    finish_all(engine)

    assert read_job(client, job).json()["status"] == "succeeded"


@pytest.mark.parametrize("wrong", ["abc", "g" * 64, "A" * 64, "0" * 65, "..%2f" + "0" * 60])
def test_what_is_no_hash_is_a_problem(client: httpx.Client, wrong: str) -> None:
    answer = client.delete(PATH + wrong)

    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_problem_says_where_it_is(client: httpx.Client) -> None:
    problem = assert_problem(client.delete(PATH + "abc"), 422, "validation_failed")

    assert problem["errors"][0]["pointer"].endswith("sha256")


def test_nobody_drops_anything_without_logging_in(anonymous: httpx.Client) -> None:
    assert_problem(anonymous.delete(PATH + ABSENT), 401, "unauthenticated")


def test_nobody_drops_what_is_anothers(
    client: httpx.Client, stranger: httpx.Client, engine: Engine
) -> None:
    job = new_job(client)
    finish_all(engine)

    answer = stranger.delete(PATH + only_item(client, job)["sha256"])
    again = new_job(client)

    assert answer.status_code == 204
    assert again["counts"]["cached"] == 1


def test_metrics_tell_hits_misses_calls_and_money(anonymous: httpx.Client) -> None:
    names = {name for name in metrics(anonymous) if "rate_limit" not in name}
    assert names == {
        "copythat_cache_hits_total",
        "copythat_cache_misses_total",
        "copythat_cache_saved_usd_total",
        "copythat_claude_calls_total",
        "copythat_claude_usd_total",
    }


def test_a_job_without_claude_has_no_hit_rate(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    finish_all(engine)

    cost = read_job(client, job).json()["cost"]
    assert (cost["named"], cost["spared"], cost["hit_rate"]) == (0, 0, None)


def test_an_administrator_drops_a_version_for_everybody(
    client: httpx.Client, stranger: httpx.Client, log_in_as: MakeClient, engine: Engine
) -> None:
    new_job(client)
    new_job(stranger)
    finish_all(engine)
    admin = log_in_as("root@example.com")
    with transaction(engine) as connection:
        users.set_role(connection, "root@example.com", Role.ADMIN)

    other = admin.delete("/api/v1/cache", params={"all": "true", "pipeline_version": "0"})
    kept = read_job(client, new_job(client)).json()["counts"]["cached"]
    dropped = admin.delete("/api/v1/cache", params={"all": "true"})
    left = [
        read_job(each, new_job(each)).json()["counts"]["cached"] for each in (client, stranger)
    ]

    assert (other.status_code, dropped.status_code) == (204, 204)
    assert kept == 1
    assert left == [0, 0]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"all": "false"},
        {"all": "true", "pipeline_version": "9" * 65},
        {"all": "true", "pipeline_version": "nul\x00"},
    ],
)
def test_dropping_a_version_has_to_be_meant(
    log_in_as: MakeClient, engine: Engine, query: dict[str, str]
) -> None:
    admin = log_in_as("root@example.com")
    with transaction(engine) as connection:
        users.set_role(connection, "root@example.com", Role.ADMIN)

    assert_problem(admin.delete("/api/v1/cache", params=query), 422, "validation_failed")
