"""Archives read as streams: nothing is extracted, and every byte is counted as it is read.

A member's name is text and never a path, so links, devices, absolute paths and ``..`` have
nothing to act on. A size that an archive states is not believed.
"""

import gzip
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, BinaryIO, NoReturn, Protocol, Self, cast

from shared.errors import (
    ArchiveBomb,
    BadArchive,
    ImageTooLarge,
    NestedArchive,
    NotAnImage,
    Problem,
)
from shared.filenames import clean_filename
from shared.media import SNIFF_BYTES, MediaType, sniff

READ_BYTES = 256 * 1024
# Small archives of flat colors compress far better than photographs; below this much unpacked
# data the ratio means nothing.
RATIO_FLOOR_BYTES = 16 * 1024 * 1024
# What a ZIP's directory may take for each file that is allowed; most take a tenth of it. The
# library reads it at once and makes an object of each 46 bytes, before any can be counted.
ZIP_DIRECTORY_BYTES_PER_MEMBER = 1024
# The longest extended header that a tar may have before a file; paths and times take some hundred
# bytes. The library reads each at once, and keeps what global ones say.
TAR_HEADER_MAX_BYTES = 1024 * 1024
TAR_GLOBAL_HEADERS_MAX = 16
# The library unpacks the others (bzip2, LZMA) without a bound: 4 KB may become gigabytes, and LZMA
# makes room for as much as a member asks for.
ZIP_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# General purpose bit 0 (APPNOTE.TXT, 4.4.4).
ZIP_ENCRYPTED = 1
# Names that promise an image: such a file that holds none is an error, any other is skipped.
IMAGE_SUFFIXES = {
    ".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much an archive may hold."""

    max_members: int
    max_bytes: int
    max_member_bytes: int
    max_ratio: int


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: its bytes, or why it has none; neither for a skipped file.

    The name is one that can be shown, whatever the archive says.
    """

    name: str
    data: bytes | None = None
    media_type: MediaType | None = None
    problem: Problem | None = None

    @property
    def skipped(self) -> bool:
        """Whether the file is no image and does not claim to be one."""
        return self.data is None and self.problem is None


@dataclass(slots=True)
class _Meter:
    """Counts what an archive has unpacked to."""

    limits: ArchiveLimits
    archive_bytes: int
    members: int = 0
    unpacked_bytes: int = 0

    def member(self) -> None:
        self.members += 1
        if self.members > self.limits.max_members:
            raise ArchiveBomb(f"the archive holds more than {self.limits.max_members} files")

    def read(self, count: int) -> None:
        self.unpacked_bytes += count
        if self.unpacked_bytes > self.limits.max_bytes:
            raise ArchiveBomb(f"the archive unpacks to over {self.limits.max_bytes} bytes")
        ratio = self.unpacked_bytes / max(1, self.archive_bytes)
        if self.unpacked_bytes > RATIO_FLOOR_BYTES and ratio > self.limits.max_ratio:
            raise ArchiveBomb(
                f"the archive unpacks to over {self.limits.max_ratio} times its size"
            )


class _Readable(Protocol):
    """Bytes in order."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _MeteredStream:
    """A stream that is counted as it is read."""

    stream: _Readable
    meter: _Meter

    def read(self, size: int, /) -> bytes:
        data = self.stream.read(size)
        self.meter.read(len(data))
        return data


def read_members(
    file: BinaryIO, media_type: MediaType, archive_bytes: int, limits: ArchiveLimits
) -> Iterator[Member]:
    """Yield the files of an archive in its order, one in memory at a time.

    Args:
        file: The archive, at its beginning; seekable.
        media_type: Which kind of archive it is.
        archive_bytes: Its size.
        limits: How much it may hold.

    Raises:
        BadArchive: It is damaged beyond the members already yielded.
        ArchiveBomb: It holds more than the limits allow.
    """
    meter = _Meter(limits, archive_bytes)
    with _archive_errors():
        if media_type is MediaType.ZIP:
            yield from _zip_members(file, meter)
        elif media_type is MediaType.GZIP:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield from _tar_members(unpacked, meter)
        else:
            yield from _tar_members(file, meter)


# What the libraries raise for damaged bytes, found by fuzzing besides their documentation.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


@contextmanager
def _archive_errors() -> Iterator[None]:
    """Say the libraries' errors in ours."""
    try:
        yield
    except _DAMAGE as error:
        raise BadArchive(f"the archive is damaged: {error}") from error


@dataclass(frozen=True, slots=True)
class _ShortReads:
    """A file of which nothing long is read at once, such as a ZIP's directory of millions."""

    file: BinaryIO
    most: int

    def read(self, size: int = -1, /) -> bytes:
        if size > self.most:
            raise ArchiveBomb(f"the archive's directory takes {size} bytes")
        return self.file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def seekable(self) -> bool:
        return True


def _zip_members(file: BinaryIO, meter: _Meter) -> Iterator[Member]:
    most = max(READ_BYTES, meter.limits.max_members * ZIP_DIRECTORY_BYTES_PER_MEMBER)
    short = _ShortReads(file, most)
    with zipfile.ZipFile(cast("IO[bytes]", short)) as archive:
        for entry in archive.infolist():
            # Not is_dir(), which fails on an empty name.
            if entry.filename.endswith("/"):
                continue
            meter.member()
            name = clean_filename(entry.filename)
            yield Member(name) if _is_hidden(name) else _zip_member(archive, entry, name, meter)


def _zip_member(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, meter: _Meter
) -> Member:
    """Read one entry; what is wrong with it alone is its own problem."""
    if entry.flag_bits & ZIP_ENCRYPTED:
        return Member(name, problem=Problem.of(BadArchive(f"{name} is encrypted")))
    if entry.compress_type not in ZIP_METHODS:
        unread = BadArchive(
            f"{name} is compressed by method {entry.compress_type}, not by deflate"
        )
        return Member(name, problem=Problem.of(unread))
    try:
        with archive.open(entry) as stream:
            return _read_member(name, _MeteredStream(stream, meter), meter.limits)
    except _DAMAGE as error:
        problem = Problem.of(BadArchive(f"{name} cannot be read: {error}"))
        return Member(name, problem=problem)


class _BoundedEntry(tarfile.TarInfo):
    """An entry of a tar whose headers are short; what they say would be held in memory."""

    global_headers = 0

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str | None, errors: str) -> Self:
        """Read a header, and refuse one that announces far too much of itself."""
        entry = super().frombuf(buf, encoding or tarfile.ENCODING, errors)
        if entry.type == tarfile.XGLTYPE:
            cls.global_headers += 1
        if cls.global_headers > TAR_GLOBAL_HEADERS_MAX:
            raise ArchiveBomb("the archive's headers do not end")
        if entry.type in _TAR_HEADERS and entry.size > TAR_HEADER_MAX_BYTES:
            raise ArchiveBomb(f"a header of the archive takes {entry.size} bytes")
        if entry.type == tarfile.GNUTYPE_SPARSE:
            raise BadArchive("the archive holds a sparse file")
        return entry

    def _proc_gnusparse_10(self, *_: object) -> NoReturn:
        """Refuse the newer kind of sparse files, whose map may be as long as it likes."""
        raise BadArchive("the archive holds a sparse file")


