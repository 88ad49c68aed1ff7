"""Token sets, as JSON and as files."""

from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.deps import CurrentUser, ItemId, JobId, SiteDep, checked_item_id
from api.openapi import problems
from api.waiting import KnownTagsDep, entity_tag
from shared.db.engine import transaction
from shared.db.items import read_item
from shared.db.results import read_item_tokens, read_job_tokens
from shared.db.retention import require_kept
from shared.export import Format, export
from shared.tokens import TokenSet

router = APIRouter(prefix="/jobs/{job_id}", tags=["tokens"])


@router.get("/tokens", responses=problems(401, 404, 409, 410))
def read_tokens_of_job(job_id: JobId, user: CurrentUser, site: SiteDep) -> TokenSet:
    """Return the token set that a job's images came to together.

    A large job's set grows while the job runs, in steps; it is `partial` until the job has ended.
    """
    with transaction(site.engine) as connection:
        require_kept(connection, user.id, job_id)
        return read_job_tokens(connection, user.id, job_id, growing=True)


@router.get("/items/{item_id}/tokens", responses=problems(401, 404, 409, 410))
def read_tokens_of_item(
    job_id: JobId, item_id: ItemId, user: CurrentUser, site: SiteDep
) -> TokenSet:
    """Return the token set of one image; it may be there while the job runs."""
    with transaction(site.engine) as connection:
        require_kept(connection, user.id, job_id)
        return read_item_tokens(connection, read_item(connection, user.id, job_id, item_id))


_JSON = {"schema": {"type": "object"}}
_TEXT = {"schema": {"type": "string"}}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            "application/design-tokens+json": _JSON,
            "application/json": _JSON,
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
            **{f"text/{kind}": _TEXT for kind in ("css", "html", "javascript", "typescript")},
            "text/x-scss": _TEXT,
        },
    },
    304: {"description": "The file is as `If-None-Match` says."},
}


@router.get(
    "/export/{format}",
    response_class=Response,
    responses=problems(401, 404, 409, 410, 422) | _FILE,
)
def export_tokens(
    job_id: JobId,
    format: Format,  # noqa: A002 -- the name in the path
    user: CurrentUser,
    site: SiteDep,
    known: KnownTagsDep,
    item: Annotated[str | None, Query(description="Export this item's set.")] = None,
) -> Response:
    """Return a token set as a file."""
    with transaction(site.engine) as connection:
        require_kept(connection, user.id, job_id)
        if item is None:
            token_set = read_job_tokens(connection, user.id, job_id)
        else:
            view = read_item(connection, user.id, job_id, checked_item_id(item))
            token_set = read_item_tokens(connection, view)
    file = export(token_set, format)
    tag = entity_tag(sha256(file.content).hexdigest())
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if known & {tag, "*"}:
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
    return Response(file.content, media_type=file.media_type, headers=headers)
