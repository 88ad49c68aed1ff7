"""Alive and ready."""

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from api.app import create_app
from shared.db.engine import transaction
from shared.settings import Settings
from tests.api.server import assert_problem, serving


def test_a_living_process_says_so(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readiness_shows_each_part_with_its_latency(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/readyz")

    checks = answer.json()["checks"]
    assert answer.status_code == 200
    assert list(checks) == ["database", "broker", "storage"]
    assert all(check["state"] == "up" for check in checks.values())
    assert all(check["latency_ms"] > 0 for check in checks.values())


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("database", {"database_url": "postgresql://127.0.0.1:1/none"}),
        ("broker", {"broker_url": "redis://127.0.0.1:1/0"}),
        ("storage", {"data_dir": Path("/dev/null")}),
    ],
)
def test_one_part_that_is_down_is_503_and_is_named(
    settings: Settings, part: str, change: dict[str, object]
) -> None:
    with serving(create_app(settings.model_copy(update=change))) as url:
        answer = httpx.get(f"{url}/readyz")
        alive = httpx.get(f"{url}/healthz")

    problem = assert_problem(answer, 503, "unavailable")
    states = {name: check["state"] for name, check in problem["checks"].items()}
    assert states == {"database": "up", "broker": "up", "storage": "up"} | {part: "down"}
    assert problem["checks"][part]["detail"]
    assert part in problem["detail"]
    assert answer.headers["retry-after"] == "5"
    assert alive.status_code == 200


def test_a_database_without_the_schema_is_not_ready(settings: Settings) -> None:
    url_without_schema = settings.database_url.replace("/copythat?", "/postgres?")
    bare = settings.model_copy(update={"database_url": url_without_schema})
    with serving(create_app(bare)) as url:
        problem = assert_problem(httpx.get(f"{url}/readyz"), 503, "unavailable")

    assert "migrations" in problem["checks"]["database"]["detail"]


def test_readiness_says_that_there_is_no_key(anonymous: httpx.Client) -> None:
    claude = anonymous.get("/readyz").json()["claude"]

    assert claude["state"] == "no_key"
    assert "ANTHROPIC_API_KEY" in claude["reason"]


@pytest.mark.parametrize(
    ("state", "told"), [("misconfigured", "misconfigured"), ("open", "held_back")]
)
def test_calls_that_are_held_back_leave_the_service_ready_and_say_why(
    settings: Settings, engine: Engine, state: str, told: str
) -> None:
    with_key = settings.model_copy(update={"anthropic_api_key": SecretStr("any")})
    shut = """
        UPDATE gates SET state = :state, retry_at = now() + interval '1 minute',
               problem = '{"detail": "the budget of this account is spent"}'
    """
    with transaction(engine) as connection:
        connection.execute(text(shut), {"state": state})
    try:
        with serving(create_app(with_key)) as url:
            answer = httpx.get(f"{url}/readyz")
    finally:
        with transaction(engine) as connection:
            connection.execute(
                text("UPDATE gates SET state = 'closed', retry_at = NULL, problem = NULL")
            )

    claude = answer.json()["claude"]
    assert (answer.status_code, claude["state"]) == (200, told)
    assert claude["reason"] == "the budget of this account is spent"
    assert claude["retry_at"]
