"""Webhooks: registered, read, deleted; what they were told, and told again."""

from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from api.app import create_app
from shared.db import deliveries
from shared.db.deliveries import Attempt
from shared.db.engine import transaction
from shared.db.webhooks import MAX_WEBHOOKS
from shared.settings import Settings
from tests.api.playing import finish_all
from tests.api.server import IMAGE, assert_problem, new_job, serving, submit

PATH = "/api/v1/webhooks"
URL = "https://hooks.example/copythat"
EVENTS = [
    "job.succeeded",
    "job.partially_succeeded",
    "job.failed",
    "job.canceled",
    "job.expired",
]
NOBODYS = "hook_" + "0" * 32
REFUSED = Attempt("2026-11-23T00:00:00Z", 503, "the receiver answered 503", 0.25, "not now")


def register(client: httpx.Client, url: str = URL, **more: object) -> dict[str, Any]:
    answer = client.post(PATH, json={"url": url} | more)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def told(client: httpx.Client, hook: dict[str, Any], **query: object) -> dict[str, Any]:
    """Return a page of what a webhook was told."""
    answer = client.get(f"{PATH}/{hook['id']}/deliveries", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def try_once(engine: Engine) -> None:
    """Play a worker whose message is not taken."""
    with transaction(engine) as connection:
        claimed = deliveries.claim_due(connection)
        assert claimed is not None
        deliveries.postpone(connection, claimed, REFUSED, 300)


def disable(engine: Engine, hook: dict[str, Any]) -> None:
    with transaction(engine) as connection:
        deliveries.disable(connection, hook["id"])


def test_a_webhook_is_registered_for_all_events_unless_told_otherwise(
    client: httpx.Client,
) -> None:
    made = register(client)

    assert made["id"].startswith("hook_")
    assert (made["url"], made["events"], made["description"]) == (URL, EVENTS, "")
    assert made["disabled_at"] is None
    assert made["secret"].startswith("whsec_")


def test_a_webhook_shows_what_it_was_given_in_one_order(client: httpx.Client) -> None:
    wanted = ["job.failed", "job.succeeded", "job.failed"]

    made = register(client, events=wanted, description="  nightly é ")

    assert made["events"] == ["job.succeeded", "job.failed"]
    assert made["description"] == "nightly é"


def test_each_webhook_has_a_secret_of_its_own(client: httpx.Client) -> None:
    secrets = {register(client, f"{URL}/{n}")["secret"] for n in range(3)}

    assert len(secrets) == 3


def test_a_webhook_is_read_with_its_secret_and_listed_without(client: httpx.Client) -> None:
    made = register(client)

    one = client.get(f"{PATH}/{made['id']}")
    (listed,) = client.get(PATH).json()["data"]

    assert one.json() == made
    assert listed == {name: value for name, value in made.items() if name != "secret"}


def test_a_deleted_webhook_is_gone_with_its_log(client: httpx.Client, engine: Engine) -> None:
    made = register(client)
    new_job(client)
    finish_all(engine)

    deleted = client.delete(f"{PATH}/{made['id']}")
    with transaction(engine) as connection:
        left = connection.execute(text("SELECT count(*) FROM webhook_deliveries")).scalar_one()

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert_problem(client.get(f"{PATH}/{made['id']}"), 404, "not_found")
    assert_problem(client.delete(f"{PATH}/{made['id']}"), 404, "not_found")
    assert left == 0


def requests(hook_id: str, delivery_id: str = "msg_" + "0" * 32) -> list[tuple[str, str]]:
    return [
        ("GET", f"{PATH}/{hook_id}"),
        ("DELETE", f"{PATH}/{hook_id}"),
        ("GET", f"{PATH}/{hook_id}/deliveries"),
        ("POST", f"{PATH}/{hook_id}/deliveries/{delivery_id}/redeliver"),
    ]


def test_another_persons_webhook_is_as_one_that_is_not_there(
    client: httpx.Client, stranger: httpx.Client, engine: Engine
) -> None:
    made = register(client)
    new_job(client)
    finish_all(engine)
    (delivery,) = told(client, made)["data"]

    for method, path in requests(made["id"], delivery["id"]):
        assert_problem(stranger.request(method, path), 404, "not_found")
    assert stranger.get(PATH).json()["data"] == []
    assert [row["id"] for row in told(client, made)["data"]] == [delivery["id"]]


@pytest.mark.parametrize("hook_id", [NOBODYS, "hook_1", "nonsense", "hook_%00"])
def test_a_webhook_that_is_not_there_is_not_found(client: httpx.Client, hook_id: str) -> None:
    for method, path in requests(hook_id):
        assert_problem(client.request(method, path), 404, "not_found")


def test_webhooks_are_for_users(anonymous: httpx.Client) -> None:
    for method, path in [("GET", PATH), ("POST", PATH), *requests(NOBODYS)]:
        assert_problem(anonymous.request(method, path, json={"url": URL}), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({}, "/url"),
        ({"url": "http://hooks.example/"}, "/url"),
        ({"url": "ftp://hooks.example/"}, "/url"),
        ({"url": "hooks.example"}, "/url"),
        ({"url": "https:///path"}, "/url"),
        ({"url": "https://me:secret@hooks.example/"}, "/url"),
        ({"url": "https://hooks.example:0/"}, "/url"),
        ({"url": "https://hooks.example:99999/"}, "/url"),
        ({"url": "https://hooks.example/ x"}, "/url"),
        ({"url": "https://hooks.example/\r\nX: y"}, "/url"),
        ({"url": "https://h\u00f6oks.example/"}, "/url"),
        ({"url": "https://hooks.example/" + "a" * 2048}, "/url"),
        ({"url": None}, "/url"),
        ({"url": URL, "events": ["job.began"]}, "/events/0"),
        ({"url": URL, "events": []}, "/events"),
        ({"url": URL, "events": "job.failed"}, "/events"),
        ({"url": URL, "description": "nul\x00"}, "/description"),
        ({"url": URL, "description": "bell\x07"}, "/description"),
        ({"url": URL, "description": "two\nlines"}, "/description"),
        ({"url": URL, "description": "del\x7f"}, "/description"),
        ({"url": URL, "description": "d" * 1000}, "/description"),
        ({"url": URL, "secret": "whsec_mine"}, "/secret"),
    ],
)
def test_what_is_wrong_with_a_webhook_is_named(
    client: httpx.Client, sent: dict[str, object], pointer: str
) -> None:
    problem = assert_problem(client.post(PATH, json=sent), 422, "validation_failed")

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert client.get(PATH).json()["data"] == []


