"""What an upload holds, told without keeping any of it: the hash and the size of each image."""

import hashlib
from collections import Counter
from typing import BinaryIO

from shared.archives import ArchiveLimits, read_members
from shared.errors import BadArchive, UnreadableInput
from shared.image_size import ImageLimits, read_size
from shared.media import SNIFF_BYTES, MediaType, sniff
from shared.settings import Settings


class Survey:
    """Files that were looked at, in the order they came in.

    ``copies`` counts each image by its hash, ``sizes`` has its width and height in pixels, and
    ``unreadable`` counts what would fail as an image of a job.
    """

    def __init__(self, settings: Settings) -> None:
        """Start with nothing; the limits are those that workers keep."""
        self.copies: Counter[str] = Counter()
        self.sizes: dict[str, tuple[int, int]] = {}
        self.unreadable = 0
        self._image_limits = ImageLimits(
            settings.max_image_pixels, settings.max_image_side_px, settings.max_image_bytes
        )
        self._archive_limits = ArchiveLimits(
            max_members=settings.max_archive_members,
            max_bytes=settings.max_archive_bytes,
            max_member_bytes=settings.max_image_bytes,
            max_ratio=settings.max_compression_ratio,
        )

    def look(self, sha256: str, file: BinaryIO) -> None:
        """Look at a whole file, an image or an archive of them."""
        media_type = sniff(file.read(SNIFF_BYTES))
        size_bytes = file.seek(0, 2)
        file.seek(0)
        if media_type is None:
            self.unreadable += 1
        elif media_type.is_image:
            self._add(sha256, file.read())
        else:
            self._open(file, media_type, size_bytes)

    def _open(self, file: BinaryIO, media_type: MediaType, size_bytes: int) -> None:
        """Look at the members of an archive, as far as it can be read."""
        try:
            for member in read_members(file, media_type, size_bytes, self._archive_limits):
                if member.data is not None:
                    self._add(hashlib.sha256(member.data).hexdigest(), member.data)
                elif member.problem is not None:
                    self.unreadable += 1
        except BadArchive:
            self.unreadable += 1

    def _add(self, sha256: str, data: bytes) -> None:
        if sha256 not in self.sizes:
            try:
                self.sizes[sha256] = read_size(data, self._image_limits)
            except UnreadableInput:
                self.unreadable += 1
                return
        self.copies[sha256] += 1
