"""A job's page: how far it is, its images, and the tokens they came to."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api import items
from api.deps import BASE_PATH, JobId, Site, SiteDep
from api.pages.plots import plot_spacing
from api.pages.rendering import show
from api.pages.session import PageRoute, PageUser
from api.pages.wording import FORMATS
from api.schemas import Sent
from api.views import ItemStatus, Job
from shared.db.engine import transaction
from shared.db.job_views import count_stages, read_job
from shared.db.results import read_job_tokens
from shared.db.users import UserView
from shared.errors import Gone, NotFound, NotReady
from shared.export import Format, export
from shared.export.specimen import TITLES, Pair, arrange, pair_up
from shared.tokens import Tokens, TokenSet, TokenType

# Images that a page holds, and that a script adds at a time.
SHOWN_ITEMS = 100
# Tokens of a type that a page begins with, and half as many of what is not confirmed and of pairs
# of colors: so a page stays below 150 kB.
SHOWN_TOKENS = 60

router = APIRouter(route_class=PageRoute, include_in_schema=False)


class View(StrEnum):
    """What the page shows below its head, besides the tokens of a type."""

    IMAGES = "images"
    EXPORT = "export"


class Wanted(Sent):
    """What somebody wants to see of a job; ``after`` is the place of the image before.

    ``part`` is one of the page that a script puts into it.
    """

    show: View | TokenType | None = None
    status: ItemStatus | None = None
    after: Annotated[int, Field(ge=0, le=items.MAX_ORDINAL)] | None = None
    extent: Literal["all"] | None = None
    part: Literal["images"] | None = None


@router.get("/jobs/{job_id}")
def show_job(
    request: Request,
    job_id: JobId,
    user: PageUser,
    site: SiteDep,
    wanted: Annotated[Wanted, Query()],
) -> Response:
    """Show a job."""
    with transaction(site.engine) as connection:
        context = _read_head(connection, user.id, job_id)
        token_set = None if wanted.part else _read_set(connection, user.id, job_id)
    if wanted.part:
        images = _read_images(job_id, user, site, wanted)
        return show(request, "job_images.html", user=user, **context, **images)
    view = wanted.show or (View.IMAGES if token_set is None else TokenType.COLOR)
    context |= {"view": view, "token_set": token_set, "titles": TITLES, "formats": FORMATS}
    if view is View.IMAGES and context["job"].status != "expired":
        context |= _read_images(job_id, user, site, wanted)
    elif isinstance(view, TokenType) and token_set is not None:
        context |= _display(view, token_set, None if wanted.extent else SHOWN_TOKENS)
    return show(request, "job.html", user=user, **context)


@router.get("/jobs/{job_id}/head")
def show_head(request: Request, job_id: JobId, user: PageUser, site: SiteDep) -> Response:
    """Show the head of a job's page alone, for a script that renews it often."""
    with transaction(site.engine) as connection:
        context = _read_head(connection, user.id, job_id)
    return show(request, "job_head.html", user=user, **context)


@router.get("/jobs/{job_id}/tokens/{token_type}/{name}")
def show_token(
    job_id: JobId,
    token_type: TokenType,
    name: str,
    user: PageUser,
    site: SiteDep,
    format: Format = Format.CSS,  # noqa: A002 -- as in the address
) -> Response:
    """Return one token in a format, as text to copy: the export of a set of it alone."""
    with transaction(site.engine) as connection:
        token_set = read_job_tokens(connection, user.id, job_id, growing=True)
    # Exports hold what is confirmed; what somebody asks for by name is wanted as it is.
    found = [
        each.model_copy(update={"confirmed": True})
        for each in getattr(token_set.tokens, token_type.value)
        if each.name == name
    ]
    if not found:
        raise NotFound(f"no {token_type.value} token {name!a}")
    alone = Tokens.model_validate({token_type.value: found})
    file = export(token_set.model_copy(update={"tokens": alone}), format)
    return Response(file.content, media_type="text/plain; charset=utf-8")


def _read_head(connection: Connection, owner_id: str, job_id: str) -> dict[str, Any]:
    """Return what the head of a job's page shows."""
    view = read_job(connection, owner_id, job_id)
    job = Job.of(view, BASE_PATH, datetime.now(UTC))
    left = job.counts.total - job.counts.succeeded - job.counts.failed - job.counts.canceled
    return {
        "job": job,
        "here": f"/jobs/{job.id}",
        "stages": [] if job.finished_at else count_stages(connection, job_id),
        "rate": left / job.eta_seconds if job.eta_seconds and left else None,
    }


def _read_set(connection: Connection, owner_id: str, job_id: str) -> TokenSet | None:
    """Return a job's token set, None while there is none or when it is gone."""
    try:
        return read_job_tokens(connection, owner_id, job_id, growing=True)
    except (NotReady, Gone):
        return None


def _read_images(job_id: str, user: UserView, site: Site, wanted: Wanted) -> dict[str, Any]:
    page = items.list_job_items(
        job_id, user, site, limit=SHOWN_ITEMS, cursor=wanted.after, status=wanted.status
    )
    return {
        "items": page.data,
        "next": page.next_cursor,
        "status_shown": wanted.status,
        "after": wanted.after,
    }


def _display(token_type: TokenType, token_set: TokenSet, most: int | None) -> dict[str, Any]:
    """Return what a display of one type of token shows, of at most so many tokens."""
    section = arrange(token_type, token_set)
    doubtful = [each for _, group in section.groups for each in group if not each.token.confirmed]
    left = section.count if most is None else most
    few = None if most is None else most // 2
    groups = []
    for heading, group in section.groups:
        shown = [each for each in group if each.token.confirmed][:left]
        groups.append((heading, shown))
        left -= len(shown)
    return {
        "section": section,
        "groups": [(heading, shown) for heading, shown in groups if shown],
        "doubtful": doubtful[:few],
        "doubtful_count": len(doubtful),
        "more": section.count - sum(len(shown) for _, shown in groups) - len(doubtful[:few]),
        "pairs": _pairs(token_type, token_set)[:few],
        "plot": plot_spacing(token_set.tokens, token_set.scales),
        "scale": getattr(token_set.scales, token_type.value, None),
    }


def _pairs(token_type: TokenType, token_set: TokenSet) -> list[Pair]:
    return pair_up(token_set.tokens.confirmed()) if token_type is TokenType.COLOR else []