def test_an_address_is_registered_once(client: httpx.Client, stranger: httpx.Client) -> None:
    made = register(client)

    again = assert_problem(client.post(PATH, json={"url": URL}), 422, "validation_failed")

    assert [error["pointer"] for error in again["errors"]] == ["/url"]
    assert register(stranger)["secret"] != made["secret"]


def test_a_user_has_as_many_webhooks_as_the_limit_and_no_more(client: httpx.Client) -> None:
    made = [register(client, f"{URL}/{n}") for n in range(MAX_WEBHOOKS)]

    one_more = client.post(PATH, json={"url": URL})
    by_a_job = submit(client, IMAGE, options={"webhook_url": URL})
    known = new_job(client, webhook_url=made[0]["url"])

    refused = assert_problem(one_more, 422, "validation_failed")
    assert [error["pointer"] for error in refused["errors"]] == ["/url"]
    problem = assert_problem(by_a_job, 422, "invalid_options")
    assert [error["pointer"] for error in problem["errors"]] == ["/options/webhook_url"]
    assert [job["id"] for job in client.get("/api/v1/jobs").json()["data"]] == [known["id"]]


def test_a_disabled_webhook_goes_on_when_it_is_registered_again(
    client: httpx.Client, engine: Engine
) -> None:
    made = register(client)
    disable(engine, made)
    disabled = client.get(f"{PATH}/{made['id']}").json()

    again = register(client, events=["job.failed"])

    assert disabled["disabled_at"] is not None
    assert (again["id"], again["secret"]) == (made["id"], made["secret"])
    assert (again["disabled_at"], again["events"]) == (None, ["job.failed"])


def test_webhooks_are_listed_in_pages_the_newest_first(client: httpx.Client) -> None:
    made = [register(client, f"{URL}/{n}")["id"] for n in range(3)]

    first = client.get(PATH, params={"limit": 2}).json()
    rest = client.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]}).json()

    assert [row["id"] for row in first["data"]] == [made[2], made[1]]
    assert [row["id"] for row in rest["data"]] == [made[0]]
    assert rest["next_cursor"] is None


def test_the_address_that_a_job_names_has_a_secret_before_the_job_ends(
    client: httpx.Client,
) -> None:
    new_job(client, webhook_url=URL)
    new_job(client, webhook_url=URL)

    (listed,) = client.get(PATH).json()["data"]
    one = client.get(f"{PATH}/{listed['id']}").json()

    assert (listed["url"], listed["events"]) == (URL, [])
    assert one["secret"].startswith("whsec_")


def test_an_address_that_a_job_named_can_be_registered_and_keeps_its_secret(
    client: httpx.Client,
) -> None:
    new_job(client, webhook_url=URL)
    (known,) = client.get(PATH).json()["data"]

    made = register(client)
    new_job(client, webhook_url=URL)

    assert made["id"] == known["id"]
    assert made["events"] == EVENTS
    assert client.get(f"{PATH}/{made['id']}").json() == made


