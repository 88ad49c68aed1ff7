"""A blob store in an S3 bucket, over obstore.

Credentials, endpoint and region come from the usual ``AWS_*`` variables, which obstore reads
itself. obstore's threads do not survive a fork: a process that forks must not use a store before.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from typing import BinaryIO

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from shared.blobs.store import (
    BlobStore,
    PendingBlob,
    hash_of,
    key_of,
    no_file,
    storage_errors,
)
from shared.errors import NotFound, Unavailable

# A server that cannot be reached is told at once; one that is silent, within one request.
CONNECT_TIMEOUT = timedelta(seconds=2)
REQUEST_TIMEOUT = timedelta(seconds=10)
# A refused or dropped request is tried again, one that ran into its timeout is not.
MAX_RETRIES = 2
RETRY_WITHIN = timedelta(seconds=5)
# What one request carries: a slow line (4 Mbit/s) moves it within its timeout. S3 takes no
# smaller parts, and at most 10,000 of them: 50 GB.
PART_BYTES = 5 * 1024 * 1024
PARALLEL_PARTS = 4
_STATUS = re.compile(r"status code: (\d{3}[A-Za-z ]*)")

_log = structlog.get_logger("shared.blobs")


class BucketStore(BlobStore):
    """The files in one bucket, under a prefix or none."""

    def __init__(self, url: str) -> None:
        """Use ``s3://bucket/prefix``; nothing is connected yet.

        Plain HTTP is spoken only where the endpoint's own URL says so.
        """
        self._s3 = S3Store.from_url(
            url,
            client_options={
                "allow_http": True,
                "connect_timeout": CONNECT_TIMEOUT,
                "timeout": REQUEST_TIMEOUT,
            },
            retry_config={"max_retries": MAX_RETRIES, "retry_timeout": RETRY_WITHIN},
        )

    def start(self) -> PendingBlob:
        """Begin a file without a name on this machine's disk: its key is known at its end."""
        with storage_errors():
            return _SpooledFile(self._s3, tempfile.TemporaryFile())

    def size(self, sha256: str) -> int:
        """Ask for the object's head, which looks the same for an absent file and bucket."""
        try:
            with _s3_errors(sha256):
                return obstore.head(self._s3, key_of(sha256))["size"]
        except NotFound:
            self.check()
            raise

    def open(self, sha256: str) -> BinaryIO:
        """Bring the file to this machine's disk, where archives can be read in any order."""
        with ExitStack() as stack, storage_errors():
            file = stack.enter_context(tempfile.TemporaryFile())
            for piece in self.stream(sha256):
                file.write(piece)
            file.seek(0)
            stack.pop_all()
            return file

    def stream(self, sha256: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Ask for one part after the other: each request is small, and ends in time."""
        end = self.size(sha256) if stop is None else stop
        for first in range(start, end, PART_BYTES):
            last = min(first + PART_BYTES, end)
            with _s3_errors(sha256):
                piece = obstore.get_range(self._s3, key_of(sha256), start=first, end=last)
            yield piece.to_bytes()

    def remove(self, sha256: str) -> None:
        """Delete the object."""
        with suppress(NotFound), _s3_errors(sha256):
            obstore.delete(self._s3, key_of(sha256))

    def orphans(self, older_than: datetime) -> Iterator[tuple[str, datetime]]:
        """List the bucket, a page at a time."""
        with _s3_errors():
            for page in obstore.list(self._s3):
                for found in page:
                    sha256 = hash_of(found["path"])
                    if sha256 and found["last_modified"] < older_than:
                        yield sha256, found["last_modified"]

    def remove_leftovers(self, older_than: datetime) -> int:
        """Remove nothing: unnamed files end with their process, half uploads by bucket rule."""
        del older_than
        return 0

    def check(self) -> None:
        """List nothing: tells a dead server, a wrong key and an absent bucket."""
        with _s3_errors():
            obstore.list(self._s3, prefix="ready").collect()


class _SpooledFile(PendingBlob):
    """An unnamed file on disk, uploaded when it is kept."""

    def __init__(self, s3: S3Store, file: BinaryIO) -> None:
        super().__init__(file)
        self._s3 = s3

    def _place(self, sha256: str) -> None:
        """Upload in parts: memory is bounded, and nothing is seen before the last."""
        self._file.seek(0)
        with _s3_errors(sha256):
            obstore.put(
                self._s3,
                key_of(sha256),
                self._file,
                chunk_size=PART_BYTES,
                max_concurrency=PARALLEL_PARTS,
            )


@contextmanager
def _s3_errors(sha256: str = "") -> Iterator[None]:
    """Say what S3 answers in our own errors; an absent bucket is no absent file."""
    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        message = str(error).partition("\n")[0]
        if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
            raise no_file(sha256) from error
        status = _STATUS.search(message)
        answer = f"S3 answers {status[1].strip()}" if status else "S3 does not answer"
        _log.warning("storage fails", reason=message)
        raise Unavailable(f"storage: {answer}") from error
