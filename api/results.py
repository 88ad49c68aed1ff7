"""All that came of a job as one stream: a line an image, while the job runs, too."""

import json
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from api.deps import CurrentUser, JobId, Site, SiteDep
from api.openapi import problems
from shared.db.engine import transaction
from shared.db.results import EndedItem, read_ended
from shared.db.retention import require_kept
from shared.tokens import Scales

NDJSON = "application/x-ndjson"
# Token sets read at once, some 100 KB each where images are rich.
BATCH_ITEMS = 25
# One image follows no rule of its own.
_NO_SCALES = Scales().model_dump(mode="json")

router = APIRouter(prefix="/jobs/{job_id}", tags=["tokens"])


_LINES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A line an image that has ended so far, in the order they came in: `id`, "
        "`job_id`, `index`, `filename`, `sha256`, `width`, `height`, `status`, `cached`, "
        "`degraded`, `error`, and `token_set`, which is null unless it succeeded.",
        "content": {NDJSON: {"schema": {"type": "string"}}},
    }
}


@router.get(
    "/results.ndjson",
    response_class=StreamingResponse,
    responses=problems(401, 404, 410) | _LINES,
)
def stream_results(job_id: JobId, user: CurrentUser, site: SiteDep) -> StreamingResponse:
    """Stream each image that has ended with its token set, one JSON object a line."""
    with transaction(site.engine) as connection:
        require_kept(connection, user.id, job_id)
    return StreamingResponse(
        _lines(site, user.id, job_id),
        media_type=NDJSON,
        headers={
            "Content-Disposition": f'attachment; filename="{job_id}.ndjson"',
            "Cache-Control": "no-store",
        },
    )


def _lines(site: Site, owner_id: str, job_id: str) -> Iterator[bytes]:
    """Yield some lines at a time; no transaction stays open while the reader reads."""
    after = -1
    while True:
        with transaction(site.engine) as connection:
            ended = read_ended(connection, owner_id, job_id, after, BATCH_ITEMS)
        if ended:
            yield b"".join(_line(item) for item in ended)
            after = ended[-1].ordinal
        if len(ended) < BATCH_ITEMS:
            return


def _line(item: EndedItem) -> bytes:
    """Write a line; the tokens are as they are stored, which is as they are shown."""
    token_set = None
    if item.tokens is not None:
        token_set = {
            "id": item.id.replace("item_", "set_", 1),
            "job_id": item.job_id,
            "item_id": item.id,
            "pipeline_version": item.pipeline_version,
            "source_images": [item.filename],
            "partial": False,
            "scales": _NO_SCALES,
            "tokens": item.tokens,
        }
    line = {
        "id": item.id,
        "job_id": item.job_id,
        "index": item.ordinal,
        "filename": item.filename,
        "sha256": item.sha256,
        "width": item.width,
        "height": item.height,
        "status": item.state,
        "cached": item.cached,
        "degraded": item.degraded,
        "error": item.error,
        "token_set": token_set,
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"
