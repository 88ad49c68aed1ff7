"""Images and archives by the hash of their bytes, in a local directory or an S3 bucket."""

from pathlib import Path

from shared.blobs.directory import DirectoryStore
from shared.blobs.s3 import BucketStore
from shared.blobs.scratch import ScratchFiles
from shared.blobs.store import BlobStore, PendingBlob, StoredBlob

__all__ = ["BlobStore", "PendingBlob", "ScratchFiles", "StoredBlob", "open_store"]


def open_store(url: str | None, directory: Path) -> BlobStore:
    """Return the store that the settings name; nothing is connected or made yet.

    Args:
        url: ``s3://bucket/prefix``, or None for the local directory.
        directory: Where files are without a URL.
    """
    return DirectoryStore(directory) if url is None else BucketStore(url)
