"""A Claude that answers over real HTTP: llmock, taught to name what it is asked about.

Without a script it answers every request with a good tool call for the ids that stand in it.
A script is llmock's own behaviours (``Fail``, ``Reply``, ``Delay``) and ``Raw`` for bodies that
llmock cannot send, one a request, in order. As a program it serves until it is stopped::

    python -m tests.fakes.claude --port 8099
    ANTHROPIC_BASE_URL=http://127.0.0.1:8099/anthropic ANTHROPIC_API_KEY=any copythat up
"""

import argparse
import asyncio
import base64
import json
import math
import re
import signal
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self

from llmock.chaos import ChaosSettings
from llmock.scenarios import Delay, Fail, Plan, Reply, RequestInfo, ScenarioQueue, ToolCall
from llmock.testing import LLMockServer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.claude.traits import traits_of
from tests.fakes.batches import Batches
from tests.fakes.tokenizer import count_text_tokens

PATCH_PX = 28  # a token of a picture
TOOL_USE_TOKENS = 346  # what the API adds to a request with a tool, as documented in 2025
TOOL_CALL_TOKENS = 30  # around the arguments of a tool call
UNFORCEABLE = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-fable", "claude-mythos")

_LINE = re.compile(r"^([cstgh])(\d+) (.*)$", re.MULTILINE)
_ARRAYS = {"c": "colors", "s": "spacing", "t": "typography", "h": "shadows", "g": "gradients"}
_COLOR_ROLES = ("background", "surface", "text", "border")
_STYLES = ((32, "display"), (20, "heading"), (16, "subheading"), (14, "body"), (0, "caption"))
_STEPS = ("hairline", "tight", "close", "snug", "base", "loose", "wide", "far", "section")


