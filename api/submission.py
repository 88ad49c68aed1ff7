"""From received files to a stored job."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from celery import Celery
from sqlalchemy import Connection

from api.deps import Site
from api.fields import FieldError, UnknownOptions
from api.options import Mode
from api.schemas import MAX_NAME
from api.uploads import ReceivedFile, ReceivedForm, UploadLimits
from shared.db import idempotency, webhooks
from shared.db.blobs import SourceFile, require_stored
from shared.db.engine import written
from shared.db.items import NewItem
from shared.db.job_views import JobView, read_job
from shared.db.jobs import NewJob, create_job
from shared.db.work import Hints
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
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job as a reader sees it, the hints to send, and whether it was there already."""

    view: JobView
    hints: Hints
    replayed: bool = False


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


def store_job(site: Site, files: Sequence[ReceivedFile], wish: Wish) -> StoredJob:
    """Store a job in one transaction, or find the one that came of the same key before.

    Raises:
        KeyReused: The key came with another request before.
        UnknownOptions: The job names a webhook, and its owner has as many as they may.
        Unavailable: Database or storage is away.
    """
    owner_id, key = wish.owner_id, wish.idempotency_key

    def store(connection: Connection) -> StoredJob:
        if key is not None:
            job_id = idempotency.take_key(connection, owner_id, key, _request_hash(files, wish))
            if job_id is not None:
                return StoredJob(read_job(connection, owner_id, job_id), Counter(), replayed=True)
        _ensure_webhook(connection, wish)
        new = _new_job(files, wish, site.settings.claude_model)
        created = create_job(connection, new, site.settings.results_kept_days)
        require_stored(site.blobs, new.sources)
        if key is not None:
            idempotency.set_job(connection, owner_id, key, created.job_id)
        return StoredJob(read_job(connection, owner_id, created.job_id), created.hints)

    return written(site.engine, store)


def _ensure_webhook(connection: Connection, wish: Wish) -> None:
    """Have a secret for the address that a job names, so that it can be known before the end."""
    url = wish.options.get("webhook_url")
    if url is not None and (refusal := webhooks.ensure(connection, wish.owner_id, url)):
        raise UnknownOptions([FieldError("/options/webhook_url", refusal.value)])


def _request_hash(files: Sequence[ReceivedFile], wish: Wish) -> str:
    """Return what tells one request from another: its options and its files in their order."""
    sent = [wish.options, [(file.filename, file.blob.sha256) for file in files]]
    return hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()


def _new_job(files: Sequence[ReceivedFile], wish: Wish, default_model: str) -> NewJob:
    """Return what is stored; the model is the one of now, however long the job waits."""
    chosen = {"mode": wish.mode.value}
    if wish.mode is Mode.HYBRID:
        chosen["model"] = wish.options["model"] or default_model
    return NewJob(
        owner_id=wish.owner_id,
        name=wish.options.get("name") or files[0].filename[:MAX_NAME],
        mode=wish.mode.value,
        priority=wish.priority,
        options=wish.options | chosen,
        sources=[_source(file) for file in files],
        request_id=wish.request_id,
        items=None if any(file.is_archive for file in files) else [_item(f) for f in files],
        deadline_s=wish.options.get("deadline_s"),
    )


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


def send_hints(celery: Celery, job_id: str, hints: Hints) -> None:
    """Tell the workers that there is work; the pump tells them again what gets lost here."""
    try:
        publish(celery, hints)
    except Unavailable as error:
        _log.warning("hints left to the pump", job_id=job_id, reason=error.detail)
