"""HTTP as the server speaks it: what is no HTTP, too large or too slow ends as a problem.

uvicorn bounds neither the head of a request nor the time that one takes to come, so a client that
sends a byte now and then would keep its connection for as long as it likes.
"""

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.errors import PROBLEM_TYPE
from shared.db.engine import new_id
from shared.errors import InvalidRequest, Problem

# Cookies, a bearer token and a long query fit into half of it.
MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
# From the connection, or the first byte of a later request, to the end of its headers.
HEAD_S = 10.0
# A body may be silent for so long. What it sends makes up for silence at the least rate: a tenth
# of what a slow phone sends, and what Apache's mod_reqtimeout asks for.
BODY_S = 30.0
LEAST_BYTES_PER_S = 500
LOOK_EVERY_S = 0.25
# How long a reader may leave an answer lying.
STALLED_S = 60.0
# How long a client may go on sending what was answered already.
LINGER_S = 5.0

# What says that a body follows.
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_Refusal = tuple[HTTPStatus, str, str]
_NO_HTTP = (HTTPStatus.BAD_REQUEST, InvalidRequest.code, InvalidRequest.title)
_LARGE = (
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers_too_large",
    "The request line and headers are too large",
)
_SLOW = (HTTPStatus.REQUEST_TIMEOUT, "request_timeout", "The request took too long to come")


class Protocol(HttpToolsProtocol):
    """One connection. Times are in seconds; see the constants."""

    head_s = HEAD_S
    body_s = BODY_S
    stalled_s = STALLED_S
    linger_s = LINGER_S

    # What is known of the request that is coming. Bare bytes came since its last piece of a body:
    # a head, what chunks say of themselves, the fields behind a body.
    _bare_bytes = 0
    _body_bytes = 0
    _in_head = True
    _in_body = False
    _refusal: _Refusal = _NO_HTTP
    _refused = False
    # The request that is being answered; more may be in line.
    _answered: RequestResponseCycle | None = None
    # What ends the connection: when a request is slow to come, when an answer is not read.
    _slow: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _body_left_s = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more, and let no request that is in line begin."""
        self._set_slow(None)
        self.pipeline.clear()
        if self._answered is not None:
            # uvicorn tells the newest request alone.
            self._answered.disconnected = True
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless too much came since the last piece of a body."""
        if self._refused:
            return
        self._bare_bytes += len(data)
        super().data_received(data)
        if self._bare_bytes > MAX_HEAD_BYTES:
            self._refuse(_LARGE, f"they are over the limit of {MAX_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        """Begin with a request's head."""
        super().on_message_begin()
        self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; fields behind a body are not asked for (RFC 9110, 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Go on to the body, unless the head is larger than ours are, or ends in another protocol.

        We speak no other one. But the parser takes what follows such a head for no body of it, and
        then for the next request, where a proxy in front takes it for the body that it is.
        """
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._refusal = _LARGE
            raise ValueError(f"over {MAX_HEAD_BYTES} bytes or {MAX_HEADERS} headers")
        if self.parser.should_upgrade() and any(name in _FRAMING for name, _ in self.headers):
            raise ValueError("a body in another protocol")
        self._in_head, self._in_body, self._bare_bytes, self._body_bytes = False, True, 0, 0
        self._body_left_s = self.body_s
        self._set_slow(LOOK_EVERY_S, self._look_at_body)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count what comes."""
        self._bare_bytes = 0
        self._body_bytes += len(body)
        left_s = self._body_left_s + len(body) / LEAST_BYTES_PER_S
        self._body_left_s = min(self.body_s, left_s)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop waiting: the request is here."""
        self._in_head, self._in_body, self._bare_bytes = True, False, 0
        self._set_slow(None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Let what is left of the body come for a while, or wait for the next request."""
        super().on_response_complete()
        if self._in_body:
            self._set_slow(self.linger_s, self.transport.abort)

    def pause_writing(self) -> None:
        """Wait for the reader of an answer, and not for good."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: something was read."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that cannot be read, and hang up."""
        self._refuse(self._refusal, msg)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _await_head(self) -> None:
        said = f"no headers within {self.head_s:g} s"
        self._set_slow(self.head_s, lambda: self._refuse(_SLOW, said))

    def _look_at_body(self) -> None:
        """Take the time that has passed from what the body has, unless it was us who waited."""
        if not self.flow.read_paused:
            self._body_left_s -= LOOK_EVERY_S
        if self._body_left_s <= 0:
            said = f"{self._body_bytes} bytes of the body had come"
            self._refuse(_SLOW, said)
            return
        self._set_slow(LOOK_EVERY_S, self._look_at_body)

    def _set_slow(self, after_s: float | None, then: Callable[[], None] = lambda: None) -> None:
        if self._slow is not None:
            self._slow.cancel()
        self._slow = None if after_s is None else self.loop.call_later(after_s, then)

    def _refuse(self, refusal: _Refusal, detail: str) -> None:
        """Answer with a problem, unless an answer is under way, and hang up after a while.

        What still comes is not looked at. To hang up on it at once would reset the connection,
        and the answer would be lost with it (RFC 9112, 9.6).
        """
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        answering = self._answered is not None and not self._answered.response_complete
        if self._answered is not None and answering and self._answered.response_started:
            self.transport.abort()
            return
        if self._answered is not None:
            self._answered.disconnected = True
            self._answered.message_event.set()
        self.transport.write(_problem(refusal, detail))
        self.transport.write_eof()
        self._set_slow(self.linger_s, self.transport.abort)


def _problem(refusal: _Refusal, detail: str) -> bytes:
    """Return the answer to a request that no application saw."""
    status, code, title = refusal
    problem = Problem(code, title, detail)
    body = json.dumps(problem.as_dict() | {"status": status.value, "instance": ""}).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {PROBLEM_TYPE}",
        f"Content-Length: {len(body)}",
        f"X-Request-ID: {new_id('req')}",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body
