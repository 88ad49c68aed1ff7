"""What each stage does with a unit of work: load, call something pure, return what to store."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import TypeAdapter
from sqlalchemy import Connection

from shared.db import completion, items, jobs, results
from shared.db.engine import transaction
from shared.db.items import NewItem
from shared.db.jobs import SourceFile
from shared.db.models import Stage
from shared.db.work import Claim
from shared.errors import NotAnImage, Problem, Unavailable
from shared.media import MediaType
from shared.queue import publish
from shared.tokens import Tokens, TokenType
from workers.app import Site, app
from workers.archives import ArchiveLimits, Member, read_members
from workers.assemble import assemble
from workers.images import ImageLimits, decode
from workers.measure import Measurements, measure_image
from workers.merge import merge
from workers.names import Naming

log = structlog.get_logger(__name__)

MEASUREMENTS = TypeAdapter(Measurements)
NAMING = TypeAdapter(Naming)

# Members that are stored before their items are: few enough that work starts at once.
UNPACK_CHUNK = 100


def _nothing_else(_connection: Connection) -> None:
    """Write nothing besides the result."""


@dataclass(frozen=True, slots=True)
class Done:
    """A stage's result. ``also`` writes what belongs to it, in the transaction that ends it."""

    value: dict[str, Any]
    degraded: Problem | None = None
    also: Callable[[Connection], None] = _nothing_else


def _measure(site: Site, claimed: Claim) -> Done:
    """Decode an image and measure it."""
    settings = site.settings
    limits = ImageLimits(
        max_pixels=settings.max_image_pixels,
        max_side_px=settings.max_image_side_px,
        max_bytes=settings.max_image_bytes,
    )
    sha256 = claimed.key.sha256
    measured = measure_image(decode(site.blobs.read(sha256), limits))

    def store_size(connection: Connection) -> None:
        results.store_image_size(connection, sha256, measured.width, measured.height)

    return Done(MEASUREMENTS.dump_python(measured, mode="json"), also=store_size)


def _assemble(site: Site, claimed: Claim) -> Done:
    """Join an image's measurements with its names."""
    with transaction(site.engine) as connection:
        measured = results.read_result(connection, claimed.key, Stage.MEASURE)
        named = results.read_result(connection, claimed.key, Stage.NAME)
        options = jobs.read_options(connection, claimed.job_id)
    naming = NAMING.validate_python(named.value) if named else None
    types = tuple(TokenType(name) for name in options["token_types"])
    tokens = assemble(load_measurements(measured), naming, types)
    degraded = naming.degraded if naming else None
    return Done(tokens.model_dump(mode="json", by_alias=True), degraded)


def load_measurements(stored: results.StageResult | None) -> Measurements:
    """Return the measurements that a stage stored.

    Raises:
        Unavailable: They are not there at the moment; the stage is tried again.
    """
    if stored is None:
        raise Unavailable("the measurements of this image are being made again")
    return MEASUREMENTS.validate_python(stored.value)


def _merge(site: Site, claimed: Claim) -> Done:
    """Unite the token sets of a job's items."""
    job_id = claimed.key.options_hash
    with transaction(site.engine) as connection:
        sets = [
            (filename, _without_boxes(value))
            for filename, value in results.iterate_assembled(connection, job_id)
        ]
    merged = merge(sets).model_dump(mode="json", by_alias=True)
    images = [filename for filename, _ in sets]

    def store_tokens(connection: Connection) -> None:
        results.store_job_tokens(connection, job_id, claimed.key.pipeline_version, images, merged)

    return Done({}, also=store_tokens)


def _without_boxes(value: dict[str, Any]) -> Tokens:
    """Return a stored token set less its boxes, which a merged set has no use for."""
    for tokens in value.values():
        for token in tokens:
            token["boxes"] = []
    return Tokens.model_validate(value)


def _unpack(site: Site, claimed: Claim) -> Done:
    """Store the images inside a job's files, and add them as items while reading on."""
    job_id = claimed.key.options_hash
    with transaction(site.engine) as connection:
        sources = jobs.read_sources(connection, job_id)
    chunk = Chunk(site, job_id)
    for source in sources:
        for member in _members(site, source):
            chunk.add(member)
    chunk.flush()

    def end_items(connection: Connection) -> None:
        completion.all_items_known(connection, job_id, chunk.skipped)

    return Done({"items": chunk.ordinal}, also=end_items)


class Chunk:
    """Members on their way to becoming items."""

    def __init__(self, site: Site, job_id: str) -> None:
        """Start with the first item of the job."""
        self._site = site
        self._job_id = job_id
        self._files: list[SourceFile] = []
        self._items: list[NewItem] = []
        self.ordinal = 0
        self.skipped = 0

    def add(self, member: Member) -> None:
        """Store a member, or its problem; flush when there are enough."""
        if member.skipped:
            self.skipped += 1
            return
        sha256 = None
        if member.data is not None and member.media_type is not None:
            blob = self._site.blobs.put(member.data)
            sha256 = blob.sha256
            self._files.append(
                SourceFile(member.name, sha256, blob.size_bytes, member.media_type.value)
            )
        self._items.append(NewItem(_clean_name(member.name), sha256, member.problem))
        if len(self._items) >= UNPACK_CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write the items at hand in one transaction, and hint at their work."""
        with transaction(self._site.engine) as connection:
            jobs.add_blobs(connection, self._files)
            hints = items.add_items(connection, self._job_id, self.ordinal, self._items)
        self.ordinal += len(self._items)
        self._files, self._items = [], []
        try:
            publish(app, hints)
        except Unavailable as error:
            log.warning("hints left to the pump", reason=error.detail)


def _clean_name(name: str) -> str:
    """Return a member's name as PostgreSQL can store it."""
    return name.replace("\x00", "").encode("utf-8", "replace").decode()


def _members(site: Site, source: SourceFile) -> Iterator[Member]:
    """Yield what an uploaded file holds: its members, or itself."""
    media_type = MediaType(source.media_type) if source.media_type else None
    if media_type is None:
        problem = Problem.of(NotAnImage(f"{source.filename} holds no image we know"))
        yield Member(source.filename, problem=problem)
    elif media_type.is_image:
        yield Member(source.filename, site.blobs.read(source.sha256), media_type)
    else:
        settings = site.settings
        limits = ArchiveLimits(
            max_members=settings.max_archive_members,
            max_bytes=settings.max_archive_bytes,
            max_member_bytes=settings.max_image_bytes,
            max_ratio=settings.max_compression_ratio,
        )
        with site.blobs.open(source.sha256) as file:
            yield from read_members(file, media_type, source.size_bytes, limits)


STAGES: dict[Stage, Callable[[Site, Claim], Done]] = {
    Stage.UNPACK: _unpack,
    Stage.MEASURE: _measure,
    Stage.ASSEMBLE: _assemble,
    Stage.MERGE: _merge,
}
