"""Stored files and the rows that know them: recorded at submission, removed when unneeded.

Whoever records a file holds its row until the job that wants it is stored, and looks whether the
file is there only then; whoever removes a file holds the same row meanwhile. So no file goes
that somebody is about to need.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.blobs import BlobStore
from shared.db.engine import transaction
from shared.errors import Unavailable

# Files removed in one transaction, whose rows are locked meanwhile.
REMOVE_BATCH = 100


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An uploaded file, stored under its hash. ``media_type`` is None for unknown content."""

    filename: str
    sha256: str
    size_bytes: int
    media_type: str | None


def add_blobs(connection: Connection, files: Sequence[SourceFile]) -> None:
    """Record stored files, once a hash, and hold their rows until the transaction ends."""
    rows = [
        {"sha256": f.sha256, "size_bytes": f.size_bytes, "media_type": f.media_type}
        for f in sorted({f.sha256: f for f in files}.values(), key=lambda f: f.sha256)
    ]
    if rows:
        statement = text(
            """
            INSERT INTO blobs (sha256, size_bytes, media_type)
            SELECT sha256, size_bytes, coalesce(media_type, 'application/octet-stream')
            FROM jsonb_to_recordset(:rows)
                 AS r(sha256 text, size_bytes bigint, media_type text)
            ON CONFLICT (sha256) DO UPDATE SET size_bytes = excluded.size_bytes
            """
        ).bindparams(bindparam("rows", type_=JSONB))
        connection.execute(statement, {"rows": rows})


def require_stored(store: BlobStore, files: Iterable[SourceFile]) -> None:
    """Make sure that files are still there, once their rows are held.

    Raises:
        Unavailable: One was removed since it was written, as the last job that had it went.
    """
    for sha256 in {file.sha256 for file in files}:
        if not store.has(sha256):
            raise Unavailable("a file was removed while it was handed in again; send it again")


def remove_unneeded(engine: Engine, store: BlobStore, hashes: Sequence[str]) -> int:
    """Remove those of some files that no job of anybody has, and return how many.

    Raises:
        Unavailable: Database or storage is away; what is left is found later.
    """
    removed = 0
    for start in range(0, len(hashes), REMOVE_BATCH):
        with transaction(engine) as connection:
            unneeded = _hold_unneeded(connection, hashes[start : start + REMOVE_BATCH])
            for sha256 in unneeded:
                store.remove(sha256)
            connection.execute(
                text("DELETE FROM blobs WHERE sha256 = ANY(:hashes)"), {"hashes": unneeded}
            )
        removed += len(unneeded)
    return removed


def _hold_unneeded(connection: Connection, hashes: Sequence[str]) -> list[str]:
    """Lock the rows of files that nothing refers to; rows that somebody else holds are needed."""
    held = connection.execute(
        text(
            "SELECT sha256 FROM blobs WHERE sha256 = ANY(:hashes) "
            "ORDER BY sha256 FOR UPDATE SKIP LOCKED"
        ),
        {"hashes": list(hashes)},
    )
    # A statement of its own, which sees what was stored until the lock was ours.
    unneeded = connection.execute(
        text(f"SELECT b.sha256 FROM blobs b WHERE sha256 = ANY(:hashes) AND {_UNNEEDED}"),  # noqa: S608 -- a constant
        {"hashes": [row.sha256 for row in held]},
    )
    return [row.sha256 for row in unneeded]


_UNNEEDED = """
    NOT EXISTS (SELECT FROM items i WHERE i.sha256 = b.sha256)
    AND NOT EXISTS (
        SELECT FROM jobs j
        WHERE j.sources @> jsonb_build_array(jsonb_build_object('sha256', b.sha256)))
"""


def find_unneeded(connection: Connection, older_than_s: float, limit: int) -> list[str]:
    """Return files that nothing refers to and nobody has recorded lately."""
    rows = connection.execute(
        text(
            f"""
            SELECT b.sha256 FROM blobs b
            WHERE b.created_at < now() - make_interval(secs => :age) AND {_UNNEEDED}
            ORDER BY b.created_at LIMIT :limit
            """  # noqa: S608 -- a constant
        ),
        {"age": older_than_s, "limit": limit},
    )
    return [row.sha256 for row in rows]


def record_unknown(connection: Connection, hashes: Sequence[str]) -> list[str]:
    """Record those files that no row knows, as of refused requests, and return their hashes.

    With a row they can be held, and so removed.
    """
    rows = connection.execute(
        text(
            """
            INSERT INTO blobs (sha256, size_bytes, media_type)
            SELECT h.sha256, 0, 'application/octet-stream'
            FROM unnest(CAST(:hashes AS text[])) AS h(sha256) ORDER BY h.sha256
            ON CONFLICT DO NOTHING
            RETURNING sha256
            """
        ),
        {"hashes": list(hashes)},
    )
    return [row.sha256 for row in rows]
