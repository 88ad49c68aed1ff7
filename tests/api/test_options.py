"""The options of a job."""

import httpx
import pytest

from api.app import create_app
from shared.settings import Settings
from tests.api.server import IMAGE, assert_problem, new_job, serving, submit


def test_a_job_runs_with_defaults_that_it_shows(client: httpx.Client) -> None:
    job = new_job(client)

    assert job["name"] == "one.png"
    assert job["options"] == {
        "name": None,
        "token_types": ["color", "spacing", "typography", "shadow", "gradient", "radius"],
        "mode": "cv",
        "model": None,
        "force": False,
        "claude": "interactive",
        "priority": "normal",
        "labels": {},
        "deadline_s": None,
        "max_cost_usd": None,
        "webhook_url": None,
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
        ({"webhook_url": "ftp://example.com/"}, "/options/webhook_url"),
        ({"webhook_url": "example.com"}, "/options/webhook_url"),
        ({"webhook_url": "https:///path"}, "/options/webhook_url"),
        ({"webhook_url": "https://a*b/"}, "/options/webhook_url"),
        ({"webhook_url": "https://me:secret@example.com/"}, "/options/webhook_url"),
        ({"webhook_url": "https://example.com:99999/"}, "/options/webhook_url"),
        ({"webhook_url": "https://[::1/"}, "/options/webhook_url"),
        ({"webhook_url": "https://example.com/" + "a" * 2048}, "/options/webhook_url"),
        ({"webhook_url": "https://example.com/\r\nX: y"}, "/options/webhook_url"),
        ({"deadline_s": 0}, "/options/deadline_s"),
        ({"deadline_s": 30 * 86400 + 1}, "/options/deadline_s"),
        ({"labels": {str(n): "" for n in range(17)}}, "/options/labels"),
        ({"labels": {"team": 1}}, "/options/labels/team"),
        ({"labels": {"team": "w" * 257}}, "/options/labels/team"),
        ({"labels": {"team": "nul\x00"}}, "/options/labels/team"),
        ({"labels": {"a=b": ""}}, "/options/labels/a=b"),
        ({"labels": {"": ""}}, "/options/labels/"),
        ({"labels": {"k" * 65: ""}}, "/options/labels/" + "k" * 65),
        ({"token_types": ["border"]}, "/options/token_types/0"),
        ({"token_types": []}, "/options/token_types"),
        ({"mode": "guess"}, "/options/mode"),
        ({"mode": "hybrid"}, "/options/mode"),
        ({"model": "gpt"}, "/options/model"),
        ({"priority": "high"}, "/options/priority"),
        ({"max_cost_usd": -1}, "/options/max_cost_usd"),
        ({"max_cost_usd": 1e9}, "/options/max_cost_usd"),
        ({"max_cost_usd": 1, "model": "claude-haiku-9"}, "/options/max_cost_usd"),
        ({"max_cost_usd": True}, "/options/max_cost_usd"),
        ({"deadline_s": "60"}, "/options/deadline_s"),
        ({"force": "yes"}, "/options/force"),
        ({"name": "nul\x00"}, "/options/name"),
        ({"name": "  "}, "/options/name"),
    ],
)
def test_a_wrong_option_is_named(
    client: httpx.Client, options: dict[str, object], pointer: str
) -> None:
    answer = submit(client, IMAGE, options=options)

    problem = assert_problem(answer, 422, "invalid_options")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert client.get("/api/v1/jobs").json()["data"] == []


@pytest.mark.parametrize("sent", ["{", "[]", "nonsense", '{"name": "\\ud800"}', "[" * 5000])
def test_options_that_are_not_json_are_refused(client: httpx.Client, sent: str) -> None:
    answer = client.post("/api/v1/jobs", files={"files": IMAGE}, data={"options": sent})

    assert_problem(answer, 422, "invalid_options")


def test_an_empty_field_of_options_asks_for_the_defaults(client: httpx.Client) -> None:
    answer = client.post("/api/v1/jobs", files={"files": IMAGE}, data={"options": ""})

    assert answer.status_code == 202
    assert answer.json()["options"] == new_job(client)["options"]


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


def test_a_job_keeps_the_model_that_was_the_default_when_it_came(
    settings: Settings, client: httpx.Client
) -> None:
    models = []
    for default in ("claude-haiku-5-5", "claude-sonnet-5-5"):
        able = settings.model_copy(
            update={"anthropic_api_key": settings.secret_key, "claude_model": default}
        )
        with (
            serving(create_app(able)) as url,
            httpx.Client(base_url=url, headers=client.headers) as with_claude,
        ):
            models.append(new_job(with_claude)["options"]["model"])

    assert models == ["claude-haiku-5-5", "claude-sonnet-5-5"]
