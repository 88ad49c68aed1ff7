"""Files by hash: the same claims for a directory and for an S3 bucket."""

import hashlib
import io
import itertools
import os
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.blobs import BlobStore, open_store
from shared.errors import NotFound, Unavailable
from tests.fakes.s3 import BUCKET, S3Server
from tests.programs import free_port

MIB = 1024 * 1024
KINDS = ("directory", "bucket")
ABSENT = hashlib.sha256(b"never stored").hexdigest()

MakeStore = Callable[[], BlobStore]


def in_future() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


def in_past() -> datetime:
    return datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.variables.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module", params=KINDS)
def make_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> MakeStore:
    """Make stores of one kind, each empty."""
    if request.param == "directory":
        return lambda: open_store(None, tmp_path_factory.mktemp("blobs") / "blobs")
    request.getfixturevalue("s3")
    prefixes = itertools.count()
    return lambda: open_store(f"s3://{BUCKET}/some/{next(prefixes)}", Path("/dev/null"))


@pytest.fixture
def store(make_store: MakeStore) -> BlobStore:
    return make_store()


@pytest.fixture(scope="module")
def used_store(make_store: MakeStore) -> BlobStore:
    """A store that many examples write to."""
    return make_store()


@pytest.fixture(params=["directory", "bucket", "server"])
def broken_store(request: pytest.FixtureRequest, s3: S3Server) -> BlobStore:
    """A store whose directory, bucket or server is not there."""
    if request.param == "directory":
        return open_store(None, Path("/dev/null/blobs"))
    if request.param == "bucket":
        return open_store("s3://no-such-bucket", Path("/dev/null"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", s3.url.rpartition(":")[0] + f":{free_port()}")
        return open_store(f"s3://{BUCKET}", Path("/dev/null"))


@given(pieces=st.lists(st.binary(max_size=100), max_size=5))
@settings(max_examples=20)
def test_a_kept_file_reads_as_it_was_written(used_store: BlobStore, pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    pending = used_store.start()
    for piece in pieces:
        pending.write(piece)

    blob = pending.keep()

    assert (blob.sha256, blob.size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert used_store.has(blob.sha256)
    assert used_store.size(blob.sha256) == len(data)
    assert used_store.read(blob.sha256) == data


@given(data=st.binary(min_size=1, max_size=200), bounds=st.tuples(*[st.integers(0, 200)] * 2))
@settings(max_examples=20)
def test_a_part_of_a_file_is_the_slice_of_its_bytes(
    used_store: BlobStore, data: bytes, bounds: tuple[int, int]
) -> None:
    start, stop = sorted(min(bound, len(data)) for bound in bounds)
    blob = used_store.put(data)

    assert b"".join(used_store.stream(blob.sha256, start, stop)) == data[start:stop]
    assert b"".join(used_store.stream(blob.sha256, start)) == data[start:]


def test_a_large_file_comes_in_pieces(store: BlobStore) -> None:
    data = os.urandom(MIB) * 12
    blob = store.put(data)

    pieces = list(store.stream(blob.sha256))

    assert b"".join(pieces) == data
    assert max(map(len, pieces)) < 6 * MIB


def test_an_opened_archive_can_be_read_in_any_order(store: BlobStore) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in ("a", "b", "c"):
            archive.writestr(name, os.urandom(1000))
    blob = store.put(written.getvalue())

    with store.open(blob.sha256) as file, zipfile.ZipFile(file) as archive:
        read = {name: archive.read(name) for name in ("c", "a", "b")}

    with zipfile.ZipFile(written) as archive:
        assert read == {name: archive.read(name) for name in archive.namelist()}


def test_a_file_is_seen_only_once_it_is_kept(store: BlobStore) -> None:
    pending = store.start()
    pending.write(b"half")
    sha256 = hashlib.sha256(b"half").hexdigest()
    assert not store.has(sha256)
    assert list(store.orphans(in_future())) == []

    pending.keep()

    assert store.has(sha256)


def test_a_dropped_file_leaves_nothing(store: BlobStore) -> None:
    pending = store.start()
    pending.write(b"dropped")

    pending.drop()

    assert list(store.orphans(in_future())) == []
    assert store.remove_leftovers(in_future()) == 0


def test_dropping_a_kept_file_keeps_it(store: BlobStore) -> None:
    pending = store.start()
    pending.write(b"kept")
    blob = pending.keep()

    pending.drop()

    assert store.read(blob.sha256) == b"kept"


def test_an_absent_file_is_not_found(store: BlobStore) -> None:
    store.put(b"another")

    assert not store.has(ABSENT)
    for ask in (store.size, store.read, store.open, lambda sha256: list(store.stream(sha256))):
        with pytest.raises(NotFound, match=ABSENT):
            ask(ABSENT)


def test_a_removed_file_is_absent(store: BlobStore) -> None:
    kept, removed = store.put(b"kept"), store.put(b"removed")

    store.remove(removed.sha256)
    store.remove(removed.sha256)

    assert not store.has(removed.sha256)
    assert store.has(kept.sha256)


def test_writers_of_the_same_bytes_leave_one_whole_file(store: BlobStore) -> None:
    data = os.urandom(MIB)

    with ThreadPoolExecutor(8) as pool:
        blobs = set(pool.map(store.put, [data] * 16))

    (blob,) = blobs
    assert store.read(blob.sha256) == data
    assert [sha256 for sha256, _ in store.orphans(in_future())] == [blob.sha256]


def test_files_are_listed_by_when_they_were_last_kept(store: BlobStore) -> None:
    blobs = {store.put(bytes([number])).sha256 for number in range(5)}

    listed = dict(store.orphans(in_future()))

    assert set(listed) == blobs
    assert all(in_past() < modified < in_future() for modified in listed.values())
    assert list(store.orphans(in_past())) == []


def test_a_file_that_is_kept_again_is_young_again(tmp_path: Path) -> None:
    store = open_store(None, tmp_path)
    blob = store.put(b"old")
    (path,) = tmp_path.glob("??/*")
    os.utime(path, (0, 0))
    assert [sha256 for sha256, _ in store.orphans(in_past())] == [blob.sha256]

    pending = store.start()
    pending.write(b"old")
    pending.keep()

    assert list(store.orphans(in_past())) == []


def test_bytes_that_are_stored_already_are_not_written_again(tmp_path: Path) -> None:
    store = open_store(None, tmp_path)
    store.put(b"old")
    (path,) = tmp_path.glob("??/*")
    os.utime(path, (0, 0))

    blob = store.put(b"old")

    assert store.read(blob.sha256) == b"old"
    assert path.stat().st_mtime == 0


def test_what_is_no_file_of_ours_is_not_listed(tmp_path: Path) -> None:
    store = open_store(None, tmp_path)
    pending = store.start()
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "notes.txt").write_text("not ours")

    assert list(store.orphans(in_future())) == []
    pending.drop()


def test_what_a_dead_writer_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    store = open_store(None, tmp_path)
    old = store.start()
    (left,) = tmp_path.iterdir()
    os.utime(left, (0, 0))
    young = store.start()

    removed = store.remove_leftovers(in_past())

    assert removed == 1
    assert not left.exists()
    young.write(b"goes on")
    assert store.has(young.keep().sha256)
    with pytest.raises(Unavailable):
        old.keep()
    old.drop()


def test_a_directory_can_be_copied_into_a_bucket_as_it_is(s3: S3Server, tmp_path: Path) -> None:
    directory = open_store(None, tmp_path)
    blob = directory.put(b"moved")
    open_store(f"s3://{BUCKET}/copy", tmp_path).put(b"moved")

    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())

    assert f"copy/{path.relative_to(tmp_path)}" in s3.object_names()
    assert directory.has(blob.sha256)


def test_a_store_that_works_passes_its_check(store: BlobStore) -> None:
    store.check()


def test_a_broken_store_is_unavailable(broken_store: BlobStore) -> None:
    with pytest.raises(Unavailable):
        broken_store.check()
    with pytest.raises(Unavailable):
        broken_store.put(b"data")


def test_what_a_broken_store_held_is_not_taken_for_lost(broken_store: BlobStore) -> None:
    for ask in (broken_store.size, broken_store.has, broken_store.read, broken_store.open):
        with pytest.raises(Unavailable):
            ask(ABSENT)


def test_a_directory_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    store = open_store(None, tmp_path / "unmounted")

    with pytest.raises(Unavailable):
        store.read(ABSENT)


def test_a_dead_server_is_unavailable_to_readers(s3: S3Server) -> None:
    del s3
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        store = open_store(f"s3://{BUCKET}", Path("/dev/null"))

    for ask in (store.size, store.has, store.read, store.open, store.remove):
        with pytest.raises(Unavailable, match="S3 does not answer"):
            ask(ABSENT)
    with pytest.raises(Unavailable):
        list(store.orphans(in_future()))
