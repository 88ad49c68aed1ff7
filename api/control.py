"""What becomes of a job after it was handed in: canceled, tried again, deleted."""

from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, BackgroundTasks
from pydantic import Field, StringConstraints
from sqlalchemy import Connection

from api.admission import require_short
from api.deps import BASE_PATH, CurrentUser, ItemId, JobId, Site, SiteDep
from api.openapi import problems
from api.schemas import Sent
from api.submission import send_hints
from api.views import Item, Job
from shared.db import blobs
from shared.db.control import cancel_item, cancel_pending, request_cancel, retry_job
from shared.db.engine import transaction, written
from shared.db.items import ItemView, read_item
from shared.db.job_views import read_job
from shared.db.jobs import backlog
from shared.db.retention import delete_job, require_kept
from shared.db.work import Hints
from shared.errors import Unavailable

router = APIRouter(prefix="/jobs/{job_id}", tags=["jobs"])
_log = structlog.get_logger("api.control")

SentItemId = Annotated[str, StringConstraints(pattern="^item_[0-9a-f]{32}$")]


class Retry(Sent):
    """Which images to try again."""

    items: Annotated[list[SentItemId], Field(min_length=1, fail_fast=True)] | None = Field(
        None,
        description="Default: all that failed or were canceled. A degraded one that is named "
        "here is named by Claude again.",
    )


@router.post("/cancel", status_code=202, responses=problems(401, 404))
def cancel_whole_job(
    job_id: JobId, user: CurrentUser, site: SiteDep, background: BackgroundTasks
) -> Job:
    """Cancel what is not done: queued images never start, running ones stop after their stage.

    What is done stays, and is merged. A job that has ended is let be.
    """
    written(site.engine, lambda connection: request_cancel(connection, user.id, job_id))
    # The wish is stored; what dies from here on is made good by the pump.
    hints = written(site.engine, lambda connection: cancel_pending(connection, job_id))
    background.add_task(send_hints, site.celery, job_id, hints)
    return _shown(site, user.id, job_id)


@router.post("/items/{item_id}/cancel", status_code=202, responses=problems(401, 404, 410))
def cancel_one_item(
    job_id: JobId,
    item_id: ItemId,
    user: CurrentUser,
    site: SiteDep,
    background: BackgroundTasks,
) -> Item:
    """Cancel one image; one that has ended is let be."""

    def cancel(connection: Connection) -> tuple[Hints, ItemView]:
        require_kept(connection, user.id, job_id)
        hints = cancel_item(connection, user.id, job_id, item_id)
        return hints, read_item(connection, user.id, job_id, item_id)

    hints, item = written(site.engine, cancel)
    background.add_task(send_hints, site.celery, job_id, hints)
    return Item.of(item, BASE_PATH)


@router.post("/retry", status_code=202, responses=problems(400, 401, 404, 409, 410, 422, 429))
def retry_items(
    job_id: JobId,
    user: CurrentUser,
    site: SiteDep,
    background: BackgroundTasks,
    sent: Retry | None = None,
) -> Job:
    """Try images again, by default all that failed or were canceled; the job ends anew."""

    def retry(connection: Connection) -> Hints:
        require_short(site.settings, backlog(connection, user.id))
        return retry_job(connection, user.id, job_id, sent.items if sent else None)

    hints = written(site.engine, retry)
    background.add_task(send_hints, site.celery, job_id, hints)
    return _shown(site, user.id, job_id)


@router.delete("", status_code=204, responses=problems(401, 404, 409))
def delete_whole_job(
    job_id: JobId, user: CurrentUser, site: SiteDep, background: BackgroundTasks
) -> None:
    """Delete a job that has ended, with its images and all that came of them."""
    hashes = written(site.engine, lambda connection: delete_job(connection, user.id, job_id))
    background.add_task(_remove_files, site, job_id, hashes)


def _shown(site: Site, owner_id: str, job_id: str) -> Job:
    with transaction(site.engine) as connection:
        return Job.of(read_job(connection, owner_id, job_id), BASE_PATH, datetime.now(UTC))


def _remove_files(site: Site, job_id: str, hashes: list[str]) -> None:
    """Remove the files that no other job has; the pump removes what is left over here."""
    try:
        blobs.remove_unneeded(site.engine, site.blobs, hashes)
    except Unavailable as error:
        _log.warning("files left to the pump", job_id=job_id, reason=error.detail)