@dataclass(frozen=True)
class Raw:
    """A response as bytes. Less body than ``length`` drops the connection half way."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    length: int | None = None


@dataclass(frozen=True)
class Twist:
    """A good answer, with the arguments of its tool call made into others."""

    change: Callable[[dict[str, Any]], Any]


Scripted = Fail | Reply | Delay | Raw | Twist

_current: ContextVar[tuple[dict[str, Any], Scripted | None]] = ContextVar("current")

HTML_PAGE = Raw(b"<html><body>Please log in to the network</body></html>", "text/html")
EMPTY_OBJECT = Raw(b"{}")
CUT_JSON = Raw(b'{"id": "msg_1", "type": "message", "content": [{"type": "te')
DROPPED = Raw(b'{"id": "msg_1", ', length=4096)

REFUSAL = Reply(text="I can't help with this image.", finish_reason="refusal")
NO_TOOL_CALL = Reply(text="What a nice dashboard!", finish_reason="end_turn")
CUT_SHORT = Reply(text="", finish_reason="max_tokens")
OVERLOADED = Fail(529)


class ClaudeServer:
    """The server in a thread of this process: ``with ClaudeServer() as claude: ...``."""

    def __init__(self, port: int = 0, latency_ms: int = 0) -> None:
        self._server = LLMockServer(port=port, chaos=ChaosSettings(latency_ms=latency_ms))
        self._script: deque[Scripted] = deque()
        self.always: Scripted | None = None
        self.latency_s = 0.0
        # What the models API knows: by id, what is other than usual.
        self.models: dict[str, dict[str, Any]] = {"claude-haiku-5-5": {}}
        # Headers of every message, such as what the rate limits leave.
        self.rate_limits: dict[str, str] = {}
        self.in_flight = 0
        # Messages that were made, and so paid for, whoever got them.
        self.paid = 0
        # What it runs in, known from its first request on.
        self.loop: asyncio.AbstractEventLoop | None = None
        self.prompt_cache = PromptCache()
        self.requests: list[dict[str, Any]] = []
        # The same as they came in.
        self.bodies: list[bytes] = []
        # What was said to have been used, one a message.
        self.usages: list[dict[str, int]] = []
        self.headers: list[dict[str, str]] = []
        self.batches = Batches(self._answer_in_batch, lambda: self.base_url)
        self._server.state.scenarios = _NamingQueue()
        self._server.app.add_middleware(_Border, server=self)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def go_away(self) -> None:
        """Refuse connections, once those that are open have had their answers."""
        self._server.stop()

    def come_back(self) -> None:
        """Listen again where it did."""
        self._server.start()

    @property
    def base_url(self) -> str:
        """What ``ANTHROPIC_BASE_URL`` is set to."""
        return str(self._server.base_url("anthropic"))

    def reset_connections(self) -> int:
        """Reset every open connection, whatever it carries, and return how many there were."""
        if self.loop is None:
            return 0
        return asyncio.run_coroutine_threadsafe(self._reset_connections(), self.loop).result()

    async def _reset_connections(self) -> int:
        uvicorn: Any = self._server._server  # noqa: SLF001 -- llmock shows it nowhere else
        connections = list(uvicorn.server_state.connections)
        for connection in connections:
            # Closed without lingering, a socket is reset (socket(7), SO_LINGER).
            opened = connection.transport.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.transport.abort()
        return len(connections)

    def script(self, *replies: Scripted) -> None:
        """Add replies, taken one a request in this order; then ``always``, then good ones."""
        self._script.extend(replies)

    def reset(self) -> None:
        """Forget requests and scripts."""
        self._server.state.reset()
        self._script.clear()
        self.always = None
        self.latency_s = 0.0
        self.rate_limits = {}
        self.paid = 0
        self.prompt_cache.clear()
        self.requests.clear()
        self.bodies.clear()
        self.usages.clear()
        self.headers.clear()
        self.batches.reset()

    def next_reply(self) -> Scripted | None:
        """Return what is scripted for a request that came in just now."""
        return self._script.popleft() if self._script else self.always

    def describe(self, model: str) -> Raw:
        """Return what the models API says of a model, as ``models`` has it."""
        if isinstance(self.always, Raw):
            return self.always
        if (facts := self.models.get(model)) is None:
            error = {"type": "not_found_error", "message": f"model: {model}"}
            return Raw(json.dumps({"type": "error", "error": error}).encode(), status=404)
        return Raw(json.dumps(model_info(model, **facts)).encode())

    def _answer_in_batch(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return what a request of a batch comes to."""
        if refused := _refuse(params):
            error = {"type": "invalid_request_error", "message": refused.message}
            return {"type": "error", "error": error}
        call = answer(params)
        content = [
            {"type": "tool_use", "id": "toolu_1", "name": call.name, "input": call.arguments}
        ]
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": params["model"],
            "content": content,
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": count_usage(params, content, is_cached=True),
        }


class _NamingQueue(ScenarioQueue):
    """llmock's queue, with the script of ``ClaudeServer`` and good answers behind it."""

    def plan_for(self, info: RequestInfo) -> Plan:
        """Return what llmock was told over its own HTTP interface, else what we script."""
        told = super().plan_for(info)
        if not told.is_empty:
            return told
        body, scripted = _current.get()
        if isinstance(scripted, Fail):
            return Plan(fail=scripted)
        if isinstance(scripted, Reply):
            return Plan(reply=scripted)
        if refused := _refuse(body):
            return Plan(fail=refused)
        delay = scripted if isinstance(scripted, Delay) else None
        call = answer(body)
        if isinstance(scripted, Twist):
            call = ToolCall(call.name, scripted.change(call.arguments))
        return Plan(delay=delay, reply=Reply(tool_calls=(call,)))


def model_info(
    model: str,
    lifecycle: str = "active",
    retires_at: str | None = None,
    *,
    images: bool = True,
    strict: bool = True,
) -> dict[str, Any]:
    """Return a model as the API describes it; capabilities that we do not read are all there."""
    yes, no = {"supported": True}, {"supported": False}
    return {
        "id": model,
        "type": "model",
        "display_name": model,
        "created_at": "2026-06-01T00:00:00Z",
        "lifecycle": lifecycle,
        "deprecated_at": None,
        "retires_at": retires_at,
        "capabilities": {
            "image_input": yes if images else no,
            "structured_outputs": yes if strict else no,
        },
    }


