"""The unpack stage over a real database and a real directory."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.blobs import BlobStore, open_store
from shared.db import control, items, jobs, work
from shared.db.blobs import SourceFile
from shared.db.engine import transaction
from shared.db.items import ItemView
from shared.db.jobs import NewJob
from shared.db.work import Claim
from shared.errors import JobCanceled
from shared.queue import Queue
from shared.settings import Settings
from tests.archives import zip_of
from tests.end_to_end.conftest import drawing
from workers.app import Site
from workers.leases import Leases
from workers.unpack import UNPACK_CHUNK, unpack

# More than one chunk, so that there is something to take up again.
IMAGES = UNPACK_CHUNK + 20


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Site:
    """A worker of the test's own."""
    settings = Settings(data_dir=tmp_path)
    return Site(settings, engine, open_store(None, settings.blob_dir), Leases(engine), "worker")


@pytest.fixture
def claimed(site: Site, owner_id: str) -> Claim:
    """The unpacking of an archive, claimed."""
    archive = zip_of({f"{n:03}.png": drawing(n) for n in range(IMAGES)})
    blob = site.blobs.put(archive)
    source = SourceFile("screens.zip", blob.sha256, blob.size_bytes, "application/zip")
    options = {"token_types": ["color"], "force": False, "model": None}
    new = NewJob(owner_id, "a job", "cv", 0, options, [source], "request-1", items=None)
    with transaction(site.engine) as connection:
        jobs.create_job(connection, new)
        (unit,) = work.claim(connection, Queue.IO, "worker")
    return unit


def found(site: Site, claimed: Claim) -> list[ItemView]:
    with transaction(site.engine) as connection:
        return items.list_items(
            connection, claimed.key.owner_id, claimed.key.options_hash, limit=IMAGES + 1
        )


def remove_all(store: BlobStore, views: list[ItemView]) -> None:
    for view in views:
        assert view.sha256 is not None
        store.remove(view.sha256)


def test_a_second_try_adds_nothing_and_writes_nothing_again(site: Site, claimed: Claim) -> None:
    unpack(site, claimed)
    first = found(site, claimed)
    remove_all(site.blobs, first)

    done = unpack(site, claimed)
    second = found(site, claimed)

    assert done.value == {"items": IMAGES}
    assert [view.id for view in second] == [view.id for view in first]
    assert not any(site.blobs.has(view.sha256 or "") for view in second)


def test_items_come_in_the_order_of_the_archive(site: Site, claimed: Claim) -> None:
    unpack(site, claimed)

    assert [view.filename for view in found(site, claimed)] == [
        f"{n:03}.png" for n in range(IMAGES)
    ]


def test_unpacking_stops_when_the_job_is_canceled(site: Site, claimed: Claim) -> None:
    with transaction(site.engine) as connection:
        control.request_cancel(connection, claimed.key.owner_id, claimed.key.options_hash)

    with pytest.raises(JobCanceled):
        unpack(site, claimed)
    assert found(site, claimed) == []
