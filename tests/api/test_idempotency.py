"""Idempotency keys: a submission that comes twice makes one job."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import Engine, text

from api.app import create_app
from shared.db.engine import transaction
from shared.db.idempotency import KEPT_H, forget_old
from shared.settings import Settings
from tests.api.playing import finish_all
from tests.api.server import IMAGE, PNG, assert_problem, serving, submit

KEY = {"Idempotency-Key": "a key of mine, 1"}


def count_jobs(engine: Engine) -> int:
    with transaction(engine) as connection:
        count: int = connection.execute(text("SELECT count(*) FROM jobs")).scalar_one()
    return count


def test_the_same_request_again_gives_the_same_job(client: httpx.Client, engine: Engine) -> None:
    first = submit(client, IMAGE, options={"name": "once"}, headers=KEY)
    finish_all(engine)
    second = submit(client, IMAGE, options={"name": "once"}, headers=KEY)

    assert (first.status_code, second.status_code) == (202, 200)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["location"] == first.headers["location"]
    assert second.json()["id"] == first.json()["id"]
    assert second.json()["status"] == "succeeded"


def test_one_key_from_twenty_threads_makes_one_job(client: httpx.Client, engine: Engine) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: submit(client, IMAGE, headers=KEY), range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert count_jobs(engine) == 1


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ([("one.png", PNG + b"other")], {}),
        ([("other.png", PNG)], {}),
        ([IMAGE, IMAGE], {}),
        ([IMAGE], {"priority": "low"}),
        ([IMAGE], {"labels": {"a": "b"}}),
    ],
)
def test_another_request_under_the_same_key_is_refused(
    client: httpx.Client,
    engine: Engine,
    files: list[tuple[str, bytes]],
    options: dict[str, object],
) -> None:
    submit(client, IMAGE, headers=KEY)

    answer = submit(client, *files, options=options, headers=KEY)

    assert_problem(answer, 422, "idempotency_key_reused")
    assert count_jobs(engine) == 1


def test_options_that_say_the_default_are_the_same_request(client: httpx.Client) -> None:
    first = submit(client, IMAGE, headers=KEY)
    second = submit(client, IMAGE, options={"priority": "normal", "labels": {}}, headers=KEY)

    assert second.json()["id"] == first.json()["id"]


def test_a_key_is_its_users_alone(client: httpx.Client, stranger: httpx.Client) -> None:
    mine = submit(client, IMAGE, headers=KEY)
    theirs = submit(stranger, IMAGE, headers=KEY)

    assert (mine.status_code, theirs.status_code) == (202, 202)


def test_without_a_key_every_request_is_a_job(client: httpx.Client, engine: Engine) -> None:
    submit(client, IMAGE)
    submit(client, IMAGE)

    assert count_jobs(engine) == 2


@pytest.mark.parametrize("key", [b"", b"k" * 256, b"tab\there", b"\xe4"])
def test_a_key_that_is_none_is_refused(client: httpx.Client, key: bytes) -> None:
    answer = client.post(
        "/api/v1/jobs", files={"files": IMAGE}, headers=[(b"Idempotency-Key", key)]
    )

    problem = assert_problem(answer, 422, "validation_failed")
    assert problem["errors"][0]["in"] == "header"


def test_a_key_of_255_characters_is_one(client: httpx.Client) -> None:
    assert submit(client, IMAGE, headers={"Idempotency-Key": "~" * 255}).status_code == 202


def test_a_refused_request_takes_no_key(client: httpx.Client) -> None:
    refused = submit(client, ("a.txt", b"text"), headers=KEY)
    accepted = submit(client, IMAGE, headers=KEY)

    assert (refused.status_code, accepted.status_code) == (422, 202)


@pytest.mark.parametrize(("age_h", "status"), [(24, 200), (KEPT_H + 1, 202)])
def test_a_key_is_kept_for_a_day_and_forgotten_in_the_end(
    client: httpx.Client, engine: Engine, age_h: int, status: int
) -> None:
    submit(client, IMAGE, headers=KEY)
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE idempotency_keys SET created_at = now() - make_interval(hours => :age)"),
            {"age": age_h},
        )

        forget_old(connection)

    assert submit(client, IMAGE, headers=KEY).status_code == status


def test_a_key_goes_with_its_job(client: httpx.Client, engine: Engine) -> None:
    first = submit(client, IMAGE, headers=KEY).json()
    finish_all(engine)
    client.delete(first["links"]["self"])

    second = submit(client, IMAGE, headers=KEY)

    assert second.status_code == 202
    assert second.json()["id"] != first["id"]


def test_who_asks_for_their_job_again_is_answered_though_the_queue_is_full(
    settings: Settings, client: httpx.Client
) -> None:
    narrow = settings.model_copy(update={"max_queued_items_per_user": 1})
    with (
        serving(create_app(narrow)) as url,
        httpx.Client(base_url=url, headers=client.headers) as other,
    ):
        first = submit(other, IMAGE, headers=KEY)
        again = submit(other, IMAGE, headers=KEY)
        more = submit(other, IMAGE)

    assert again.json()["id"] == first.json()["id"]
    assert_problem(more, 429, "too_many_queued")
