"""Server-Sent Events: a job's changes as they come, resumed without a gap.

The stream is the HTML standard's (section 9.2), so that a browser's ``EventSource`` and every
library for it reads it. Its end is the standard's, too: who reconnects behind the last event of
a job that has ended is answered 204, and stops.
"""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, format_sse_event
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.deps import BASE_PATH, CurrentUser, FindUser, FindUserDep, JobId, Site, SiteDep
from api.openapi import problems
from api.schemas import Answer
from api.views import Job, StoredProblem
from api.waiting import HELD
from shared.db.engine import transaction
from shared.db.events import PAST_ITEMS, START, ItemChange, News, Position, read_end, read_news
from shared.db.job_views import has_ended
from shared.db.states import ItemState
from shared.errors import NotFound, Unauthenticated, Unavailable

# Proxies close connections that are silent for half a minute or more.
HEARTBEAT_S = 15.0
# How soon a stream sees that the server stops, even while the database hangs.
ATTENTION_S = 1.0
# A database that takes longer hangs; the stream's heart goes on beating.
READ_WITHIN_S = 10.0
# After a lost connection: long enough for a crowd of clients not to be one more outage.
RECONNECT_MS = 2000
# How long a stream outlives the credentials that it was asked for with.
CHECK_EVERY_S = 5.0
# A stream ends by then and is asked for anew, maybe of another process.
MAX_STREAM_S = 3600.0
# Items told at once: some 60 KB.
CHUNK_ITEMS = 200

EVENT_ID = r"^[0-9]{1,18}(-[0-9]{1,9})?$"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_HEARTBEAT = format_sse_event(comment="still here")

router = APIRouter(prefix="/jobs/{job_id}/events", tags=["jobs"])


class ItemEvent(Answer):
    """The data of an `item` event: an item that ended, or that is to be tried again."""

    id: str
    index: int
    filename: str
    status: str
    cached: bool
    degraded: bool
    error: StoredProblem | None

    @classmethod
    def of(cls, change: ItemChange) -> "ItemEvent":
        """Return the JSON form of a change."""
        pending = change.state == ItemState.PENDING
        return cls(
            id=change.id,
            index=change.ordinal,
            filename=change.filename,
            status="queued" if pending else change.state,
            cached=change.cached,
            degraded=change.degraded,
            error=StoredProblem.model_validate(change.error) if change.error else None,
        )


# OpenAPI 3.2 describes a stream by its items; older readers pass over it.
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"enum": ["item", "job", "deleted"]},
        "id": {"type": "string", "pattern": EVENT_ID},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `item`, `job` and `deleted`; the stream ends with its job.",
        "content": {"text/event-stream": {"itemSchema": _EVENT}},
    },
    204: {"description": "The job has ended, and you have heard everything: stop."},
}
_HeaderId = Annotated[
    str | None, Header(pattern=EVENT_ID, description="The id of the last event you have.")
]
_QueryId = Annotated[
    str | None,
    Query(
        alias="last_event_id",
        pattern=EVENT_ID,
        description="The same, for want of headers; `0`: every item that has ended so far.",
    ),
]


@router.get(
    "",
    response_class=StreamingResponse,
    responses=problems(401, 404, 422) | _RESPONSES,
    dependencies=[HELD],
)
async def stream_job_events(
    job_id: JobId,
    user: CurrentUser,
    find_user: FindUserDep,
    site: SiteDep,
    last_event_id: _HeaderId = None,
    first_event_id: _QueryId = None,
) -> Response:
    """Stream a job's changes until it ends; without an event's id, from now on."""

    def look() -> tuple[Position, bool]:
        with transaction(site.engine) as connection:
            return read_end(connection, user.id, job_id)

    end, ended = await run_in_threadpool(look)
    # A client that reconnects repeats its first query, so the header is the newer of the two.
    known = last_event_id or first_event_id
    after = _position(known) if known else None
    if after is not None and after > end:
        # Of a database that was set back since: only the beginning is safe.
        after = START
    if ended and after == end:
        return Response(status_code=204, headers=_HEADERS)
    reader = _Reader(user.id, job_id, after)
    return EventSourceResponse(_stream(site, reader, find_user), headers=_HEADERS)


