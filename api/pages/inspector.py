"""The Inspector: an image, and over it every place that its tokens were measured in."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field
from sqlalchemy import Connection

from api import control
from api.control import Retry
from api.deps import BASE_PATH, ItemId, JobId, SiteDep
from api.pages.inspection import Layer, inspect
from api.pages.rendering import show
from api.pages.session import SEE_OTHER, OwnForm, PageRoute, PageUser
from api.pages.wording import FORMATS
from api.schemas import Sent
from api.views import Item
from shared.db.engine import transaction
from shared.db.items import ItemView, list_items, read_item
from shared.db.job_views import read_job
from shared.db.namings import read_evidence, read_naming_facts
from shared.db.results import read_item_tokens
from shared.db.retention import require_kept
from shared.errors import NotReady
from shared.tokens import TokenSet, TokenType

router = APIRouter(
    prefix="/jobs/{job_id}/items/{item_id}", route_class=PageRoute, include_in_schema=False
)


class Wanted(Sent):
    """The layer to show, and the corner of a place whose token is to be lit up.

    In its job a token may have another name, so a place stands for it.
    """

    type: TokenType = TokenType.SPACING
    at: Annotated[str, Field(pattern=r"^\d+,\d+$")] | None = None

    def find(self, layers: Sequence[Layer]) -> str | None:
        """Return the key of the token to light up, if there is one."""
        if self.at is None:
            return None
        begins = f"M{self.at.replace(',', ' ')}h"
        findings = (
            each for layer in layers if layer.token_type is self.type for each in layer.findings
        )
        return next((each.key for each in findings if begins in each.path), None)


@router.get("")
def show_item(
    request: Request,
    job_id: JobId,
    item_id: ItemId,
    user: PageUser,
    site: SiteDep,
    wanted: Annotated[Wanted, Query()],
) -> Response:
    """Show an image with what was measured in it."""
    with transaction(site.engine) as connection:
        require_kept(connection, user.id, job_id)
        context = _read(connection, user.id, job_id, item_id)
    lit = wanted.find(context["layers"])
    return show(request, "inspector.html", user=user, lit=lit, shown=wanted.type, **context)


def _read(connection: Connection, owner_id: str, job_id: str, item_id: str) -> dict[str, Any]:
    """Return what the page shows of an image."""
    view = read_item(connection, owner_id, job_id, item_id)
    facts = read_naming_facts(connection, [view.id]).get(view.id)
    token_set = _read_set(connection, view)
    evidence = read_evidence(connection, view.id)
    before, after = _neighbours(connection, owner_id, view)
    return {
        "job": read_job(connection, owner_id, job_id),
        "item": Item.of(view, BASE_PATH, facts),
        "layers": inspect(token_set, evidence) if token_set else [],
        "dpr": evidence.measured.get("dpr"),
        "before": before,
        "after": after,
        "formats": FORMATS,
    }


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
