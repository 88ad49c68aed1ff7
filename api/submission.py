"""From received files to a stored job."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from celery import Celery

from api.deps import Site
from api.options import Mode
from api.schemas import MAX_NAME
from api.uploads import ReceivedFile, ReceivedForm, UploadLimits
from shared.db.engine import transaction
from shared.db.items import NewItem
from shared.db.blobs import SourceFile
from shared.db.jobs import CreatedJob, JobView, NewJob, create_job, read_job
from shared.errors import NothingUsable, Problem, Unavailable
from shared.queue import publish
from shared.settings import Settings

_log = structlog.get_logger("api.submission")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done with the files, and for whom."""

    owner_id: str
    mode: Mode
    priority: int
    options: dict[str, Any]
    request_id: str


def upload_limits(settings: Settings, file_field: str, max_files: int) -> UploadLimits:
    """Return the limits of a request."""
    return UploadLimits(
        file_field, max_files, settings.max_image_bytes, settings.max_request_bytes
    )


def require_usable(form: ReceivedForm, file_field: str) -> None:
    """Refuse a request without an image or an archive.

    Raises:
        NothingUsable: Says what was wrong with the first file.
    """
    if not form.files:
        raise NothingUsable(f"no file came in the field {file_field}")
    errors = [file.error for file in form.files if file.error is not None]
    if len(errors) == len(form.files):
        raise NothingUsable(errors[0].detail)


def store_job(site: Site, files: Sequence[ReceivedFile], wish: Wish) -> tuple[JobView, CreatedJob]:
    """Store a job in one transaction, and return it as a reader sees it."""
    new = NewJob(
        owner_id=wish.owner_id,
        name=wish.options.get("name") or files[0].filename[:MAX_NAME],
        mode=wish.mode.value,
        priority=wish.priority,
        options=wish.options | {"mode": wish.mode.value},
        sources=[_source(file) for file in files],
        request_id=wish.request_id,
        items=None if any(file.is_archive for file in files) else [_item(f) for f in files],
    )
    with transaction(site.engine) as connection:
        created = create_job(connection, new, site.settings.results_kept_days)
        return read_job(connection, wish.owner_id, created.job_id), created


def _source(file: ReceivedFile) -> SourceFile:
    return SourceFile(
        filename=file.filename,
        sha256=file.blob.sha256,
        size_bytes=file.blob.size_bytes,
        media_type=file.media_type.value if file.media_type else None,
    )


def _item(file: ReceivedFile) -> NewItem:
    if file.error is not None:
        return NewItem(file.filename, None, Problem.of(file.error))
    return NewItem(file.filename, file.blob.sha256)


def send_hints(celery: Celery, created: CreatedJob) -> None:
    """Tell the workers that there is work; the pump tells them again what gets lost here."""
    try:
        publish(celery, created.hints)
    except Unavailable as error:
        _log.warning("hints left to the pump", job_id=created.job_id, reason=error.detail)
