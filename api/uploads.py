"""Multipart bodies, streamed into the blob store: counted, hashed and bounded on the way.

No file is ever held in memory, and no limit is learned of after the fact. The grammar is
python-multipart's; what stands here is what to do with each part (RFC 7578).
"""

from dataclasses import dataclass
from typing import Protocol

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.fields import FieldError, InvalidFields
from shared.blobs import PendingBlob, StoredBlob
from shared.errors import (
    ImageTooLarge,
    InvalidRequest,
    NotAnImage,
    UnreadableInput,
    UploadTooLarge,
)
from shared.filenames import clean_filename
from shared.media import SNIFF_BYTES, MediaType, sniff

OPTIONS_FIELD = "options"
# Far more than all options together can take.
MAX_OPTIONS_BYTES = 64 * 1024
# The longest path that Linux knows, of characters of three bytes each, percent-encoded. The name
# that is kept is shorter.
MAX_HEADER_BYTES = 9 * 4096
# A server sends pieces of up to 64 KiB; gathering some saves most of the changes of thread.
FEED_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What a request may hold, and what its file field is called."""

    file_field: str
    max_files: int
    max_image_bytes: int
    max_request_bytes: int


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A stored file, told by its content. ``error`` says why it can be no image by itself."""

    filename: str
    blob: StoredBlob
    media_type: MediaType | None
    error: UnreadableInput | None

    @property
    def is_archive(self) -> bool:
        """Whether a worker has to open it."""
        return self.media_type is not None and not self.media_type.is_image


@dataclass(frozen=True, slots=True)
class ReceivedForm:
    """The files of a request in their order, and its options field as it was sent."""

    files: list[ReceivedFile]
    options: bytes | None


class FileTaker(Protocol):
    """Where files go as they come in: a blob store, or what only looks at them."""

    def start(self) -> PendingBlob:
        """Begin a file that is kept or dropped later."""


async def receive_form(request: Request, blobs: FileTaker, limits: UploadLimits) -> ReceivedForm:
    """Read a multipart body to its end.

    Args:
        request: Whose body.
        blobs: Where the files go.
        limits: What the body may hold.

    Raises:
        InvalidRequest: It is no well-formed multipart body, or has other fields.
        UploadTooLarge: It holds more than the limits allow.
        Unavailable: The storage fails or is full.
    """
    _check_length(request, limits)
    reader = _FormReader(_boundary(request), blobs, limits)
    gathered = bytearray()
    try:
        async for chunk in request.stream():
            gathered += chunk
            if len(gathered) >= FEED_BYTES:
                await run_in_threadpool(reader.feed, bytes(gathered))
                gathered.clear()
        await run_in_threadpool(reader.feed, bytes(gathered))
        return reader.finish()
    finally:
        reader.drop_unfinished()


