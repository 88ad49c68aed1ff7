"""One image, one token type."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from shared.db.engine import transaction
from shared.db.work import Claim
from shared.errors import DecodeFailed, Problem
from tests.api.playing import claim_next, fail, finish, finish_all
from tests.api.server import PNG, assert_problem
from tests.archives import zip_of
from tests.conftest import until

KINDS = ["colors", "spacing", "typography", "shadows", "gradients"]
TYPES = ["color", "spacing", "typography", "shadow", "gradient"]


def extract(
    client: httpx.Client,
    kind: str = "colors",
    data: bytes = PNG,
    options: dict[str, Any] | None = None,
    **headers: str,
) -> httpx.Response:
    form = {"options": json.dumps(options)} if options is not None else {}
    files = {"file": ("one.png", data)}
    return client.post(f"/api/v1/{kind}/extract", files=files, data=form, headers=headers)


def claim_soon(engine: Engine) -> Claim:
    """Claim the first unit of work once there is one."""
    claims: list[Claim] = []

    def claimed() -> bool:
        claims.extend(filter(None, [claim_next(engine)]))
        return bool(claims)

    until(claimed)
    return claims[0]


@pytest.mark.parametrize(("kind", "token_type"), list(zip(KINDS, TYPES, strict=True)))
def test_without_a_wish_to_wait_the_answer_is_a_job(
    client: httpx.Client, kind: str, token_type: str
) -> None:
    answer = extract(client, kind)

    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == job["links"]["self"]
    assert job["options"]["token_types"] == [token_type]
    assert client.get(answer.headers["location"]).json()["id"] == job["id"]


def test_one_who_waits_gets_the_items_token_set(client: httpx.Client, engine: Engine) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(extract, client, Prefer="wait=30")
        claimed = claim_soon(engine)
        finish(engine, claimed, {})
        finish_all(engine)
        answer = waiting.result(timeout=10)

    token_set = answer.json()
    assert answer.status_code == 200
    assert token_set["item_id"].startswith("item_")
    assert [token["name"] for token in token_set["tokens"]["color"]] == ["blue-600"]


def test_a_result_at_hand_is_answered_at_once(client: httpx.Client, engine: Engine) -> None:
    extract(client)
    finish_all(engine)

    assert extract(client, Prefer="wait=30").status_code == 200


def test_when_the_time_is_up_the_answer_is_the_job(client: httpx.Client) -> None:
    answer = extract(client, Prefer="wait=1")

    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait=1"


def test_one_who_waits_for_a_damaged_image_gets_its_problem(
    client: httpx.Client, engine: Engine
) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(extract, client, Prefer="wait=30")
        claimed = claim_soon(engine)
        fail(engine, claimed, Problem.of(DecodeFailed("cut off")))
        answer = waiting.result(timeout=10)

    problem = assert_problem(answer, 422, "decode_failed")
    assert problem["detail"] == "cut off"
    assert client.get(answer.headers["location"]).json()["status"] == "failed"


def test_somebody_waits_so_it_goes_first(client: httpx.Client, engine: Engine) -> None:
    client.post("/api/v1/jobs", files={"files": ("two.png", PNG + b"2")})
    extract(client)
    with transaction(engine) as connection:
        rows = connection.execute(text("SELECT priority FROM work ORDER BY id")).scalars()
        job, interactive = rows

    assert interactive < job


def test_what_is_no_image_is_refused_as_such(client: httpx.Client) -> None:
    assert_problem(extract(client, data=b"text"), 422, "not_an_image")


def test_an_archive_is_sent_to_the_jobs(client: httpx.Client) -> None:
    problem = assert_problem(extract(client, data=zip_of({"a.png": PNG})), 422, "not_an_image")

    assert "/api/v1/jobs" in problem["detail"]


def test_a_large_image_is_413(client: httpx.Client) -> None:
    assert_problem(extract(client, data=PNG.ljust(70_000)), 413, "image_too_large")


def test_two_images_are_refused(client: httpx.Client) -> None:
    files = [("file", ("one.png", PNG)), ("file", ("two.png", PNG))]

    answer = client.post("/api/v1/colors/extract", files=files)

    assert_problem(answer, 413, "upload_too_large")


def test_no_image_is_refused(client: httpx.Client) -> None:
    answer = client.post("/api/v1/colors/extract", files={"options": (None, "{}")})

    assert_problem(answer, 422, "nothing_usable")


def test_the_route_says_which_type_so_no_option_may(client: httpx.Client) -> None:
    answer = extract(client, options={"token_types": ["color"]})

    problem = assert_problem(answer, 422, "invalid_options")
    assert problem["errors"][0]["pointer"] == "/options/token_types"


def test_an_extraction_takes_the_other_options(client: httpx.Client) -> None:
    job = extract(client, options={"mode": "cv", "force": True}).json()

    assert job["options"]["force"] is True


def test_an_unknown_type_has_no_route(client: httpx.Client) -> None:
    assert_problem(extract(client, kind="smells"), 404, "not_found")


def test_nobody_extracts_without_credentials(anonymous: httpx.Client) -> None:
    assert_problem(extract(anonymous), 401, "unauthenticated")
