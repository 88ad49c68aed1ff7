"""What a client does with a stream of Server-Sent Events (HTML standard, section 9.2)."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Event:
    """One event. ``id`` is what a client that reconnects then sends."""

    name: str
    id: str
    data: dict[str, Any]


def events_of(answer: httpx.Response) -> Iterator[Event]:
    """Yield the events of a stream; comments and reconnection times are passed over."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(":")
        if line:
            fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields:
            yield Event(fields["event"], fields.get("id", ""), json.loads(fields["data"]))
        fields = {}


@contextmanager
def listening(
    client: httpx.Client, job: Mapping[str, Any], after: str | None = None, **params: str
) -> Iterator[Iterator[Event]]:
    """Follow a job, from behind an event that is known; yields its events as they come."""
    headers = {} if after is None else {"Last-Event-ID": after}
    with client.stream("GET", job["links"]["events"], headers=headers, params=params) as answer:
        assert answer.status_code == 200, answer.read()
        yield events_of(answer)
