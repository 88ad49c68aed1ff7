"""The items of a job, and their images."""

from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.deps import (
    BASE_PATH,
    DEFAULT_LIMIT,
    CurrentUser,
    ItemId,
    JobId,
    Limit,
    SiteDep,
)
from api.files import stored_file
from api.openapi import problems
from api.schemas import Page
from api.views import Item, ItemStatus
from shared.db.engine import transaction
from shared.db.items import list_items, read_item
from shared.db.namings import read_naming_facts
from shared.db.retention import require_kept
from shared.db.thumbnails import read_picture

# No job has as many items; PostgreSQL's integer has room for it.
MAX_ORDINAL = 2**31 - 1

router = APIRouter(prefix="/jobs/{job_id}/items", tags=["items"])


@router.get("", responses=problems(401, 404, 410, 422))
def list_job_items(
    job_id: JobId,
    user: CurrentUser,
    site: SiteDep,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Annotated[int, Query(ge=0, le=MAX_ORDINAL)] | None = None,
    status: ItemStatus | None = None,
) -> Page[Item]:
    """Return a page of a job's items, in the order they came in."""
    with transaction(site.engine) as connection:
        require_kept(connection, user.id, job_id)
        found = list_items(
            connection, user.id, job_id, limit=limit + 1, after=cursor, status=status
        )
        facts = read_naming_facts(connection, [view.id for view in found[:limit]])
    shown = [Item.of(view, BASE_PATH, facts.get(view.id)) for view in found[:limit]]
    return Page(data=shown, next_cursor=str(shown[-1].index) if len(found) > limit else None)


@router.get("/{item_id}", responses=problems(401, 404, 410))
def read_one_item(job_id: JobId, item_id: ItemId, user: CurrentUser, site: SiteDep) -> Item:
    """Return an item with its stages, timings, error and cost."""
    with transaction(site.engine) as connection:
        require_kept(connection, user.id, job_id)
        view = read_item(connection, user.id, job_id, item_id)
        facts = read_naming_facts(connection, [view.id])
    return Item.of(view, BASE_PATH, facts.get(view.id))


# The item never gets another image.
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
# As wide as thumbnails are; who wants more wants the image.
MAX_WIDTH_PX = 400
Width = Annotated[
    int | None,
    Query(
        ge=1,
        le=MAX_WIDTH_PX,
        description="The width in pixels that something small will be shown in: once the image "
        "was measured, its upper part as a JPEG of 400 pixels. Default: the image as it is.",
    ),
]
_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bytes as they were handed in.",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get(
    "/{item_id}/image",
    response_class=StreamingResponse,
    responses=problems(401, 404, 410, 416, 422) | _IMAGE,
)
def read_item_image(
    request: Request,
    job_id: JobId,
    item_id: ItemId,
    user: CurrentUser,
    site: SiteDep,
    width: Width = None,
) -> Response:
    """Return an item's image as it was handed in, or a thumbnail of its upper part."""
    with transaction(site.engine) as connection:
        require_kept(connection, user.id, job_id)
        picture = read_picture(connection, user.id, job_id, item_id)
    if width is not None and picture.thumbnail is not None:
        return Response(picture.thumbnail, media_type="image/jpeg", headers=_FOREVER)
    answer = stored_file(
        request,
        site.blobs,
        picture.sha256,
        media_type=picture.media_type,
        filename=PurePosixPath(picture.filename).name,
    )
    # Where there is no thumbnail yet, there soon is.
    answer.headers.update({"Cache-Control": "private, no-cache"} if width else _FOREVER)
    return answer
