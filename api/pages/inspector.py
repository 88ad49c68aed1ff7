"""The Inspector: an image, and over it every place that its tokens were measured in."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from api import control
from api.control import Retry
from api.deps import BASE_PATH, ItemId, JobId, SiteDep
from api.overlay import STROKES
from api.pages.inspection import inspect
from api.pages.rendering import show
from api.pages.session import SEE_OTHER, OwnForm, PageRoute, PageUser
from api.pages.wording import FORMATS
from api.views import Item
from shared.db.engine import transaction
from shared.db.items import ItemView, list_items, read_item
from shared.db.job_views import read_job
from shared.db.namings import read_evidence, read_naming_facts
from shared.db.results import read_item_tokens
from shared.db.retention import require_kept
from shared.errors import NotReady
from shared.tokens import TokenSet

router = APIRouter(
    prefix="/jobs/{job_id}/items/{item_id}", route_class=PageRoute, include_in_schema=False
)


@router.get("")
def show_item(
    request: Request,
    job_id: JobId,
    item_id: ItemId,
    user: PageUser,
    site: SiteDep,
    lit: Annotated[str, Query(alias="token", pattern=r"^[a-z]+\.[a-z0-9-]*$")] = "spacing.",
) -> Response:
    """Show an image with what was measured in it; ``lit`` is a token to light up at once."""
    with transaction(site.engine) as connection:
        require_kept(connection, user.id, job_id)
        job = read_job(connection, user.id, job_id)
        view = read_item(connection, user.id, job_id, item_id)
        facts = read_naming_facts(connection, [view.id]).get(view.id)
        token_set = _read_set(connection, view)
        evidence = read_evidence(connection, view.id)
        before, after = _neighbours(connection, user.id, view)
    return show(
        request,
        "inspector.html",
        user=user,
        job=job,
        item=Item.of(view, BASE_PATH, facts),
        layers=inspect(token_set, evidence) if token_set else [],
        dpr=evidence.measured.get("dpr"),
        strokes=STROKES,
        lit=lit,
        shown=lit.partition(".")[0],
        before=before,
        after=after,
        formats=FORMATS,
    )


def _read_set(connection: Connection, view: ItemView) -> TokenSet | None:
    try:
        return read_item_tokens(connection, view)
    except NotReady:
        return None


def _neighbours(
    connection: Connection, owner_id: str, view: ItemView
) -> tuple[str | None, str | None]:
    """Return the ids of the images before and behind an image of its job."""
    near = {
        each.ordinal: each.id
        for each in list_items(
            connection, owner_id, view.job_id, limit=3, after=max(view.ordinal - 2, -1)
        )
    }
    return near.get(view.ordinal - 1), near.get(view.ordinal + 1)


@router.post("/retry", dependencies=[OwnForm])
def retry(
    job_id: JobId, item_id: ItemId, user: PageUser, site: SiteDep, background: BackgroundTasks
) -> Response:
    """Try one image again."""
    control.retry_items(job_id, user, site, background, Retry(items=[item_id]))
    return RedirectResponse(f"/jobs/{job_id}/items/{item_id}", SEE_OTHER)


@router.post("/cancel", dependencies=[OwnForm])
def cancel(
    job_id: JobId, item_id: ItemId, user: PageUser, site: SiteDep, background: BackgroundTasks
) -> Response:
    """Cancel one image."""
    control.cancel_one_item(job_id, item_id, user, site, background)
    return RedirectResponse(f"/jobs/{job_id}/items/{item_id}", SEE_OTHER)
