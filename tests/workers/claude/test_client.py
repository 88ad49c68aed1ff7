import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest
from llmock.scenarios import Delay, Fail

from shared.claude.prices import Usage, usd
from shared.errors import (
    ClaudeError,
    ClaudeMisconfigured,
    ClaudeRefused,
    ClaudeUnavailable,
)
from tests.fakes.claude import (
    CUT_JSON,
    CUT_SHORT,
    DROPPED,
    EMPTY_OBJECT,
    HTML_PAGE,
    OVERLOADED,
    REFUSAL,
    ClaudeServer,
    Scripted,
)
from tests.fakes.ledger import Ledger
from workers.claude.client import Client, Model, Request, client_for
from workers.claude.failures import FREE, Outcome, read_retry_after
from workers.claude.prompt import SYSTEM
from workers.claude.tools import ENTRIES, build_tool
from workers.images import EncodedImage

FORCING = "tool_choice: this model supports only auto and none"
SPENT = "You have reached your specified API usage limits."


@pytest.fixture
def request_(picture: EncodedImage) -> Request:
    return Request(
        SYSTEM, picture, "c1 #FFFFFF 80% background", build_tool(tuple(ENTRIES)), 800, Usage(0, 0)
    )


def test_an_answer_is_entered_in_the_ledger_with_what_it_used(
    model: Model, ledger: Ledger, request_: Request
) -> None:
    message = model.ask(request_)

    (outcome,) = ledger.outcomes
    assert message.stop_reason == "tool_use"
    assert outcome.outcome is Outcome.ANSWERED
    assert outcome.request_id == "req_000001"
    assert outcome.usage is not None
    assert outcome.usage.cache_write_tokens > 0
    assert outcome.usd == usd("claude-haiku-5-5", outcome.usage)
    assert outcome.latency_s > 0


def test_the_ledger_is_told_before_the_request_and_after_it(
    model: Model, ledger: Ledger, request_: Request
) -> None:
    model.ask(request_)

    assert ledger.events == ["open claude-haiku-5-5", "close call-1"]


@pytest.mark.parametrize(
    ("reply", "outcome", "error"),
    [
        (OVERLOADED, Outcome.OVERLOADED, ClaudeUnavailable),
        (Fail(500), Outcome.OVERLOADED, ClaudeUnavailable),
        (Fail(408), Outcome.OVERLOADED, ClaudeUnavailable),
        (Fail(429), Outcome.LIMITED, ClaudeUnavailable),
        (Fail(401), Outcome.MISCONFIGURED, ClaudeMisconfigured),
        (Fail(402), Outcome.MISCONFIGURED, ClaudeMisconfigured),
        (Fail(403), Outcome.MISCONFIGURED, ClaudeMisconfigured),
        (Fail(404), Outcome.MISCONFIGURED, ClaudeMisconfigured),
        (Fail(400, message=SPENT), Outcome.MISCONFIGURED, ClaudeMisconfigured),
        (Fail(400), Outcome.REJECTED, ClaudeRefused),
        (Fail(413), Outcome.REJECTED, ClaudeRefused),
        (HTML_PAGE, Outcome.UNREADABLE, ClaudeUnavailable),
        (EMPTY_OBJECT, Outcome.UNREADABLE, ClaudeUnavailable),
        (CUT_JSON, Outcome.UNREADABLE, ClaudeUnavailable),
        (DROPPED, Outcome.UNREACHABLE, ClaudeUnavailable),
    ],
)
def test_a_failure_is_one_of_our_errors_and_one_row_of_the_ledger(  # noqa: PLR0913, PLR0917 -- a table
    model: Model,
    ledger: Ledger,
    claude: ClaudeServer,
    request_: Request,
    reply: Scripted,
    outcome: Outcome,
    error: type[ClaudeError],
) -> None:
    claude.script(reply)

    with pytest.raises(error):
        model.ask(request_)

    assert [each.outcome for each in ledger.outcomes] == [outcome]


@pytest.mark.parametrize("reply", [OVERLOADED, Fail(429), Fail(401), Fail(400)])
def test_a_request_that_the_api_turned_away_cost_nothing(
    model: Model, ledger: Ledger, claude: ClaudeServer, request_: Request, reply: Scripted
) -> None:
    claude.script(reply)

    with pytest.raises(ClaudeError):
        model.ask(request_)

    assert ledger.outcomes[0].usd == 0


@pytest.mark.parametrize("reply", [HTML_PAGE, EMPTY_OBJECT, CUT_JSON, DROPPED])
def test_what_an_answer_that_did_not_arrive_whole_cost_is_not_known(
    model: Model, ledger: Ledger, claude: ClaudeServer, request_: Request, reply: Scripted
) -> None:
    claude.script(reply)

    with pytest.raises(ClaudeUnavailable):
        model.ask(request_)

    assert ledger.outcomes[0].usd is None


