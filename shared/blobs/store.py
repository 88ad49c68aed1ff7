"""What every blob store can do: files by the hash of their bytes.

Nobody ever sees half a file, and two writers of the same bytes do each other no harm. Keeping a
file anew makes its modification time now, so that a collector of old files spares it.
"""

import errno
import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from shared.errors import NotFound, StorageFull, Unavailable

# Both kinds of store share this layout, so that a directory can be copied into a bucket as is.
_KEY = re.compile(r"([0-9a-f]{2})/([0-9a-f]{62})")


def key_of(sha256: str) -> str:
    """Return a file's name inside its store: ``ab/cdef…``, as directories like it."""
    return f"{sha256[:2]}/{sha256[2:]}"


def hash_of(key: str) -> str | None:
    """Return the hash that a name stands for; None for what is no stored file."""
    match = _KEY.fullmatch(key)
    return match[1] + match[2] if match else None


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What writing came to: the SHA-256 in hex, and the size."""

    sha256: str
    size_bytes: int


class PendingBlob(ABC):
    """A file beside the store until it is kept: hashes and counts what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        """Write to a file that nobody else knows of."""
        self._file = file
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
        """Move the file to its place, for good, and return its hash and size.

        A crash of the machine right after this loses nothing. See ``write`` for what it raises.
        """
        blob = StoredBlob(self._hash.hexdigest(), self.size_bytes)
        with storage_errors():
            self._file.flush()
            self._place(blob.sha256)
            self._file.close()
        return blob

    def drop(self) -> None:
        """Forget the file; after ``keep`` this does nothing."""
        with suppress(OSError):
            self._file.close()

    @abstractmethod
    def _place(self, sha256: str) -> None:
        """Bring all that was written to where its hash says, whole or not at all."""


class BlobStore(ABC):
    """Files by hash. Each method raises ``Unavailable`` when the storage fails."""

    @abstractmethod
    def start(self) -> PendingBlob:
        """Begin a file that is kept or dropped later."""

    @abstractmethod
    def size(self, sha256: str) -> int:
        """Return a stored file's size in bytes.

        Raises:
            NotFound: No file has this hash.
        """

    @abstractmethod
    def open(self, sha256: str) -> BinaryIO:
        """Open a stored file for reading and seeking; see ``size`` for what it raises."""

    @abstractmethod
    def stream(self, sha256: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield a stored file piece by piece, or its bytes from ``start`` up to ``stop``.

        Nothing is asked of the storage, and so nothing raised, before the first piece is.
        """

    @abstractmethod
    def remove(self, sha256: str) -> None:
        """Forget a stored file; it is fine if there is none."""

    @abstractmethod
    def orphans(self, older_than: datetime) -> Iterator[tuple[str, datetime]]:
        """Yield hash and modification time of files last kept before a time.

        They may be orphans: the caller knows which of them a row still names.
        """

    @abstractmethod
    def remove_leftovers(self, older_than: datetime) -> int:
        """Remove files that were begun before a time and never ended; return how many."""

    @abstractmethod
    def check(self) -> None:
        """Raise unless the storage can be used now."""

    def has(self, sha256: str) -> bool:
        """Tell whether a file has this hash."""
        try:
            self.size(sha256)
        except NotFound:
            return False
        return True

    def read(self, sha256: str) -> bytes:
        """Return a stored file's bytes; see ``size`` for what it raises."""
        return b"".join(self.stream(sha256))

    def put(self, data: bytes) -> StoredBlob:
        """Store bytes, unless they are stored already; see ``PendingBlob.write``."""
        sha256 = hashlib.sha256(data).hexdigest()
        pending = self.start()
        try:
            if self.has(sha256):
                return StoredBlob(sha256, len(data))
            pending.write(data)
            return pending.keep()
        finally:
            pending.drop()


def no_file(sha256: str) -> NotFound:
    """Return the error that a file is absent."""
    return NotFound(f"no stored file {sha256}")


@contextmanager
def storage_errors() -> Iterator[None]:
    """Say a full disk and any other failure of a file system in our own errors."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(str(error.strerror)) from error
        raise Unavailable(f"storage: {error.strerror}") from error