def test_a_job_cannot_name_an_address_of_plain_http(client: httpx.Client) -> None:
    answer = submit(client, IMAGE, options={"webhook_url": "http://hooks.example/"})

    problem = assert_problem(answer, 422, "invalid_options")
    assert [error["pointer"] for error in problem["errors"]] == ["/options/webhook_url"]
    assert client.get(PATH).json()["data"] == []


def test_plain_http_is_taken_where_private_addresses_are_allowed(
    settings: Settings, client: httpx.Client
) -> None:
    beside = settings.model_copy(update={"webhook_allow_private": True})
    with (
        serving(create_app(beside)) as url,
        httpx.Client(base_url=url, headers=client.headers) as local,
    ):
        made = register(local, "http://127.0.0.1:9/")
        job = new_job(local, webhook_url="http://127.0.0.1:9/")

    assert made["url"] == job["options"]["webhook_url"] == "http://127.0.0.1:9/"


def test_the_log_shows_each_message_and_its_tries(client: httpx.Client, engine: Engine) -> None:
    made = register(client)
    job = new_job(client)
    finish_all(engine)
    (before,) = told(client, made)["data"]
    try_once(engine)

    (after,) = told(client, made)["data"]

    assert before["id"].startswith("msg_")
    assert (before["job_id"], before["event"]) == (job["id"], "job.succeeded")
    assert (before["status"], before["attempts"], before["finished_at"]) == ("pending", [], None)
    assert before["next_attempt_at"] == before["created_at"]
    assert after["attempts"] == [
        {
            "at": "2026-11-23T00:00:00Z",
            "status": 503,
            "error": "the receiver answered 503",
            "seconds": 0.25,
            "response": "not now",
        }
    ]
    assert after["next_attempt_at"] > before["next_attempt_at"]


def test_the_log_comes_in_pages_the_newest_first(client: httpx.Client, engine: Engine) -> None:
    made = register(client)
    jobs = [new_job(client, webhook_url=URL)["id"] for _ in range(3)]
    finish_all(engine)

    first = told(client, made, limit=2)
    rest = told(client, made, limit=2, cursor=first["next_cursor"])

    shown = [row["job_id"] for row in first["data"] + rest["data"]]
    ids = [row["id"] for row in first["data"] + rest["data"]]
    assert (len(first["data"]), len(rest["data"]), rest["next_cursor"]) == (2, 1, None)
    assert sorted(shown) == sorted(jobs)
    assert ids == sorted(ids, reverse=True)


@pytest.mark.parametrize("path", [PATH, f"{PATH}/{NOBODYS}/deliveries"])
@pytest.mark.parametrize("query", ["cursor=nonsense", "cursor=job_" + "0" * 32, "limit=0"])
def test_a_cursor_or_limit_that_is_not_ours_is_refused(
    client: httpx.Client, path: str, query: str
) -> None:
    problem = assert_problem(client.get(f"{path}?{query}"), 422, "validation_failed")

    assert len(problem["errors"]) == 1


def test_a_message_that_failed_is_sent_again_when_asked_for(
    client: httpx.Client, engine: Engine
) -> None:
    made = register(client)
    new_job(client)
    finish_all(engine)
    try_once(engine)
    disable(engine, made)
    (failed,) = told(client, made)["data"]

    answer = client.post(f"{PATH}/{made['id']}/deliveries/{failed['id']}/redeliver")

    assert (failed["status"], failed["next_attempt_at"]) == ("failed", None)
    assert answer.status_code == 202
    again = answer.json()
    assert (again["id"], again["status"], again["finished_at"]) == (failed["id"], "pending", None)
    assert again["next_attempt_at"] is not None
    assert len(again["attempts"]) == 1
    assert told(client, made)["data"] == [again]


def test_a_message_is_sent_again_by_its_own_webhook_alone(
    client: httpx.Client, engine: Engine
) -> None:
    made, other = register(client), register(client, f"{URL}/2", events=["job.failed"])
    new_job(client)
    finish_all(engine)
    (delivery,) = told(client, made)["data"]

    answer = client.post(f"{PATH}/{other['id']}/deliveries/{delivery['id']}/redeliver")

    assert_problem(answer, 404, "not_found")
    assert told(client, other)["data"] == []


def test_the_log_of_a_deleted_job_stays(client: httpx.Client, engine: Engine) -> None:
    made = register(client)
    job = new_job(client)
    finish_all(engine)

    client.delete(job["links"]["self"])

    assert [row["job_id"] for row in told(client, made)["data"]] == [None]
