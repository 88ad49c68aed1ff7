"""Items, their images, token sets and exports."""

import io
import json
import zipfile
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from shared.db.engine import transaction
from shared.db.thumbnails import store_thumbnail
from shared.errors import DecodeFailed, Problem
from shared.export import Format
from tests.api.playing import TOKENS, claim_next, fail, finish_all
from tests.api.server import GIF, PNG, assert_problem, new_job, submit


def handed_in(client: httpx.Client, *files: tuple[str, bytes]) -> dict[str, Any]:
    answer = submit(client, *(files or (("one.png", PNG),)))
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def items_of(client: httpx.Client, job: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    answer = client.get(job["links"]["items"], params=query)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def test_an_item_has_every_field_of_the_contract(client: httpx.Client) -> None:
    job = handed_in(client)

    (item,) = items_of(client, job)

    assert set(item) >= {
        "id", "job_id", "index", "filename", "sha256", "width", "height", "status", "stage",
        "attempts", "cached", "degraded", "error", "stages", "cost",
    }  # fmt: skip
    assert item["job_id"] == job["id"]
    assert (item["cost"]["calls"], item["cost"]["usd"]) == (0, 0)
    assert client.get(item["links"]["self"]).json() == item


def test_an_item_shows_its_stages(client: httpx.Client, engine: Engine) -> None:
    job = handed_in(client)
    finish_all(engine)

    (item,) = items_of(client, job)

    assert [stage["name"] for stage in item["stages"]] == ["measure", "assemble"]
    assert {stage["status"] for stage in item["stages"]} == {"succeeded"}
    assert item["stages"][0]["worker"] == "played"
    assert item["stages"][0]["seconds"] >= 0
    assert item["status"] == "succeeded"
    assert item["stage"] == "assemble"


def test_a_failed_item_carries_its_problem(client: httpx.Client, engine: Engine) -> None:
    job = handed_in(client)
    claimed = claim_next(engine)
    assert claimed is not None
    fail(engine, claimed, Problem.of(DecodeFailed("cut off at byte 9")))

    (item,) = items_of(client, job)

    assert item["status"] == "failed"
    assert item["stages"][0]["status"] == "failed"
    assert item["error"] == {
        "type": "/problems/decode-failed",
        "title": "The image is damaged",
        "code": "decode_failed",
        "detail": "cut off at byte 9",
    }


def test_items_come_in_pages_in_their_order(client: httpx.Client) -> None:
    names = [f"{place}.png" for place in range(5)]
    job = handed_in(client, *((name, PNG + name.encode()) for name in names))

    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(job["links"]["items"], params={"limit": 2, **cursor}).json()
        seen += [item["filename"] for item in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert seen == names


def test_items_are_filtered_by_status(client: httpx.Client) -> None:
    job = handed_in(client, ("good.png", PNG), ("bad.png", b"bad"))

    assert [item["filename"] for item in items_of(client, job, status="failed")] == ["bad.png"]
    assert [item["filename"] for item in items_of(client, job, status="queued")] == ["good.png"]
    assert items_of(client, job, status="running") == []


@pytest.mark.parametrize(
    "query", [{"cursor": "x"}, {"cursor": "-1"}, {"cursor": str(2**31)}, {"status": "done"}]
)
def test_a_wrong_query_is_refused(client: httpx.Client, query: dict[str, str]) -> None:
    answer = client.get(handed_in(client)["links"]["items"], params=query)

    assert_problem(answer, 422, "validation_failed")


def test_an_items_image_comes_back_byte_for_byte(client: httpx.Client) -> None:
    data = GIF + bytes(range(256))
    (item,) = items_of(client, handed_in(client, ("shots/ä one.png", data)))

    image = client.get(item["links"]["image"])

    assert image.content == data
    assert image.headers["content-type"] == "image/gif"
    assert image.headers["content-disposition"] == "inline; filename*=utf-8''%C3%A4%20one.png"
    assert "immutable" in image.headers["cache-control"]
    assert image.headers["x-content-type-options"] == "nosniff"


def test_a_part_of_an_image_can_be_asked_for(client: httpx.Client) -> None:
    (item,) = items_of(client, handed_in(client))

    part = client.get(item["links"]["image"], headers={"Range": "bytes=0-3"})

    assert (part.status_code, part.content) == (206, PNG[:4])


def test_a_file_that_is_no_image_has_none(client: httpx.Client) -> None:
    job = handed_in(client, ("good.png", PNG), ("bad.png", b"<script>alert(1)</script>"))
    bad = items_of(client, job)[1]

    assert bad["links"]["image"] is None
    assert_problem(client.get(bad["links"]["self"] + "/image"), 404, "not_found")


@pytest.mark.parametrize("path", ["", "/image", "/tokens"])
def test_another_users_item_looks_absent(
    client: httpx.Client, stranger: httpx.Client, path: str
) -> None:
    job = handed_in(client)
    own_job = handed_in(stranger)
    (item,) = items_of(client, job)

    assert_problem(stranger.get(item["links"]["self"] + path), 404, "not_found")
    through_own = item["links"]["self"].replace(job["id"], own_job["id"])
    assert_problem(stranger.get(through_own + path), 404, "not_found")


def test_the_items_of_an_absent_job_are_404(client: httpx.Client) -> None:
    answer = client.get(f"/api/v1/jobs/job_{'0' * 32}/items")

    assert_problem(answer, 404, "not_found")


def test_an_item_has_its_tokens_before_the_job_ends(client: httpx.Client, engine: Engine) -> None:
    job = handed_in(client, ("one.png", PNG + b"1"), ("two.png", PNG + b"2"))
    one, two = items_of(client, job)
    assert_problem(client.get(one["links"]["tokens"]), 409, "not_ready")
    finish_all(engine)

    token_set = client.get(two["links"]["tokens"]).json()

    assert token_set["item_id"] == two["id"]
    assert token_set["job_id"] == job["id"]
    assert token_set["source_images"] == ["two.png"]
    assert token_set["tokens"] == json.loads(json.dumps(TOKENS))


def test_a_token_set_has_the_names_of_dtcg(client: httpx.Client, engine: Engine) -> None:
    job = handed_in(client)
    finish_all(engine)

    (color,) = client.get(job["links"]["tokens"]).json()["tokens"]["color"]

    assert color["value"] == {
        "colorSpace": "srgb",
        "hex": "#2563eb",
        "alpha": 1.0,
        "components": [0.1451, 0.3882, 0.9216],
    }


def test_a_job_has_no_tokens_until_it_has_ended(client: httpx.Client, engine: Engine) -> None:
    job = handed_in(client)

    assert_problem(client.get(job["links"]["tokens"]), 409, "not_ready")
    export = job["links"]["export"].replace("{format}", "css")
    assert_problem(client.get(export), 409, "not_ready")

    finish_all(engine)
    assert client.get(job["links"]["tokens"]).status_code == 200


@pytest.mark.parametrize("format_", list(Format))
def test_a_job_is_exported_in_every_format(
    client: httpx.Client, engine: Engine, format_: Format
) -> None:
    job = handed_in(client)
    (item,) = items_of(client, job)
    finish_all(engine)
    url = job["links"]["export"].replace("{format}", format_)

    whole = client.get(url)
    single = client.get(url, params={"item": item["id"]})

    assert (whole.status_code, single.status_code) == (200, 200)
    assert whole.headers["content-disposition"].startswith("attachment; filename=")
    assert whole.content == client.get(url).content
    if format_ is Format.ZIP:
        assert zipfile.ZipFile(io.BytesIO(whole.content)).testzip() is None
    else:
        assert "2563eb" in whole.text.lower()


def test_an_unknown_format_is_refused(client: httpx.Client) -> None:
    url = handed_in(client)["links"]["export"].replace("{format}", "figma")

    problem = assert_problem(client.get(url), 422, "validation_failed")
    assert problem["errors"][0]["in"] == "path"


@pytest.mark.parametrize("item_id", ["x", f"item_{'0' * 32}"])
def test_the_export_of_an_absent_item_is_404(
    client: httpx.Client, engine: Engine, item_id: str
) -> None:
    url = handed_in(client)["links"]["export"].replace("{format}", "css")
    finish_all(engine)

    assert_problem(client.get(url, params={"item": item_id}), 404, "not_found")


def test_a_thumbnail_is_sent_once_there_is_one(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    (item,) = client.get(job["links"]["items"]).json()["data"]
    path = item["links"]["image"]

    before = client.get(path, params={"width": 200})
    with transaction(engine) as connection:
        store_thumbnail(connection, item["sha256"], b"a small picture")
    after = client.get(path, params={"width": 200})

    assert (before.content, before.headers["cache-control"]) == (PNG, "private, no-cache")
    assert (after.content, after.headers["content-type"]) == (b"a small picture", "image/jpeg")
    assert after.headers["cache-control"].endswith("immutable")
    assert client.get(path).content == PNG
    assert_problem(client.get(path, params={"width": 401}), 422, "validation_failed")
