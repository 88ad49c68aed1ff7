"""Every wrong reply that is known of the API, and what the image it was about ends as.

One table for the tests of the border, over the SDK alone, and for those of the whole service.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from llmock.scenarios import Delay, Fail, Reply, ToolCall

from tests.fakes.claude import (
    CUT_JSON,
    CUT_SHORT,
    DROPPED,
    EMPTY_OBJECT,
    HTML_PAGE,
    NO_TOOL_CALL,
    OVERLOADED,
    REFUSAL,
    Raw,
    Scripted,
    Twist,
)

# Longer than a test lets a client wait.
SILENCE_S = 3.0
SPENT = "You have reached your specified API usage limits."
FORCING = "tool_choice: this model supports only auto and none"


class End(Enum):
    """What becomes of an image."""

    REPAIRED = auto()  # named, and nobody was asked twice
    ASKED_AGAIN = auto()  # named by a second answer, asked for at once
    LATER = auto()  # named by a later try, which the engine makes
    DEGRADED = auto()  # named by rule, after one call
    CLOSED = auto()  # named by rule, and all others until the account is mended


@dataclass(frozen=True)
class Wrong:
    """One wrong reply, and how it ends."""

    name: str
    reply: Scripted
    end: End


def message(**changes: object) -> Raw:
    """Return a message that lacks nothing but what is changed."""
    whole: dict[str, object] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1},
    }
    return Raw(json.dumps(whole | changes).encode())


def error(status: int, kind: str, text: str, **details: object) -> Raw:
    """Return an error in the API's own form."""
    told = {"type": kind, "message": text, **details}
    return Raw(json.dumps({"type": "error", "error": told}).encode(), status=status)


def each_item(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Twist:
    """Return an answer whose every item is made into another."""

    def twist(arguments: dict[str, Any]) -> dict[str, Any]:
        return {
            array: [change(item) if isinstance(item, dict) else item for item in items]
            for array, items in arguments.items()
        }

    return Twist(twist)


def _with_strangers(arguments: dict[str, Any]) -> dict[str, Any]:
    strangers = [{"i": each, "n": "stranger", "p": 99, "d": "", "r": "other"} for each in _IDS]
    return arguments | {"colors": [*strangers, *arguments["colors"]], "drop": _IDS}


def _twice(arguments: dict[str, Any]) -> dict[str, Any]:
    others = {
        array: [*items, *({**item, "n": "another"} for item in items)]
        for array, items in arguments.items()
        if array not in {"drop", "missed"}
    }
    return arguments | others


_IDS = ["c99", "c0", "C1000", "../../etc/passwd", "c1; drop table", "", "r1"]
_NO_MESSAGE = Raw(b'["not", "a", "message"]')

WRONG_REPLIES = (
    Wrong("HTML at 200", HTML_PAGE, End.LATER),
    Wrong("an empty object at 200", EMPTY_OBJECT, End.LATER),
    Wrong("an array at 200", _NO_MESSAGE, End.LATER),
    Wrong("nothing at 200", Raw(b""), End.LATER),
    Wrong("no content", message(content=None), End.LATER),
    Wrong("no reason to stop", message(stop_reason=None), End.LATER),
    Wrong("empty content", message(), End.ASKED_AGAIN),
    Wrong("no usage", message(usage=None), End.ASKED_AGAIN),
    Wrong("blocks that are none", message(content=[None, 7, {"type": 3}]), End.ASKED_AGAIN),
    Wrong("cut JSON", CUT_JSON, End.LATER),
    Wrong("a dropped connection", DROPPED, End.LATER),
    Wrong("silence", Delay(SILENCE_S), End.LATER),
    Wrong("unknown ids", Twist(_with_strangers), End.REPAIRED),
    Wrong("ids twice", Twist(_twice), End.REPAIRED),
    Wrong("duplicate names", each_item(lambda item: item | {"n": "same"}), End.REPAIRED),
    Wrong("unknown roles", each_item(lambda item: item | {"r": "logo"}), End.REPAIRED),
    Wrong("no confidence", each_item(lambda item: item | {"p": None}), End.REPAIRED),
    Wrong("names of nothing", each_item(lambda item: item | {"n": "<>"}), End.ASKED_AGAIN),
    Wrong("no ids", each_item(lambda item: item | {"i": None}), End.ASKED_AGAIN),
    Wrong("no arrays", Twist(lambda _: {"colors": 7, "drop": "c1"}), End.ASKED_AGAIN),
    Wrong("another tool", Reply(tool_calls=(ToolCall("run", {"x": 1}),)), End.ASKED_AGAIN),
    Wrong("a refusal", REFUSAL, End.DEGRADED),
    Wrong("max_tokens", CUT_SHORT, End.ASKED_AGAIN),
    Wrong("a full context", message(stop_reason="model_context_window_exceeded"), End.ASKED_AGAIN),
    Wrong("no tool call", NO_TOOL_CALL, End.ASKED_AGAIN),
    Wrong("400 for a forced tool", Fail(400, message=FORCING), End.ASKED_AGAIN),
    Wrong("400", Fail(400), End.DEGRADED),
    Wrong("413", Fail(413), End.DEGRADED),
    Wrong("429", Fail(429), End.LATER),
    Wrong("429 after 0 s", Fail(429, retry_after=0), End.LATER),
    Wrong("429 after 5 s", Fail(429, retry_after=5), End.LATER),
    Wrong("429 after 3600 s", Fail(429, retry_after=3600), End.LATER),
    Wrong("500", Fail(500), End.LATER),
    Wrong("529", OVERLOADED, End.LATER),
    Wrong("400 for a spent limit", Fail(400, message=SPENT), End.CLOSED),
    Wrong(
        "429 for a spent limit",
        error(
            429,
            "rate_limit_error",
            "This request would exceed your organization's spend limit.",
            details={"error_code": "enforced_spend_limit_reached"},
        ),
        End.CLOSED,
    ),
    Wrong("401", Fail(401), End.CLOSED),
    Wrong("403", Fail(403), End.CLOSED),
)
