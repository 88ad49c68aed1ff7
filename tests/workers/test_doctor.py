"""What the doctor finds, with everything there and with one thing missing at a time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from shared.db.engine import transaction
from shared.settings import Settings
from tests.fakes.claude import HTML_PAGE, ClaudeServer, Raw
from workers.doctor import Finding, State, examine

NOW = datetime(2026, 11, 20, tzinfo=UTC)
KEY = "sk-nobody-may-see-this"
WRONG_KEY = Raw(
    b'{"type": "error", "error": {"type": "authentication_error", "message": "invalid key"}}',
    status=401,
)


@pytest.fixture(scope="module")
def claude_server() -> Iterator[ClaudeServer]:
    with ClaudeServer() as server:
        yield server


@pytest.fixture
def claude(claude_server: ClaudeServer) -> ClaudeServer:
    claude_server.reset()
    claude_server.models = {"claude-haiku-5-5": {}}
    return claude_server


@pytest.fixture
def settings(database_url: str, broker_url: str, tmp_path: Path, claude: ClaudeServer) -> Settings:
    return Settings(
        database_url=database_url,
        broker_url=broker_url,
        data_dir=tmp_path,
        ANTHROPIC_API_KEY=SecretStr(KEY),
        ANTHROPIC_BASE_URL=claude.base_url,
    )


def look(settings: Settings, **change: object) -> dict[str, Finding]:
    found = examine(settings.model_copy(update=change), NOW)
    return {finding.part: finding for finding in found}


def test_a_service_that_has_all_it_needs_is_well(settings: Settings) -> None:
    found = look(settings)

    assert list(found) == ["database", "broker", "storage", "key", "model"]
    assert {finding.state for finding in found.values()} == {State.OK}


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("database", {"database_url": "postgresql://somebody:secret@127.0.0.1:1/none"}),
        ("broker", {"broker_url": "redis://:secret@127.0.0.1:1/0"}),
        ("storage", {"data_dir": Path("/dev/null")}),
        ("key", {"anthropic_base_url": "no address"}),
        ("model", {"claude_model": "claude-of-tomorrow"}),
    ],
)
def test_what_is_missing_fails_and_says_what_to_do(
    settings: Settings, part: str, change: dict[str, object]
) -> None:
    found = look(settings, **change)

    assert {name for name, each in found.items() if each.state is State.FAIL} == {part}
    assert any(word in found[part].text for word in ("COPYTHAT_", "ANTHROPIC_"))
    assert "secret" not in str(found[part])


def test_without_a_key_names_come_by_rule_and_that_is_said(settings: Settings) -> None:
    found = look(settings, anthropic_api_key=None)

    assert found["key"].state is State.WARN
    assert "model" not in found


def test_a_refused_key_fails_and_is_not_printed(settings: Settings, claude: ClaudeServer) -> None:
    claude.always = WRONG_KEY

    found = look(settings)

    assert found["key"].state is State.FAIL
    assert "invalid key" in found["key"].text
    assert not any(KEY in str(finding) for finding in found.values())


def test_an_answer_that_is_no_model_is_only_a_warning(
    settings: Settings, claude: ClaudeServer
) -> None:
    claude.always = HTML_PAGE

    assert look(settings)["key"].state is State.WARN


@pytest.mark.parametrize(
    ("facts", "state", "said"),
    [
        ({"images": False}, State.FAIL, "images"),
        ({"strict": False}, State.FAIL, "strict tools"),
        ({"lifecycle": "retired"}, State.FAIL, "retired"),
        ({"lifecycle": "deprecated"}, State.WARN, "deprecated"),
        ({"retires_at": (NOW + timedelta(days=30)).isoformat()}, State.WARN, "2026-12-20"),
        ({"retires_at": (NOW + timedelta(days=300)).isoformat()}, State.OK, "2027-09-16"),
    ],
)
def test_a_model_is_judged_by_what_the_api_says_of_it(
    settings: Settings, claude: ClaudeServer, facts: dict[str, object], state: State, said: str
) -> None:
    claude.models = {"claude-haiku-5-5": facts}

    found = look(settings)["model"]

    assert (found.state, said in found.text) == (state, True)


def test_a_model_without_a_price_is_named(settings: Settings, claude: ClaudeServer) -> None:
    claude.models = {"claude-of-tomorrow": {}}

    found = look(settings, claude_model="claude-of-tomorrow")["model"]

    assert found.state is State.WARN
    assert "price" in found.text


def test_calls_that_are_held_back_are_told_with_the_reason(
    settings: Settings, engine: Engine
) -> None:
    held = """
        UPDATE gates SET state = 'misconfigured', problem = '{"detail": "the budget is spent"}'
    """
    with transaction(engine) as connection:
        connection.execute(text(held))
    try:
        found = look(settings)
    finally:
        with transaction(engine) as connection:
            connection.execute(text("UPDATE gates SET state = 'closed', problem = NULL"))

    assert found["calls"].state is State.WARN
    assert "the budget is spent" in found["calls"].text
