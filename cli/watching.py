"""Following a job to its end: by its events, and by asking again where no stream is to be had."""

import json
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
import typer

from cli import screen
from cli.client import Client, job_path
from cli.failure import ExitCode, Failure

ENDED = frozenset({"succeeded", "partially_succeeded", "failed", "canceled", "expired"})
# A service that restarts is back by then; one that is not is taken for gone.
PATIENCE_S = 30.0
RETRY_EVERY_S = 0.5
# The service says something every 15 s; a stream that is silent for longer is none.
SILENCE_S = 40.0
# As shells report a program that Ctrl-C ended: 128 and the number of SIGINT.
INTERRUPTED = 130
# The id before the first event: a watcher hears of every image, those that have ended, too.
START = "0"

Job = dict[str, Any]
Show = Callable[[Job], None]


@dataclass(frozen=True, slots=True)
class Event:
    """A Server-Sent Event. ``id`` is where to go on after a lost connection."""

    name: str
    id: str
    data: dict[str, Any]


class NoStreamError(Exception):
    """Events are not to be had from this service, or not through what stands before it."""


def follow(client: Client, job_id: str) -> Job:
    """Show a job's progress until it ends; Ctrl-C leaves the job alone and says how to go on.

    Raises:
        Failure: The service stays out of reach, or there is no such job.
    """
    try:
        with screen.job_progress() as show:
            try:
                return _follow_events(client, job_id, show)
            except NoStreamError:
                return _follow_by_asking(client, job_id, show)
    except KeyboardInterrupt as error:
        screen.say(f"the job goes on; watch it with: copythat watch {job_id}")
        raise typer.Exit(INTERRUPTED) from error


def _follow_events(client: Client, job_id: str, show: Show) -> Job:
    with closing(_events(client, job_id)) as events:
        for event in events:
            if event.name == "deleted":
                raise Failure(f"job {job_id} was deleted", ExitCode.WRONG_USAGE)
            if event.name == "item" and event.data["status"] == "failed":
                screen.say(f"{event.data['filename']}: {event.data['error']['detail']}")
            if event.name == "job":
                show(event.data)
                if event.data["status"] in ENDED:
                    return event.data
    raise NoStreamError


def _events(client: Client, job_id: str) -> Generator[Event, None, None]:
    """Yield a job's events, each once, over restarts of the service.

    Raises:
        NoStreamError: The service has none, or nothing came for as long as patience lasts.
    """
    last_id = START
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with client.streaming(
                f"{job_path(job_id)}/events", SILENCE_S, headers={"Last-Event-ID": last_id}
            ) as answer:
                if answer.status_code == httpx.codes.NO_CONTENT:
                    return
                for block in _blocks(answer.iter_bytes()):
                    deadline = time.monotonic() + PATIENCE_S
                    if event := _event(block):
                        yield event
                        last_id = event.id or last_id
        except Failure as failure:
            if failure.exit_code is not ExitCode.UNREACHABLE:
                raise NoStreamError from failure
        time.sleep(RETRY_EVERY_S)
    raise NoStreamError


def _blocks(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the events and comments of a stream as our service writes them."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n\n")
        yield from (block.decode() for block in whole)


def _event(block: str) -> Event | None:
    """Return the event of a block, None for one that has no data."""
    lines = (line.partition(": ") for line in block.split("\n"))
    fields = {name: value for name, _, value in lines}
    if "data" not in fields:
        return None
    return Event(fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"]))


def _follow_by_asking(client: Client, job_id: str, show: Show) -> Job:
    tag: str | None = None
    # Whoever tried for a stream has been patient already.
    patience_s = 0.0
    while True:
        job, tag = _next_state(client, job_id, tag, patience_s)
        patience_s = PATIENCE_S
        if job is not None:
            show(job)
            if job["status"] in ENDED:
                return job


def _next_state(
    client: Client, job_id: str, tag: str | None, patience_s: float
) -> tuple[Job | None, str | None]:
    """Ask for the next state of a job, over a restart of the service."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return client.job_after(job_id, tag)
        except Failure as failure:
            gone = failure.exit_code is ExitCode.UNREACHABLE
            if not gone or time.monotonic() > deadline:
                raise
        time.sleep(RETRY_EVERY_S)