def _refuse(body: dict[str, Any]) -> Fail | None:
    """Return the error that the API gives for a tool that may not be forced."""
    forced = body.get("tool_choice", {}).get("type") in {"tool", "any"}
    if forced and str(body.get("model")).startswith(UNFORCEABLE):
        return Fail(400, message="tool_choice: this model supports only auto and none")
    return None


def answer(body: dict[str, Any]) -> ToolCall:
    """Return a tool call that names every id in a request, each by what its line says."""
    arguments: dict[str, list[Any]] = {
        key: [] for key in body["tools"][0]["input_schema"]["properties"]
    }
    for letter, number, line in _LINE.findall(_text(body)):
        if (items := arguments.get(_ARRAYS[letter])) is not None:
            items.append(_item(letter, int(number), line))
    return ToolCall(body["tools"][0]["name"], arguments)


def _text(body: dict[str, Any]) -> str:
    """Return the text of a request's user turn."""
    blocks = body["messages"][0]["content"]
    return "\n".join(block["text"] for block in blocks if block["type"] == "text")


def _image(body: dict[str, Any]) -> bytes | None:
    """Return the first picture of a request."""
    for block in body["messages"][0]["content"]:
        if isinstance(block, dict) and block["type"] == "image":
            return base64.b64decode(block["source"]["data"])
    return None


def _item(letter: str, number: int, line: str) -> dict[str, Any]:
    """Return the item for one line: a guess at what a careful reader would say."""
    role, slug = _guess(letter, number, line)
    item: dict[str, Any] = {
        "i": f"{letter}{number}",
        "n": slug,
        "p": 90,
        "d": f"Seen as {role}",
        "r": role,
    }
    if letter == "s":
        item["u"] = "px"
    if letter == "t":
        item["f"] = "sans"
    return item