_TAR_HEADERS = {
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
}


def _tar_members(file: _Readable, meter: _Meter) -> Iterator[Member]:
    # What is passed over is unpacked too, so the whole stream counts and not only the images.
    whole = cast("IO[bytes]", _MeteredStream(file, meter))
    # A class of its own for each archive, since it counts.
    counting = type("_Entry", (_BoundedEntry,), {})
    with tarfile.open(fileobj=whole, mode="r|", tarinfo=counting) as archive:
        for entry in archive:
            # It would keep every header for lookups that a stream has no use for.
            archive.members.clear()  # type: ignore[attr-defined]
            if not entry.isfile():
                continue
            meter.member()
            stream = archive.extractfile(entry)
            name = clean_filename(entry.name)
            if stream is None or _is_hidden(name):
                yield Member(name)
                continue
            yield _read_member(name, stream, meter.limits)


def _read_member(name: str, stream: _Readable, limits: ArchiveLimits) -> Member:
    """Read one file as far as it is an image within the limits."""
    head = _read_up_to(stream, SNIFF_BYTES)
    media_type = sniff(head)
    if media_type is None:
        if PurePosixPath(name).suffix.lower() not in IMAGE_SUFFIXES:
            return Member(name)
        return Member(name, problem=Problem.of(NotAnImage(f"{name} holds no image we know")))
    if not media_type.is_image:
        return Member(name, problem=Problem.of(NestedArchive(f"{name} is an archive itself")))
    most = limits.max_member_bytes
    data = head + _read_up_to(stream, most + 1 - len(head))
    if len(data) > most:
        too_large = ImageTooLarge(f"{name} is over {most} bytes")
        return Member(name, problem=Problem.of(too_large))
    return Member(name, data, media_type)


def _read_up_to(stream: _Readable, most: int) -> bytes:
    """Return the next bytes of a stream, ``most`` at most."""
    chunks: list[bytes] = []
    left = most
    while left > 0 and (chunk := stream.read(min(left, READ_BYTES))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _is_hidden(name: str) -> bool:
    """Tell whether a file is an operating system's own (``.DS_Store``, ``__MACOSX``)."""
    return any(
        part == "__MACOSX" or (part.startswith(".") and part != "..")
        for part in PurePosixPath(name).parts
    )
