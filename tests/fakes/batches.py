"""The Message Batches of the Claude that answers over HTTP.

A batch is answered when it ends: by itself after ``ends_after_s``, or when a test says so. Results
come in an order of their own, and ``request_counts`` say nothing until then, as with the API.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.types import Message, Scope, Send

PATH = re.compile(r"/v1/messages/batches(?:/(?P<id>[^/]+)(?:/(?P<action>results|cancel))?)?$")
LOOK_EVERY_S = 0.02
KINDS = ("succeeded", "errored", "canceled", "expired")

Answer = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class Batch:
    """A batch as the API has it."""

    id: str
    requests: dict[str, dict[str, Any]]
    ends_at_s: float
    created_at: datetime
    canceling: bool = False
    results: dict[str, dict[str, Any]] | None = None

    def status(self) -> str:
        if self.results is not None:
            return "ended"
        return "canceling" if self.canceling else "in_progress"


@dataclass
class Batches:
    """All batches, and what the next ones are to go through.

    ``drop_before`` and ``drop_after`` are submissions whose connection is cut before, or after,
    the batch was made. ``fates`` say by the number of the request what it comes to.
    """

    answer: Answer
    url: Callable[[], str]
    ends_after_s: float | None = 0.2
    drop_before: int = 0
    drop_after: int = 0
    # After so many lines the next results break off.
    cut_results: int | None = None
    # Submissions and results that are left hanging, the one when the batch was made and the other
    # half way, for as long as their name stands in here; who hangs enters the other.
    hold: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    failures: list[tuple[int, str]] = field(default_factory=list)
    fates: dict[int, str] = field(default_factory=dict)
    all: list[Batch] = field(default_factory=list)
    submissions: int = 0
    paid: int = 0
    # What each request was paid, by the work it is about.
    asked: list[str] = field(default_factory=list)

    def reset(self) -> None:
        """Forget batches and scripts."""
        fresh = Batches(self.answer, self.url)
        for name in vars(self):
            setattr(self, name, getattr(fresh, name))

    def add(self, requests: dict[str, dict[str, Any]]) -> Batch:
        """Take a batch, ours or a stranger's of the same account."""
        after_s = float("inf") if self.ends_after_s is None else self.ends_after_s
        made = Batch(
            f"msgbatch_{len(self.all):04d}",
            requests,
            time.monotonic() + after_s,
            datetime.now(UTC) + timedelta(microseconds=len(self.all)),
        )
        self.all.append(made)
        return made

    def end_all(self) -> None:
        """End every batch now."""
        for batch in self.all:
            self.end(batch)

    def end(self, batch: Batch) -> None:
        """Answer every request of a batch."""
        if batch.results is not None:
            return
        results = {}
        for number, (custom_id, params) in enumerate(batch.requests.items()):
            kind = "canceled" if batch.canceling else self.fates.get(number, "succeeded")
            results[custom_id] = self._result(kind, params)
            if results[custom_id]["type"] == "succeeded":
                self.paid += 1
                self.asked.append(custom_id)
        batch.results = results

    def _result(self, kind: str, params: dict[str, Any]) -> dict[str, Any]:
        if kind == "succeeded":
            message = self.answer(params)
            if message.get("type") == "error":
                return {"type": "errored", "error": message}
            return {"type": "succeeded", "message": message}
        if kind == "errored":
            error = {"type": "api_error", "message": "Internal server error"}
            return {"type": "errored", "error": {"type": "error", "error": error}}
        return {"type": kind}

    async def serve(self, scope: Scope, body: bytes, send: Send) -> None:
        """Answer a request to one of the API's addresses."""
        for batch in self.all:
            if batch.ends_at_s <= time.monotonic():
                self.end(batch)
        found = PATH.search(scope["path"])
        assert found is not None
        if found["id"] is None:
            if scope["method"] == "POST":
                await self._create(body, send)
            else:
                await self._list(send)
            return
        for known in self.all:
            if known.id == found["id"]:
                await self._serve_one(known, found["action"], send)
                return
        await _send_error(send, 404, "not_found_error")

    async def _serve_one(self, batch: Batch, action: str | None, send: Send) -> None:
        if action == "results":
            await self._send_results(batch, send)
            return
        if action == "cancel":
            batch.canceling = True
            batch.ends_at_s = min(batch.ends_at_s, time.monotonic() + 0.1)
        await _send_json(send, self.show(batch))

    async def _create(self, body: bytes, send: Send) -> None:
        self.submissions += 1
        if self.failures:
            status, kind = self.failures.pop(0)
            await _send_error(send, status, kind)
            return
        if self.drop_before:
            self.drop_before -= 1
            await _cut(send)
            return
        requests = json.loads(body)["requests"]
        assert len({each["custom_id"] for each in requests}) == len(requests)
        batch = self.add({each["custom_id"]: each["params"] for each in requests})
        if self.drop_after:
            self.drop_after -= 1
            await _cut(send)
            return
        await self._hang("create")
        await _send_json(send, self.show(batch))

    async def _hang(self, what: str) -> None:
        while what in self.hold:
            self.held.add(what)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _list(self, send: Send) -> None:
        newest_first = [self.show(batch) for batch in reversed(self.all)]
        page = {"data": newest_first, "has_more": False, "first_id": None, "last_id": None}
        await _send_json(send, page)

    async def _send_results(self, batch: Batch, send: Send) -> None:
        if batch.results is None:
            await _send_error(send, 404, "not_found_error")
            return
        lines = [{"custom_id": each, "result": end} for each, end in batch.results.items()]
        # The API promises no order: the last come first.
        whole = [json.dumps(line) + "\n" for line in reversed(lines)]
        if self.cut_results is not None:
            part = "".join(whole[: self.cut_results]).encode()
            self.cut_results = None
            await _send(send, 200, part, b"application/x-jsonl", length=len(part) + 4096)
            return
        if "results" in self.hold:
            middle = len(whole) // 2
            await _begin(send, "".join(whole[:middle]).encode(), len("".join(whole).encode()))
            await self._hang("results")
            await send({"type": "http.response.body", "body": "".join(whole[middle:]).encode()})
            return
        text = "".join(whole)
        await _send(send, 200, text.encode(), b"application/x-jsonl")

    def show(self, batch: Batch) -> dict[str, Any]:
        """Return a batch in the API's form."""
        counts = dict.fromkeys(KINDS, 0) | {"processing": len(batch.requests)}
        if batch.results is not None:
            kinds = [end["type"] for end in batch.results.values()]
            counts = {kind: kinds.count(kind) for kind in KINDS} | {"processing": 0}
        ended = batch.results is not None
        now = datetime.now(UTC).isoformat()
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": batch.status(),
            "request_counts": counts,
            "created_at": batch.created_at.isoformat(),
            "expires_at": (batch.created_at + timedelta(days=1)).isoformat(),
            "ended_at": now if ended else None,
            "archived_at": None,
            "cancel_initiated_at": now if batch.canceling else None,
            "results_url": f"{self.url()}/v1/messages/batches/{batch.id}/results"
            if ended
            else None,
        }


async def _send_json(send: Send, value: object) -> None:
    await _send(send, 200, json.dumps(value).encode(), b"application/json")


async def _send_error(send: Send, status: int, kind: str) -> None:
    error = {"type": "error", "error": {"type": kind, "message": kind.replace("_", " ")}}
    await _send(send, status, json.dumps(error).encode(), b"application/json")


async def _cut(send: Send) -> None:
    """Begin an answer and leave it at that."""
    await _send(send, 200, b'{"id": "msg', b"application/json", length=4096)


async def _begin(send: Send, body: bytes, length: int) -> None:
    """Send the first part of an answer."""
    headers = [
        (b"content-type", b"application/x-jsonl"),
        (b"content-length", str(length).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _send(
    send: Send, status: int, body: bytes, content_type: bytes, length: int | None = None
) -> None:
    size = len(body) if length is None else length
    headers = [(b"content-type", content_type), (b"content-length", str(size).encode())]
    start: Message = {"type": "http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": size != len(body)})
