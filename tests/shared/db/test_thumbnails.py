"""Small pictures are kept once, and go with the file they show."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from shared.blobs import BlobStore, open_store
from shared.db import blobs
from shared.db.blobs import SourceFile
from shared.db.engine import transaction
from shared.db.thumbnails import store_thumbnail

SHA256 = "a" * 64


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return open_store(None, tmp_path)


def thumbnails(connection: Connection) -> list[bytes]:
    return list(connection.execute(text("SELECT jpeg FROM thumbnails")).scalars())


def test_a_thumbnail_is_kept_once_and_goes_with_its_file(engine: Engine, store: BlobStore) -> None:
    with transaction(engine) as connection:
        blobs.add_blobs(connection, [SourceFile("one.png", SHA256, 1, "image/png")])
        for jpeg in (b"first", b"second"):
            store_thumbnail(connection, SHA256, jpeg)
        kept = thumbnails(connection)
    blobs.remove_unneeded(engine, store, [SHA256])

    assert kept == [b"first"]
    with transaction(engine) as connection:
        assert thumbnails(connection) == []


def test_no_thumbnail_outlives_an_image_that_is_gone(engine: Engine) -> None:
    with transaction(engine) as connection:
        store_thumbnail(connection, SHA256, b"late")

        assert thumbnails(connection) == []
