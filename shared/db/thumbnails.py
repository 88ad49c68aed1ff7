"""Images as they are looked at, whole or small.

Thumbnails live and go with the row of their image's file. A dozen kilobytes each, they are too
little to be worth files that would have to be kept and removed apart.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class Picture:
    """What is needed to show an item's image; ``thumbnail`` is None where there is none."""

    filename: str
    sha256: str
    media_type: str
    thumbnail: bytes | None


def store_thumbnail(connection: Connection, sha256: str, jpeg: bytes) -> None:
    """Keep the small picture of an image, unless there is one or the image is gone."""
    connection.execute(
        text(
            """
            INSERT INTO thumbnails (sha256, jpeg)
            SELECT sha256, :jpeg FROM blobs WHERE sha256 = :sha256 FOR KEY SHARE
            ON CONFLICT DO NOTHING
            """
        ),
        {"sha256": sha256, "jpeg": jpeg},
    )


def read_picture(connection: Connection, owner_id: str, job_id: str, item_id: str) -> Picture:
    """Return an item's image; a page shows a hundred, so that nothing else is read.

    Raises:
        NotFound: There is no such item, it is somebody else's, or it is no image.
    """
    row = connection.execute(
        text(
            """
            SELECT i.filename, i.sha256, b.media_type, t.jpeg
            FROM items i JOIN jobs j ON j.id = i.job_id JOIN blobs b ON b.sha256 = i.sha256
            LEFT JOIN thumbnails t ON t.sha256 = i.sha256
            WHERE i.id = :item_id AND j.id = :job_id AND j.owner_id = :owner_id
            """
        ),
        {"item_id": item_id, "job_id": job_id, "owner_id": owner_id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"no image of item {item_id} in job {job_id}")
    return Picture(*row)
