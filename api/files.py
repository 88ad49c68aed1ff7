"""A stored file as an answer, whole or in part (RFC 9110, section 14)."""

import re
from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from shared.blobs import BlobStore

# Several ranges at once are answered with the whole, as the RFC allows.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def stored_file(
    request: Request, blobs: BlobStore, sha256: str, *, media_type: str | None, filename: str
) -> StreamingResponse:
    """Return an answer that streams a file; its hash is its entity tag.

    Raises:
        NotFound: No file has this hash.
        Unavailable: The storage fails.
    """
    size = blobs.size(sha256)
    etag = f'"{sha256}"'
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": _disposition(filename),
        "Content-Length": str(size),
        "ETag": etag,
    }
    part = _wanted(request, size) if request.headers.get("if-range", etag) == etag else None
    if part is None:
        return StreamingResponse(blobs.stream(sha256), headers=headers, media_type=media_type)
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    headers["Content-Length"] = str(len(part))
    return StreamingResponse(
        blobs.stream(sha256, part.start, part.stop),
        status_code=HTTPStatus.PARTIAL_CONTENT,
        headers=headers,
        media_type=media_type,
    )


def _wanted(request: Request, size: int) -> range | None:
    """Return the bytes that are asked for; None for all of them."""
    match = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        part = range(max(size - int(last), 0), size)
    elif last and int(last) < int(first):
        return None
    else:
        part = range(int(first), min(int(last) + 1, size) if last else size)
    if not part:
        raise HTTPException(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            headers={"Content-Range": f"bytes */{size}"},
        )
    return part


def _disposition(filename: str) -> str:
    if not filename:
        return "inline"
    quoted = quote(filename)
    if quoted == filename:
        return f'inline; filename="{filename}"'
    return f"inline; filename*=utf-8''{quoted}"
