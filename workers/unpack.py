"""The unpack stage: a job's files, archives opened, become its items while reading goes on."""

from collections.abc import Iterator

import structlog
from sqlalchemy import Connection

from shared.archives import ArchiveLimits, Member, read_members
from shared.db import blobs, completion, items, jobs
from shared.db.blobs import SourceFile
from shared.db.engine import transaction
from shared.db.items import NewItem
from shared.db.work import Claim
from shared.errors import BadArchive, NotAnImage, Problem, Unavailable
from shared.media import MediaType
from shared.queue import publish
from workers.app import Site, app
from workers.outcome import Done

log = structlog.get_logger(__name__)

# Members that are stored before their items are: few enough that work starts at once.
UNPACK_CHUNK = 100


def unpack(site: Site, claimed: Claim) -> Done:
    """Store the images inside a job's files, and add them as items while reading on.

    An archive that cannot be read to its end is one bad item beside what else there is. A second
    try reads over what the first has added: an archive always has the same order.

    Raises:
        BadArchive: It is all there is.
        StageLost: Another worker has taken over.
    """
    job_id = claimed.key.options_hash
    with transaction(site.engine) as connection:
        sources = jobs.read_sources(connection, job_id)
        known = items.count_items(connection, job_id)
    chunk = Chunk(site, job_id, known)
    for source in sources:
        try:
            for member in _members(site, source):
                site.leases.check(claimed)
                chunk.add(member)
        except BadArchive as error:
            if len(sources) == 1 and chunk.is_empty:
                raise
            chunk.add(Member(source.filename, problem=Problem.of(error)))
    chunk.flush()

    def end_items(connection: Connection) -> None:
        completion.all_items_known(connection, job_id, chunk.skipped)

    return Done({"items": chunk.ordinal}, also=end_items)


class Chunk:
    """Members on their way to becoming items."""

    def __init__(self, site: Site, job_id: str, known: int) -> None:
        """Start with the first item of the job; that many are there from an earlier try."""
        self._site = site
        self._job_id = job_id
        self._known = known
        self._files: list[SourceFile] = []
        self._items: list[NewItem] = []
        self.ordinal = 0
        self.skipped = 0

    @property
    def is_empty(self) -> bool:
        """Whether no item has come so far."""
        return self.ordinal == 0 and not self._items

    def add(self, member: Member) -> None:
        """Store a member, or its problem; flush when there are enough."""
        if member.skipped:
            self.skipped += 1
            return
        if self.ordinal < self._known:
            self.ordinal += 1
            return
        sha256 = None
        if member.data is not None and member.media_type is not None:
            blob = self._site.blobs.put(member.data)
            sha256 = blob.sha256
            self._files.append(
                SourceFile(member.name, sha256, blob.size_bytes, member.media_type.value)
            )
        self._items.append(NewItem(member.name, sha256, member.problem))
        if len(self._items) >= UNPACK_CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write the items at hand in one transaction, and hint at their work."""
        with transaction(self._site.engine) as connection:
            blobs.add_blobs(connection, self._files)
            blobs.require_stored(self._site.blobs, self._files)
            hints = items.add_items(connection, self._job_id, self.ordinal, self._items)
        self.ordinal += len(self._items)
        self._files, self._items = [], []
        try:
            publish(app, hints)
        except Unavailable as error:
            log.warning("hints left to the pump", reason=error.detail)


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