def _position(event_id: str) -> Position:
    """Return where the reader of an event is; an id that is only a number is the job's."""
    seq, _, ordinal = event_id.partition("-")
    return Position(int(seq), int(ordinal) if ordinal else PAST_ITEMS)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who follows which job, and how far they have come; at first, maybe nowhere."""

    owner_id: str
    job_id: str
    after: Position | None


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some events as bytes, where they leave the reader, and what follows them."""

    events: bytes
    after: Position | None
    more: bool = False
    last: bool = False


async def _stream(site: Site, reader: _Reader, find_user: FindUser) -> AsyncIterator[bytes]:
    """Yield a job's events until it ends, the server stops or the reader leaves or is put out."""
    yield format_sse_event(retry=RECONNECT_MS)
    began_s = spoke_s = checked_s = time.monotonic()
    changed = True
    with site.lookout.following(reader.job_id):
        while not site.stopping.is_set() and time.monotonic() - began_s < MAX_STREAM_S:
            if time.monotonic() - checked_s > CHECK_EVERY_S:
                if not await _is_let(find_user):
                    return
                checked_s = time.monotonic()
            chunk = await _next_chunk(site, reader) if changed else _Chunk(b"", reader.after)
            if not chunk.events and time.monotonic() - spoke_s > HEARTBEAT_S:
                chunk = replace(chunk, events=_HEARTBEAT)
            if chunk.events:
                yield chunk.events
                spoke_s = time.monotonic()
            if chunk.last:
                return
            reader = replace(reader, after=chunk.after)
            changed = chunk.more or await _is_behind(site, reader)


async def _is_let(find_user: FindUser) -> bool:
    """Tell whether a reader's credentials are good still, as far as that can be told."""
    try:
        await run_in_threadpool(find_user)
    except Unauthenticated:
        return False
    except Unavailable:
        return True
    return True


async def _is_behind(site: Site, reader: _Reader) -> bool:
    """Wait for the next look, and tell whether it saw what the reader has not heard of."""
    seq = await site.lookout.look(reader.job_id, ATTENTION_S)
    return seq is not None and Position(seq) != reader.after


async def _next_chunk(site: Site, reader: _Reader) -> _Chunk:
    """Read what a reader hears next; readers who are equally far share the read."""

    def read() -> _Chunk:
        with transaction(site.engine) as connection:
            news = read_news(connection, reader.owner_id, reader.job_id, reader.after, CHUNK_ITEMS)
        return _chunk(news, datetime.now(UTC))

    # The reader stays where it is, and is found behind once the database is back.
    nothing = _Chunk(b"", reader.after)
    try:
        return await site.lookout.share(reader, read, READ_WITHIN_S) or nothing
    except NotFound:
        deleted = format_sse_event(event="deleted", data_str=json.dumps({"id": reader.job_id}))
        return _Chunk(deleted, reader.after, last=True)
    except Unavailable:
        return nothing


def _chunk(news: News, now: datetime) -> _Chunk:
    """Write news as events: items in the order of their changes, then the job."""
    events = [_event("item", change.position, ItemEvent.of(change)) for change in news.items]
    if news.job is None:
        return _Chunk(b"".join(events), news.items[-1].position, more=True)
    end = Position(news.job.event_seq)
    events.append(_event("job", end, Job.of(news.job, BASE_PATH, now)))
    return _Chunk(b"".join(events), end, last=has_ended(news.job))


def _event(name: str, position: Position, data: BaseModel) -> bytes:
    # Plain ASCII: some readers take the rarer line ends of Unicode in a file's name for theirs.
    body = json.dumps(data.model_dump(mode="json"), separators=(",", ":"))
    event_id = str(position.seq)
    if position.ordinal != PAST_ITEMS:
        event_id += f"-{position.ordinal}"
    return format_sse_event(event=name, id=event_id, data_str=body)
