"""What a job would cost, told without keeping or queueing anything."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from api.app import create_app
from shared.db.engine import transaction
from shared.settings import Settings
from tests.api.playing import finish_all
from tests.api.server import assert_problem, serving, submit
from tests.archives import zip_of
from tests.end_to_end.conftest import drawing

PATH = "/api/v1/jobs/estimate"


@pytest.fixture
def client(settings: Settings, client: httpx.Client) -> Iterator[httpx.Client]:
    """A user of a service that has a Claude key."""
    able = settings.model_copy(update={"anthropic_api_key": settings.secret_key})
    with (
        serving(create_app(able)) as url,
        httpx.Client(base_url=url, headers=client.headers) as with_claude,
    ):
        yield with_claude


def ask(client: httpx.Client, *files: tuple[str, bytes], **options: object) -> httpx.Response:
    parts = [("files", file) for file in files]
    return client.post(PATH, files=parts, data={"options": json.dumps(options)})


def estimate(client: httpx.Client, *files: tuple[str, bytes], **options: object) -> dict[str, Any]:
    answer = ask(client, *files, **options)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def plan(client: httpx.Client, **body: object) -> httpx.Response:
    return client.post(PATH, json={"images": 10, "width": 1440, "height": 900} | body)


def test_images_are_estimated_at_a_call_each(client: httpx.Client) -> None:
    told = estimate(client, ("a.png", drawing(1)), ("b.png", drawing(2)))

    assert (told["images"], told["cached"], told["calls"]) == (2, 0, 2)
    assert (told["mode"], told["model"]) == ("hybrid", "claude-haiku-5-5")
    assert 0 < told["usd"] < 0.01
    assert told["saved_usd"] == 0


def test_an_archive_is_estimated_by_what_is_in_it(client: httpx.Client) -> None:
    members = {"a.png": drawing(1), "twin.png": drawing(1), "b.png": drawing(2), "bad.png": b"?"}

    told = estimate(client, ("all.zip", zip_of(members)))

    assert (told["images"], told["unreadable"]) == (3, 1)
    assert (told["cached"], told["calls"]) == (1, 2)
    assert told["saved_usd"] > 0


def test_nothing_of_an_estimate_is_kept_or_queued(
    client: httpx.Client, engine: Engine, blob_dir: Path
) -> None:
    before = sorted(blob_dir.rglob("*"))

    estimate(client, ("a.zip", zip_of({"a.png": drawing(77)})), ("b.png", drawing(78)))

    assert sorted(blob_dir.rglob("*")) == before
    with transaction(engine) as connection:
        for table in ("jobs", "items", "work", "blobs", "claude_calls"):
            rows = connection.execute(text(f"SELECT count(*) FROM {table}"))  # noqa: S608
            assert rows.scalar_one() == 0


def test_images_that_were_named_before_need_no_call(client: httpx.Client, engine: Engine) -> None:
    submit(client, ("a.png", drawing(1)))
    finish_all(engine)

    told = estimate(client, ("a.png", drawing(1)), ("b.png", drawing(2)))
    forced = estimate(client, ("a.png", drawing(1)), ("b.png", drawing(2)), force=True)

    assert (told["cached"], told["calls"]) == (1, 1)
    assert told["saved_usd"] > 0
    assert (forced["cached"], forced["calls"]) == (0, 2)


def test_names_of_other_options_are_no_names(client: httpx.Client, engine: Engine) -> None:
    submit(client, ("a.png", drawing(1)))
    finish_all(engine)

    told = estimate(client, ("a.png", drawing(1)), token_types=["color"])

    assert (told["cached"], told["calls"]) == (0, 1)


def test_what_another_user_had_named_costs_a_call(
    client: httpx.Client, stranger: httpx.Client, engine: Engine
) -> None:
    submit(client, ("a.png", drawing(1)))
    finish_all(engine)
    with httpx.Client(base_url=client.base_url, headers=stranger.headers) as other:
        told = estimate(other, ("a.png", drawing(1)))

    assert told["calls"] == 1


def test_without_claude_nothing_costs_anything(client: httpx.Client) -> None:
    told = estimate(client, ("a.png", drawing(1)), mode="cv")

    assert (told["calls"], told["usd"], told["model"]) == (0, 0, None)


def test_one_type_costs_less_than_all(client: httpx.Client) -> None:
    image = ("a.png", drawing(1))

    one, all_types = estimate(client, image, token_types=["color"]), estimate(client, image)

    assert one["usd"] < all_types["usd"]


def test_batches_cost_half(client: httpx.Client) -> None:
    batch = plan(client, options={"claude": "batch"}).json()

    assert batch["usd"] == pytest.approx(plan(client).json()["usd"] / 2, rel=0.001)


def test_the_price_of_an_unknown_model_is_null(client: httpx.Client) -> None:
    told = estimate(client, ("a.png", drawing(1)), model="claude-haiku-9")

    assert (told["calls"], told["usd"]) == (1, None)


def test_images_that_are_not_at_hand_are_estimated_by_number_and_size(
    client: httpx.Client,
) -> None:
    ten, thousand = plan(client).json(), plan(client, images=1000).json()

    assert (ten["calls"], thousand["calls"]) == (10, 1000)
    assert thousand["usd"] == pytest.approx(100 * ten["usd"], rel=0.1)


def test_a_planned_job_has_the_options_of_any(client: httpx.Client) -> None:
    dear = plan(client, options={"model": "claude-sonnet-5-5"}).json()

    assert dear["model"] == "claude-sonnet-5-5"
    assert dear["usd"] > 10 * plan(client).json()["usd"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"images": 0}, "/images"),
        ({"width": -1}, "/width"),
        ({"height": "tall"}, "/height"),
        ({"depth": 3}, "/depth"),
        ({"options": {"colour": True}}, "/options/colour"),
    ],
)
def test_a_wrong_field_of_a_plan_is_named(
    client: httpx.Client, body: dict[str, object], pointer: str
) -> None:
    problem = assert_problem(plan(client, **body), 422, "validation_failed")

    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_a_plan_that_is_not_json_is_refused(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}

    assert_problem(client.post(PATH, content=b"{", headers=headers), 422, "validation_failed")
    assert_problem(
        client.post(PATH, content=b" " * 100_000, headers=headers), 413, "upload_too_large"
    )


def test_files_without_an_image_are_refused_as_a_job_of_them_is(client: httpx.Client) -> None:
    assert_problem(ask(client, ("a.txt", b"hello")), 422, "nothing_usable")
    assert_problem(ask(client, ("a.png", drawing(1)), colour=True), 422, "invalid_options")


def test_an_estimate_is_for_users(anonymous: httpx.Client) -> None:
    assert_problem(plan(anonymous), 401, "unauthenticated")
