"""Small pictures of images. They live and go with the row of their image's file.

A dozen kilobytes each: too little to be worth files that would have to be kept and removed apart.
"""

from sqlalchemy import Connection, text


def store_thumbnail(connection: Connection, sha256: str, jpeg: bytes) -> None:
    """Keep the picture of an image, unless there is one or the image is gone."""
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


def read_thumbnail(connection: Connection, sha256: str) -> bytes | None:
    """Return the picture of an image; None before it was measured."""
    found: bytes | None = connection.execute(
        text("SELECT jpeg FROM thumbnails WHERE sha256 = :sha256"), {"sha256": sha256}
    ).scalar_one_or_none()
    return found
