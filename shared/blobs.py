"""Files by the hash of their bytes, on a local directory.

A file is written beside its place and renamed into it, so a reader never sees half of one, and
two writers of the same bytes do each other no harm.
"""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shared.errors import NotFound, StorageFull, Unavailable


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What writing came to: the SHA-256 in hex, and the size."""

    sha256: str
    size_bytes: int


class BlobStore:
    """The files under one directory, two levels deep by hash."""

    def __init__(self, root: Path) -> None:
        """Use a directory; it is made when the first file is written."""
        self._root = root

    def path(self, sha256: str) -> Path:
        """Return where a file with this hash lies, whether or not it does."""
        return self._root / sha256[:2] / sha256[2:]

    def open(self, sha256: str) -> BinaryIO:
        """Open a stored file for reading.

        Raises:
            NotFound: No file has this hash.
        """
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"no stored file {sha256}") from error

    def read(self, sha256: str) -> bytes:
        """Return a stored file's bytes; see ``open``."""
        with self.open(sha256) as file:
            return file.read()

    def put(self, data: bytes) -> StoredBlob:
        """Store bytes; see ``PendingBlob.write`` for what can go wrong."""
        writer = self.start()
        writer.write(data)
        return writer.keep()

    def start(self) -> "PendingBlob":
        """Begin a file that is kept or dropped later."""
        with storage_errors():
            self._root.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._root, prefix=".incoming-")
        return PendingBlob(self, os.fdopen(descriptor, "wb"), Path(name))


class PendingBlob:
    """A file beside the store until it is kept: hashes and counts what is written to it."""

    def __init__(self, store: BlobStore, file: BinaryIO, temporary: Path) -> None:
        """Write to ``temporary``, to be renamed into ``store``."""
        self._store = store
        self._file = file
        self._temporary = temporary
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Append a chunk.

        Raises:
            StorageFull: The disk has no room for it.
            Unavailable: The storage fails in another way.
        """
        with storage_errors():
            self._file.write(chunk)
        self._hash.update(chunk)
        self.size_bytes += len(chunk)

    def keep(self) -> StoredBlob:
        """Move the file to its place and return its hash and size."""
        blob = StoredBlob(self._hash.hexdigest(), self.size_bytes)
        target = self._store.path(blob.sha256)
        with storage_errors():
            self._file.close()
            target.parent.mkdir(exist_ok=True)
            self._temporary.replace(target)
        return blob

    def drop(self) -> None:
        """Forget the file."""
        with suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Say a full disk and any other failure of the storage in our own errors."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(str(error.strerror)) from error
        raise Unavailable(f"storage: {error.strerror}") from error
