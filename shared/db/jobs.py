"""Jobs: what a user handed in. ``job_views.py`` has how far it is."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.claude.prompt_version import PROMPT_VERSION
from shared.db import completion, items, work
from shared.db.blobs import SourceFile, add_blobs
from shared.db.engine import new_id
from shared.db.items import NewItem
from shared.db.states import Stage
from shared.db.work import Hints, WorkKey
from shared.errors import NotFound
from shared.tokens import PIPELINE_VERSION

# The options that change what naming and assembling answer; the others change when or where.
_NAMING_OPTIONS = ("token_types", "model")


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a submission asks for. ``items`` is None when a worker has to open archives first."""

    owner_id: str
    name: str
    mode: str
    priority: int
    options: dict[str, Any]
    sources: list[SourceFile]
    request_id: str
    items: list[NewItem] | None
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True)
class CreatedJob:
    """A job that is stored, and the hints to send once its transaction has committed."""

    job_id: str
    hints: Hints


def create_job(connection: Connection, new: NewJob, results_kept_days: int = 30) -> CreatedJob:
    """Store a job with its files, items and first work."""
    job_id = new_id("job")
    add_blobs(connection, new.sources)
    measure_hash, options_hash = _option_hashes(new, job_id)
    statement = text(
        """
        INSERT INTO jobs (id, owner_id, name, state, mode, priority, options, sources,
                          pipeline_version, measure_hash, options_hash, request_id, unpacked,
                          expires_at, deadline_at)
        VALUES (:id, :owner_id, :name, 'queued', :mode, :priority, :options, :sources,
                :version, :measure_hash, :options_hash, :request_id, :unpacked,
                now() + make_interval(days => :days),
                now() + make_interval(secs => CAST(:deadline_s AS float)))
        """
    ).bindparams(bindparam("options", type_=JSONB), bindparam("sources", type_=JSONB))
    parameters = {
        "id": job_id,
        "owner_id": new.owner_id,
        "name": new.name,
        "mode": new.mode,
        "priority": new.priority,
        "options": new.options,
        "sources": [asdict(source) for source in new.sources],
        "version": PIPELINE_VERSION,
        "measure_hash": measure_hash,
        "options_hash": options_hash,
        "request_id": new.request_id,
        "unpacked": new.items is not None,
        "days": results_kept_days,
        "deadline_s": new.deadline_s,
    }
    connection.execute(statement, parameters)
    if new.items is None:
        key = completion.job_key(new.owner_id, job_id, Stage.UNPACK, PIPELINE_VERSION)
        hints = work.enqueue(connection, [key], job_id, new.priority)
    else:
        hints = items.add_items(connection, job_id, 0, new.items)
        hints += completion.settle(connection, [job_id])
    return CreatedJob(job_id, hints)


def _option_hashes(new: NewJob, job_id: str) -> tuple[str, str]:
    """Return the part of the work keys that stands for options: of measuring, of the rest.

    A forced job shares its work with no other, so its own id is part of both.
    """
    alone = job_id if new.options.get("force") else ""
    return alone, naming_hash(new.mode, new.options) + alone


def naming_hash(mode: str, options: dict[str, Any]) -> str:
    """Return what stands for the options that change an image's names."""
    chosen = {name: options.get(name) for name in _NAMING_OPTIONS}
    text_form = json.dumps([mode, PROMPT_VERSION, chosen], sort_keys=True)
    return hashlib.sha256(text_form.encode()).hexdigest()[:16]


def read_sources(connection: Connection, job_id: str) -> list[SourceFile]:
    """Return the uploaded files of a job, in order."""
    sources = connection.execute(
        text("SELECT sources FROM jobs WHERE id = :job_id"), {"job_id": job_id}
    ).scalar_one()
    return [SourceFile(**source) for source in sources]


def read_options(connection: Connection, key: WorkKey) -> dict[str, Any]:
    """Return the options that an image's names depend on, as any job has them that wants these.

    Raises:
        NotFound: No job does any more.
    """
    options: dict[str, Any] | None = connection.execute(
        text(
            "SELECT options FROM jobs "
            "WHERE owner_id = :owner_id AND options_hash = :options_hash LIMIT 1"
        ),
        {"owner_id": key.owner_id, "options_hash": key.options_hash},
    ).scalar_one_or_none()
    if options is None:
        raise NotFound("no job wants these names any more")
    return options


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many items wait for their end: those of all owners, and one's own."""

    total: int
    own: int


def backlog(connection: Connection, owner_id: str) -> Backlog:
    """Count the pending items of all open jobs."""
    row = connection.execute(
        text(
            """
            SELECT coalesce(sum(pending), 0) AS total,
                   coalesce(sum(pending) FILTER (WHERE owner_id = :owner_id), 0) AS own
            FROM jobs WHERE state IN ('queued', 'unpacking', 'running')
            """
        ),
        {"owner_id": owner_id},
    ).one()
    return Backlog(int(row.total), int(row.own))
