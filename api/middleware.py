"""What happens to every request: an id, a line in the log, a limit on its body, HEAD as GET."""

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import limits
from api.errors import answer_error
from shared.db.engine import new_id
from shared.errors import UploadTooLarge

# What may come from outside and stand in logs and rows: no spaces, no quotes, no line breaks.
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# JSON bodies and forms are small; uploads, which are streamed, may be more. Both are parsed before
# anybody asks who sent them, while no other request is served: a form of this size takes 30 ms.
MAX_BODY_BYTES = 64 * 1024
# A list of 20,000 items: twice what an archive may hold.
MAX_LIST_BYTES = 1024 * 1024
# RFC 6797. A year, as browsers want it to remember; what else lives below the name is not ours.
HSTS = "max-age=31536000"

_log = structlog.get_logger("api.requests")


class RequestContext:
    """Gives each request its ``X-Request-ID``, the caller's if that is sane, and logs it."""

    def __init__(self, app: ASGIApp, private: str) -> None:
        """Wrap an application; what is below the ``private`` path is kept by no cache.

        Unless it says more itself: answers hold tokens and secrets (RFC 6749, 5.1).
        """
        self._app = app
        self._private = private

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("x-request-id", "")
        request_id = wanted if _SANE_ID.fullmatch(wanted) else new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                if scope["path"].startswith(self._private):
                    headers.setdefault("Cache-Control", "no-store")
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = HSTS
                headers.update(limits.headers_of(scope["state"].get("limits", ())))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                seconds = round(time.perf_counter() - started, 4)
                what = {"method": scope["method"], "path": scope["path"]}
                _log.info("request", **what, status=status, seconds=seconds)


class HeadAsGet:
    """Answers HEAD as GET, less the body: RFC 9110, 9.3.2 wants it of every resource."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            # A stream without end learns that its reader has left, as the answer is complete.
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app({**scope, "method": "GET"}, receive, send_head)


class BodyLimit:
    """Answers 413 to a body that is larger than any that is not streamed may be."""

    def __init__(self, app: ASGIApp, streamed: re.Pattern[str], lists: re.Pattern[str]) -> None:
        """Wrap an application; the ``streamed`` paths bound their bodies, ``lists`` are longer."""
        self._app = app
        self._streamed = streamed
        self._lists = lists

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or self._streamed.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        limit = MAX_LIST_BYTES if self._lists.fullmatch(scope["path"]) else MAX_BODY_BYTES
        detail = f"the body is over the limit of {limit} bytes"
        if _declared_bytes(scope) > limit:
            response = answer_error(Request(scope), UploadTooLarge(detail))
            await response(scope, receive, send)
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # FastAPI turns any other exception that reading a body meets into a 400.
                raise HTTPException(413, detail)
            return message

        await self._app(scope, receive_within_limit, send)


def _declared_bytes(scope: Scope) -> int:
    """Return the body's declared length, 0 when it declares none."""
    declared = Headers(scope=scope).get("content-length", "")
    return int(declared) if declared.isdecimal() else 0