@pytest.mark.parametrize(
    ("reply", "outcome"), [(REFUSAL, Outcome.REFUSED), (CUT_SHORT, Outcome.CUT_SHORT)]
)
def test_a_message_without_an_answer_is_billed_and_told_apart(
    model: Model,
    ledger: Ledger,
    claude: ClaudeServer,
    request_: Request,
    reply: Scripted,
    outcome: Outcome,
) -> None:
    claude.script(reply)

    model.ask(request_)

    assert ledger.outcomes[0].outcome is outcome
    assert ledger.outcomes[0].usd


def test_the_delay_that_the_server_asks_for_is_passed_on_and_not_slept(
    model: Model, claude: ClaudeServer, ledger: Ledger, request_: Request
) -> None:
    claude.script(Fail(429, retry_after=3600))

    with pytest.raises(ClaudeUnavailable) as raised:
        model.ask(request_)

    assert raised.value.retry_after_s == 3600
    assert len(claude.requests) == len(ledger.outcomes) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12),
        ({"retry-after": "12", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
    ],
)
def test_a_delay_is_read_in_each_of_its_forms(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert read_retry_after(httpx2.Headers(headers)) == seconds


def test_a_delay_until_a_date_is_counted_from_now() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    assert read_retry_after(httpx2.Headers({"retry-after": date})) == pytest.approx(60, abs=3)


def test_a_request_that_times_out_may_work_later_and_may_have_cost_something(
    make_client: Callable[..., Client], claude: ClaudeServer, ledger: Ledger, request_: Request
) -> None:
    client = make_client("a-key", claude.base_url, silence_s=0.1)
    model = Model("claude-haiku-5-5", client, ledger.open_call, ledger.close_call)
    claude.script(Delay(0.5))

    with pytest.raises(ClaudeUnavailable):
        model.ask(request_)

    assert (ledger.outcomes[0].outcome, ledger.outcomes[0].usd) == (Outcome.TIMED_OUT, None)


def test_a_server_that_does_not_listen_may_be_back_later(
    make_client: Callable[..., Client], ledger: Ledger, request_: Request
) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        client = make_client("a-key", f"http://127.0.0.1:{unheard.getsockname()[1]}")
        model = Model("claude-haiku-5-5", client, ledger.open_call, ledger.close_call)

        with pytest.raises(ClaudeUnavailable):
            model.ask(request_)

    assert (ledger.outcomes[0].outcome, ledger.outcomes[0].usd) == (Outcome.UNREACHABLE, FREE)


@pytest.mark.parametrize(
    ("api_key", "scheme"), [("a-key", "gopher"), ("a-key\nfrom a file", "http")]
)
def test_a_key_or_an_address_that_no_request_can_carry_is_a_wrong_setting(
    make_client: Callable[..., Client],
    ledger: Ledger,
    claude: ClaudeServer,
    request_: Request,
    api_key: str,
    scheme: str,
) -> None:
    client = make_client(api_key, claude.base_url.replace("http", scheme))
    model = Model("claude-haiku-5-5", client, ledger.open_call, ledger.close_call)

    with pytest.raises(ClaudeMisconfigured):
        model.ask(request_)


def test_a_blank_key_is_told_before_anything_is_sent() -> None:
    with pytest.raises(ClaudeMisconfigured):
        Client("  ", None)


def test_a_process_makes_one_client_for_a_key_and_an_address() -> None:
    assert client_for("a-key", "http://127.0.0.1:9") is client_for("a-key", "http://127.0.0.1:9")


def test_a_model_that_takes_it_is_made_to_use_the_tool(
    model: Model, claude: ClaudeServer, request_: Request
) -> None:
    model.ask(request_)

    assert claude.requests[0]["tool_choice"] == {
        "type": "tool",
        "name": "name_tokens",
        "disable_parallel_tool_use": True,
    }
    assert "thinking" not in claude.requests[0]


def test_a_model_that_may_not_be_forced_is_asked_to_think_little(
    make_client: Callable[..., Client], claude: ClaudeServer, ledger: Ledger, request_: Request
) -> None:
    client = make_client("a-key", claude.base_url)
    model = Model("claude-sonnet-5-5", client, ledger.open_call, ledger.close_call)

    model.ask(request_)

    assert claude.requests[0]["tool_choice"]["type"] == "auto"
    assert claude.requests[0]["thinking"] == {"type": "between_tools"}
    assert claude.requests[0]["output_config"] == {"effort": "low"}


def test_a_model_that_refuses_a_forced_tool_is_asked_at_once_and_from_then_on(
    model: Model, claude: ClaudeServer, ledger: Ledger, request_: Request
) -> None:
    claude.script(Fail(400, message=FORCING))

    model.ask(request_)
    model.ask(request_)

    choices = [each["tool_choice"]["type"] for each in claude.requests]
    assert choices == ["tool", "auto", "auto"]
    assert len(ledger.outcomes) == 3


def test_the_picture_comes_first_and_only_the_system_text_is_cached(
    model: Model, claude: ClaudeServer, request_: Request
) -> None:
    model.ask(request_)

    sent = claude.requests[0]
    assert [block["type"] for block in sent["messages"][0]["content"]] == ["image", "text"]
    assert sent["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert str(sent).count("cache_control") == 1