def _guess(letter: str, number: int, line: str) -> tuple[str, str]:
    """Return a role and a name for a line."""
    if letter == "c":
        role = next((each for each in _COLOR_ROLES if each in line), "primary")
        return role, role
    if letter == "s":
        role = next(each for each in ("padding", "gap", "margin") if each in line)
        px = float(line.partition("px")[0])
        step = _STEPS[min(len(_STEPS) - 1, round(px) // 4)]
        return role, f"{role}-{step}"
    if letter == "t":
        size = float(re.split(r"[/ ]", line)[0])
        role = next(name for least, name in _STYLES if size >= least)
        return role, role
    if letter == "h":
        return ("card", "card") if number == 1 else ("raised", "raised")
    return ("hero", "hero") if number == 1 else ("decorative", "accent")


class PromptCache:
    """Which beginnings of requests a server has read before; time does not pass in it.

    As documented, an entry can be read once an answer has begun: requests side by side each write.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()

    def knows(self, request: dict[str, Any]) -> bool:
        """Tell whether a request's system text and tools were read for its model."""
        return _prefix(request) in self._known

    def learn(self, request: dict[str, Any]) -> None:
        """Keep a request's system text and tools."""
        self._known.add(_prefix(request))

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()


def _prefix(request: dict[str, Any]) -> str:
    return _compact([request["model"], request.get("system", ""), request["tools"]])


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def count_usage(
    request: dict[str, Any], output: Sequence[Any], *, is_cached: bool
) -> dict[str, int]:
    """Return a usage near what the API would bill.

    The picture by the documented formula, text by an estimate near a published tokenizer. System
    text and tools are read from the prompt cache or written to it, if they are long enough for it.
    """
    standing = _count_standing(request)
    cached = standing if standing >= traits_of(request["model"]).min_cached_tokens else 0
    fresh = _count_picture(request) + count_text_tokens(_text(request))
    return {
        "input_tokens": fresh + standing - cached,
        "output_tokens": max(1, sum(_count_block(block) for block in output)),
        "cache_creation_input_tokens": 0 if is_cached else cached,
        "cache_read_input_tokens": cached if is_cached else 0,
    }


def _count_picture(request: dict[str, Any]) -> int:
    image = _image(request)
    if image is None:
        return 0
    width, height = (int.from_bytes(image[at : at + 4], "big") for at in (16, 20))
    return math.ceil(width / PATCH_PX) * math.ceil(height / PATCH_PX)


def _count_standing(request: dict[str, Any]) -> int:
    system = "".join(block["text"] for block in request.get("system", ()))
    tools = sum(count_text_tokens(_compact(tool)) for tool in request["tools"])
    return count_text_tokens(system) + tools + TOOL_USE_TOKENS


def _count_block(block: dict[str, Any]) -> int:
    if block["type"] == "tool_use":
        return count_text_tokens(_compact(block["input"])) + TOOL_CALL_TOKENS
    return count_text_tokens(block.get("text", ""))


class _Border:
    """Records what comes in, sends raw bodies, and adds to llmock's messages what they lack."""

    def __init__(self, app: ASGIApp, server: ClaudeServer) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "/v1/messages/batches" in scope["path"]:
            await self._server.batches.serve(scope, await _read(receive), send)
            return
        if scope["type"] == "http" and "/v1/models/" in scope["path"]:
            await _send_raw(self._server.describe(scope["path"].rpartition("/")[2]), send)
            return
        if scope["type"] != "http" or not scope["path"].endswith("/v1/messages"):
            await self._app(scope, receive, send)
            return
        self._server.loop = asyncio.get_running_loop()
        self._server.in_flight += 1
        try:
            await self._answer(scope, await _read(receive), send)
        finally:
            self._server.in_flight -= 1

    async def _answer(self, scope: Scope, body: bytes, send: Send) -> None:
        request = json.loads(body)
        self._server.bodies.append(body)
        number = self._record(request, scope)
        scripted = self._server.next_reply()
        await asyncio.sleep(self._server.latency_s)
        if isinstance(scripted, Raw):
            await _send_raw(scripted, send)
            return
        _current.set((request, scripted))
        completed = _Completed(send, request, number, self._server)
        await self._app(scope, _replay(body), completed)

    def _record(self, request: dict[str, Any], scope: Scope) -> int:
        self._server.requests.append(request)
        headers = {key.decode(): value.decode("latin-1") for key, value in scope["headers"]}
        self._server.headers.append(headers)
        return len(self._server.requests)


class _Completed:
    """A ``send`` that gives a message its request id and a full usage."""

    def __init__(
        self, send: Send, request: dict[str, Any], number: int, server: ClaudeServer
    ) -> None:
        self._send = send
        self._request = request
        self._number = number
        self._server = server
        self._is_cached = server.prompt_cache.knows(request)
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self._complete()
        kept = [each for each in self._start["headers"] if each[0] != b"content-length"]
        added = [
            (b"content-length", str(len(body)).encode()),
            (b"request-id", f"req_{self._number:06d}".encode()),
            *((key.encode(), value.encode()) for key, value in self._server.rate_limits.items()),
        ]
        await self._send({**self._start, "headers": [*kept, *added]})
        await self._send({"type": "http.response.body", "body": body})

    def _complete(self) -> bytes:
        reply = json.loads(self._body)
        if reply.get("type") != "message":
            return self._body
        self._server.paid += 1
        self._server.prompt_cache.learn(self._request)
        reply["usage"] = count_usage(self._request, reply["content"], is_cached=self._is_cached)
        self._server.usages.append(reply["usage"])
        return json.dumps(reply).encode()


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _send_raw(raw: Raw, send: Send) -> None:
    length = len(raw.body) if raw.length is None else raw.length
    headers = [
        (b"content-type", raw.content_type.encode()),
        (b"content-length", str(length).encode()),
    ]
    await send({"type": "http.response.start", "status": raw.status, "headers": headers})
    whole = length == len(raw.body)
    await send({"type": "http.response.body", "body": raw.body, "more_body": not whole})


def main() -> None:
    """Serve until interrupted or terminated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--latency-ms", type=int, default=0)
    arguments = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with ClaudeServer(arguments.port, arguments.latency_ms) as server:
        print(f"ANTHROPIC_BASE_URL={server.base_url}", flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
