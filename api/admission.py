"""Whether more work is taken at the moment: asked before the body of a request is received.

A client that sends ``Expect: 100-continue`` and is refused here need not send its files at all.
"""

import shutil
from typing import Annotated

from fastapi import Header, Request
from starlette.concurrency import run_in_threadpool

from api.deps import Site
from shared.db import idempotency
from shared.db.engine import transaction
from shared.db.jobs import Backlog, backlog
from shared.errors import Overloaded, StorageFull, TooManyQueued, Unavailable
from shared.settings import Settings

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[ -~]+$",
        description="The same key and request again give the same job; kept for a day at least.",
    ),
]


async def admit(request: Request, owner_id: str, key: str | None = None) -> None:
    """Refuse an upload that there is no room for, on the disk or in the queue.

    Raises:
        TooManyQueued: The user's images that wait are as many as may.
        Overloaded: Everybody's are.
        Unavailable: The disk is full, or the database away.
    """
    site: Site = request.app.state.site
    size_bytes = declared_bytes(request)

    def look() -> None:
        require_room(site.settings, size_bytes)
        with transaction(site.engine) as connection:
            # Who asks for the job it has got already adds nothing to it.
            if key is not None and idempotency.is_known(connection, owner_id, key):
                return
            waiting = backlog(connection, owner_id)
        require_short(site.settings, waiting)

    await run_in_threadpool(look)


def declared_bytes(request: Request) -> int:
    """Return the length that a request declares of its body, 0 when it declares none."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else 0


def require_short(settings: Settings, waiting: Backlog) -> None:
    """Refuse more work while too much of it waits; see ``admit`` for what it raises."""
    if waiting.own >= settings.max_queued_items_per_user:
        raise TooManyQueued(f"{waiting.own} of your images wait; come back when some are done")
    if waiting.total >= settings.max_queued_items:
        raise Overloaded("too many images wait at the moment; come back when some are done")


def require_room(settings: Settings, size_bytes: int) -> None:
    """Refuse what would take the last of the local disk; a bucket has no end.

    Raises:
        StorageFull: There is no room.
        Unavailable: The disk does not answer.
    """
    if settings.blob_url is not None:
        return
    folder = settings.blob_dir if settings.blob_dir.is_dir() else settings.data_dir
    try:
        free_bytes = shutil.disk_usage(folder).free
    except FileNotFoundError:
        # Nothing was ever stored; whoever stores first makes the directory, or says why not.
        return
    except OSError as error:
        raise Unavailable(f"storage: {error.strerror}") from error
    if free_bytes < settings.disk_reserve_bytes + min(size_bytes, settings.max_request_bytes):
        raise StorageFull("the disk has no room for more uploads")