def _check_length(request: Request, limits: UploadLimits) -> None:
    """Refuse a body that says it is too large before any of it is read."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.max_request_bytes:
        raise _request_too_large(limits)


def _request_too_large(limits: UploadLimits) -> UploadTooLarge:
    return UploadTooLarge(f"the request is over the limit of {limits.max_request_bytes} bytes")


def _boundary(request: Request) -> bytes:
    content_type, parameters = parse_options_header(request.headers.get("content-type"))
    if content_type != b"multipart/form-data":
        raise HTTPException(415, "the body has to be multipart/form-data")
    boundary = parameters.get(b"boundary", b"")
    if not boundary:
        raise InvalidRequest("the multipart content type names no boundary")
    return boundary


class _FormReader:
    """The parser's callbacks: one part at a time, each a file or the options field."""

    def __init__(self, boundary: bytes, blobs: FileTaker, limits: UploadLimits) -> None:
        self._blobs = blobs
        self._limits = limits
        self._received = 0
        self._ended = False
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._part: _FilePart | bytearray | None = None
        self._files: list[ReceivedFile] = []
        # Of file parts; empty ones are no files, and cost as much.
        self._begun = 0
        self._options: bytearray | None = None
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._add_header_name,
                    "on_header_value": self._add_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open_part,
                    "on_part_data": self._add_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
                max_header_size=MAX_HEADER_BYTES,
            )
        except FormParserError as error:
            raise InvalidRequest(f"the multipart boundary is not valid: {error}") from error

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        self._received += len(data)
        if self._received > self._limits.max_request_bytes:
            raise _request_too_large(self._limits)
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise InvalidRequest(f"the multipart body is malformed: {error}") from error

    def finish(self) -> ReceivedForm:
        """Return what came, once all of it did."""
        if not self._ended:
            raise InvalidRequest("the multipart body ends before its closing boundary")
        options = None if self._options is None else bytes(self._options)
        return ReceivedForm(self._files, options)

    def drop_unfinished(self) -> None:
        """Forget the file that was being received, if any."""
        if isinstance(self._part, _FilePart):
            self._part.drop()

    def _begin_part(self) -> None:
        self._headers = {}

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _open_part(self) -> None:
        """Decide by its headers what a part is."""
        disposition = self._headers.get(b"content-disposition", b"").decode("latin-1")
        _, parameters = parse_options_header(disposition)
        field = parameters.get(b"name", b"").decode("utf-8", "replace")
        filename = parameters.get(b"filename")
        if field == OPTIONS_FIELD:
            if self._options is not None:
                raise _wrong_field(field, "is there twice")
            self._part = self._options = bytearray()
        elif field != self._limits.file_field:
            known = f"the fields are {self._limits.file_field} and {OPTIONS_FIELD}"
            raise _wrong_field(field, f"unknown field: {known}")
        elif filename is None:
            raise _wrong_field(field, "has to be a file with a filename")
        elif self._begun >= self._limits.max_files:
            raise UploadTooLarge(f"the request holds more than {self._limits.max_files} files")
        else:
            self._begun += 1
            name = filename.decode("utf-8", "replace")
            self._part = _FilePart(name, self._blobs.start(), self._limits.max_image_bytes)

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if isinstance(self._part, _FilePart):
            self._part.write(piece)
        elif self._part is not None:
            self._part += piece
            if len(self._part) > MAX_OPTIONS_BYTES:
                raise UploadTooLarge(f"the options are over {MAX_OPTIONS_BYTES} bytes")

    def _end_part(self) -> None:
        if isinstance(self._part, _FilePart):
            received = self._part.keep()
            if received is not None:
                self._files.append(received)
        self._part = None

    def _end(self) -> None:
        self._ended = True


def _wrong_field(field: str, detail: str) -> InvalidFields:
    return InvalidFields([FieldError("/" + field.replace("~", "~0").replace("/", "~1"), detail)])


class _FilePart:
    """A file on its way into the store."""

    def __init__(self, filename: str, pending: PendingBlob, max_image_bytes: int) -> None:
        self._filename = filename
        self._pending = pending
        self._max_image_bytes = max_image_bytes
        self._head = b""
        self._is_archive = False

    def write(self, data: bytes) -> None:
        """Store the next bytes; of what is no archive, no more than tells it is too large."""
        if len(self._head) < SNIFF_BYTES:
            self._head += data[: SNIFF_BYTES - len(self._head)]
            media_type = sniff(self._head)
            self._is_archive = media_type is not None and not media_type.is_image
        if not self._is_archive:
            # The byte over the limit shows a worker, too, that the image was over it.
            data = data[: self._max_image_bytes + 1 - self._pending.size_bytes]
        self._pending.write(data)

    def keep(self) -> ReceivedFile | None:
        """Return the stored file; None for a browser's empty file field."""
        if not self._filename and not self._pending.size_bytes:
            self._pending.drop()
            return None
        filename = clean_filename(self._filename)
        media_type = sniff(self._head)
        error: UnreadableInput | None = None
        if media_type is None:
            error = NotAnImage(f"{filename} holds no image and no archive that we know")
        elif media_type.is_image and self._pending.size_bytes > self._max_image_bytes:
            error = ImageTooLarge(f"{filename} is over {self._max_image_bytes} bytes")
        return ReceivedFile(filename, self._pending.keep(), media_type, error)

    def drop(self) -> None:
        """Forget the file."""
        self._pending.drop()
