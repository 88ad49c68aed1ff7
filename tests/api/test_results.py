"""All that came of a job, a line an image."""

import json
from typing import Any

import httpx
from sqlalchemy import Engine

from api.results import BATCH_ITEMS
from shared.errors import DecodeFailed, Problem
from tests.api.playing import claim_next, fail, finish, finish_all
from tests.api.server import PNG, submit
from tests.archives import zip_of


def lines_of(client: httpx.Client, job: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.get(job["links"]["results"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def job_of(client: httpx.Client, count: int) -> dict[str, Any]:
    files = ((f"{place}.png", PNG + place.to_bytes(2, "big")) for place in range(count))
    job: dict[str, Any] = submit(client, *files).json()
    return job


def test_a_line_holds_an_item_and_its_token_set(client: httpx.Client, engine: Engine) -> None:
    job = job_of(client, 1)
    finish_all(engine)

    (line,) = lines_of(client, job)

    (item,) = client.get(job["links"]["items"]).json()["data"]
    assert line.pop("token_set") == client.get(item["links"]["tokens"]).json()
    assert line == {name: item[name] for name in line}
    assert line["status"] == "succeeded"


def test_more_lines_than_are_read_at_once_come_in_order(
    client: httpx.Client, engine: Engine
) -> None:
    (item,) = client.get(job_of(client, 1)["links"]["items"]).json()["data"]
    job = submit(client, ("a.zip", zip_of({"a.png": PNG}))).json()
    count = 2 * BATCH_ITEMS + 1
    finish_all(engine, {f"{place}.png": item["sha256"] for place in range(count)})

    lines = lines_of(client, job)

    assert [line["filename"] for line in lines] == [f"{place}.png" for place in range(count)]
    assert all(line["token_set"] for line in lines)


def test_what_has_ended_can_be_read_while_the_job_runs(
    client: httpx.Client, engine: Engine
) -> None:
    job = job_of(client, 3)
    first = claim_next(engine)
    assert first is not None
    fail(engine, first, Problem.of(DecodeFailed("cut off")))
    second = claim_next(engine)
    assert second is not None
    finish(engine, second, {})

    (line,) = lines_of(client, job)

    assert line["status"] == "failed"
    assert line["error"]["code"] == "decode_failed"
    assert line["token_set"] is None


def test_a_job_of_which_nothing_has_ended_has_no_lines(client: httpx.Client) -> None:
    assert lines_of(client, job_of(client, 2)) == []
