"""A blob store in a local directory.

A file is written beside its place, synced, and renamed into it (rename(2) is atomic).
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from shared.blobs.store import (
    BlobStore,
    PendingBlob,
    hash_of,
    key_of,
    no_file,
    storage_errors,
)

INCOMING = ".incoming-"
# Few system calls for a large file, and nothing to memory.
PIECE_BYTES = 256 * 1024


class DirectoryStore(BlobStore):
    """The files under one directory, two levels deep by hash."""

    def __init__(self, root: Path) -> None:
        """Use a directory; it is made when the first file is written."""
        self._root = root

    def start(self) -> PendingBlob:
        """Begin a file beside the others."""
        with storage_errors():
            self._root.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._root, prefix=INCOMING)
        return _IncomingFile(self._root, os.fdopen(descriptor, "wb"), Path(name))

    def size(self, sha256: str) -> int:
        """Ask the file system."""
        with self._reading(sha256):
            return self._path(sha256).stat().st_size

    def open(self, sha256: str) -> BinaryIO:
        """Open the file itself."""
        with self._reading(sha256):
            return self._path(sha256).open("rb")

    def stream(self, sha256: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Read the file a piece at a time."""
        with self._reading(sha256), self._path(sha256).open("rb") as file:
            left = (os.fstat(file.fileno()).st_size if stop is None else stop) - start
            file.seek(start)
            while left > 0 and (piece := file.read(min(left, PIECE_BYTES))):
                left -= len(piece)
                yield piece

    def remove(self, sha256: str) -> None:
        """Unlink the file; its directory stays for the next one."""
        with storage_errors():
            self._path(sha256).unlink(missing_ok=True)

    def orphans(self, older_than: datetime) -> Iterator[tuple[str, datetime]]:
        """Look at every file."""
        for path in self._files("??/*"):
            sha256 = hash_of(f"{path.parent.name}/{path.name}")
            modified = _modified(path)
            if sha256 and modified and modified < older_than:
                yield sha256, modified

    def remove_leftovers(self, older_than: datetime) -> int:
        """Remove what died writers left beside the others."""
        removed = 0
        for path in self._files(f"{INCOMING}*"):
            modified = _modified(path)
            if modified and modified < older_than:
                with storage_errors():
                    path.unlink(missing_ok=True)
                removed += 1
        return removed

    def check(self) -> None:
        """Write a file and forget it."""
        probe = self.start()
        try:
            probe.write(b"ready?")
        finally:
            probe.drop()

    def _path(self, sha256: str) -> Path:
        return self._root / key_of(sha256)

    @contextmanager
    def _reading(self, sha256: str) -> Iterator[None]:
        """Tell an absent file, which stays absent, from a disk that is not mounted."""
        with storage_errors():
            try:
                yield
            except FileNotFoundError as error:
                if self._root.is_dir():
                    raise no_file(sha256) from error
                raise

    def _files(self, pattern: str) -> Iterator[Path]:
        with storage_errors():
            yield from self._root.glob(pattern)


class _IncomingFile(PendingBlob):
    """A file beside the store's others."""

    def __init__(self, root: Path, file: BinaryIO, temporary: Path) -> None:
        super().__init__(file)
        self._root = root
        self._temporary = temporary

    def drop(self) -> None:
        """Remove the file, unless it was renamed."""
        super().drop()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _place(self, sha256: str) -> None:
        """Rename; the directories are synced too, or a crash could lose the name."""
        os.fsync(self._file.fileno())
        target = self._root / key_of(sha256)
        target.parent.mkdir(exist_ok=True)
        self._temporary.replace(target)
        _sync(target.parent)
        _sync(self._root)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _modified(path: Path) -> datetime | None:
    """Return when a file was last written; None if it is gone by now."""
    with storage_errors(), suppress(FileNotFoundError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return None
