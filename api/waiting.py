"""``Prefer: wait=N`` (RFC 7240): an answer that is held until there is news.

A waiting request holds no thread and no connection between two looks at its job, and all look at
once: a hundred that wait would else take most of a core.
"""

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.concurrency import run_in_threadpool

from api.deps import CurrentUser, Site, SiteDep
from shared.db.engine import transaction
from shared.db.job_views import JobView, read_job

# Proxies close silent connections after a minute or more.
MAX_WAIT_S = 60
# How soon a waiting request sees that its client has left, or that the server stops.
ATTENTION_S = 1.0
# How old news may be that a job's number of changes does not tell: how many of its images are
# worked on just now, and what it waits for.
READ_EVERY_S = 2.0
# What a client that polls is told to wait between two looks.
RETRY_AFTER_S = 1

_WAIT = re.compile(r"\s*wait\s*=\s*\"?(\d{1,9})\"?\s*", re.IGNORECASE)


async def _wait_s(
    prefer: Annotated[
        str | None,
        Header(
            description=f"`wait=N`: hold the answer for up to N seconds, {MAX_WAIT_S} at most.",
            examples=["wait=30"],
        ),
    ] = None,
) -> int:
    """Return for how many seconds the client would wait; what is not understood is ignored."""
    for preference in (prefer or "").split(","):
        wanted = _WAIT.fullmatch(preference.partition(";")[0])
        if wanted:
            return min(int(wanted[1]), MAX_WAIT_S)
    return 0


WaitDep = Annotated[int, Depends(_wait_s)]


async def _hold(user: CurrentUser, site: SiteDep) -> AsyncIterator[None]:
    """Count a request among those of its user that take long, until it has been answered.

    Raises:
        TooManyOpen: There are too many.
    """
    with site.limiter.hold(user.id):
        yield


async def _hold_while_waiting(
    wait_s: WaitDep, user: CurrentUser, site: SiteDep
) -> AsyncIterator[None]:
    """Count a request likewise, if it would wait.

    Raises:
        TooManyOpen: There are too many.
    """
    with site.limiter.hold(user.id) if wait_s else nullcontext():
        yield


# Streams and uploads, and what is quick unless it is to wait.
HELD = Depends(_hold)
HELD_WHILE_WAITING = Depends(_hold_while_waiting)


def entity_tag(version: str) -> str:
    """Return the tag of a version of a job."""
    return f'"{version}"'


async def _known_tags(
    if_none_match: Annotated[
        str | None, Header(description="The `ETag` of the version that the client has.")
    ] = None,
) -> frozenset[str]:
    """Return the tags the client has, less the weakness: RFC 9110, 13.1.2 compares so."""
    tags = (tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(","))
    return frozenset(tag for tag in tags if tag)


KnownTagsDep = Annotated[frozenset[str], Depends(_known_tags)]


def applied(wait_s: int) -> dict[str, str]:
    """Return the header that says which preference was honoured."""
    return {"Preference-Applied": f"wait={wait_s}"} if wait_s else {}


async def watch_job(
    request: Request,
    owner_id: str,
    job_id: str,
    wait_s: int,
    is_news: Callable[[JobView], bool],
) -> JobView:
    """Return a job as soon as it is news, or as it is when the time is up.

    The wait ends, too, when the client leaves or the server stops; no time at all looks once.

    Raises:
        NotFound: There is no such job, or it is somebody else's.
    """
    site: Site = request.app.state.site

    def look() -> JobView:
        with transaction(site.engine) as connection:
            return read_job(connection, owner_id, job_id)

    view = await run_in_threadpool(look)
    read_s = time.monotonic()
    deadline_s = read_s + wait_s
    with site.lookout.following(job_id):
        while not is_news(view) and (left_s := deadline_s - time.monotonic()) > 0:
            if site.stopping.is_set() or await request.is_disconnected():
                break
            seq = await site.lookout.look(job_id, min(ATTENTION_S, left_s))
            if seq in {None, view.event_seq} and time.monotonic() - read_s < READ_EVERY_S:
                continue
            view = await site.lookout.share((owner_id, job_id), look, left_s) or view
            read_s = time.monotonic()
    return view
