"""An uploaded design system against the screens of a job."""

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from api.deps import CurrentUser, JobId, Site, SiteDep
from api.openapi import problems
from api.waiting import HELD
from shared.check import DesignCheck, check
from shared.db.engine import new_id, transaction
from shared.db.results import read_job_tokens
from shared.db.retention import require_kept
from shared.errors import UploadTooLarge
from shared.imports import MAX_BYTES, read_dtcg
from shared.tokens import Tokens

# Below the base path, as a pattern: its body is read as a stream.
PATH = "/jobs/[^/]+/check"

router = APIRouter(prefix="/jobs/{job_id}", tags=["tokens"])

_SCHEMA = {"schema": {"type": "object", "description": "A DTCG 2025.10 file."}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/design-tokens+json": _SCHEMA, "application/json": _SCHEMA},
    }
}


@router.post(
    "/check",
    responses=problems(401, 404, 409, 410, 413, 422),
    openapi_extra=_BODY,
    dependencies=[HELD],
)
async def check_job(
    request: Request, job_id: JobId, user: CurrentUser, site: SiteDep
) -> DesignCheck:
    """Tell how much of a design system a job's screens use, and what they show that is not in it.

    The body is the design system, a DTCG 2025.10 file; it is not kept. Tokens are compared by
    value, text styles by size, weight and line height.
    """
    measured = await run_in_threadpool(_read, site, user.id, job_id)
    content = await _receive(request)
    return await to_thread.run_sync(
        lambda: check(read_dtcg(content, new_id("set")), measured), limiter=site.import_threads
    )


def _read(site: Site, owner_id: str, job_id: str) -> Tokens:
    with transaction(site.engine) as connection:
        require_kept(connection, owner_id, job_id)
        return read_job_tokens(connection, owner_id, job_id).tokens


async def _receive(request: Request) -> bytes:
    """Return the body.

    Raises:
        UploadTooLarge: It is larger than any design system.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise UploadTooLarge(f"the file is over the limit of {MAX_BYTES} bytes")
    return bytes(body)
