"""The list of somebody's jobs, and what they do to one of them."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response
from fastapi.responses import RedirectResponse

from api import control, jobs
from api.deps import JobId, SiteDep
from api.pages.rendering import show
from api.pages.session import SEE_OTHER, OwnForm, PageRoute, PageUser
from shared.db.states import JobState
from shared.export.specimen import TITLES
from shared.tokens import TokenType

# One look at a screen or three; a job is a card of some 80 px.
SHOWN_JOBS = 25

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
def show_jobs(
    request: Request,
    user: PageUser,
    site: SiteDep,
    before: Annotated[str | None, Query(pattern="^job_[0-9a-f]{32}$")] = None,
    status: JobState | None = None,
) -> Response:
    """Show somebody's jobs, the newest first."""
    page = jobs.list_all_jobs(user, site, limit=SHOWN_JOBS, cursor=before, status=status)
    return show(
        request,
        "jobs.html",
        user=user,
        jobs=page.data,
        next_cursor=page.next_cursor,
        before=before,
        status_shown=status,
        settings=site.settings,
        token_types=tuple(TokenType),
        titles=TITLES,
    )


@router.post("/jobs/{job_id}/cancel", dependencies=[OwnForm])
def cancel(job_id: JobId, user: PageUser, site: SiteDep, background: BackgroundTasks) -> Response:
    """Cancel a job."""
    control.cancel_whole_job(job_id, user, site, background)
    return _to(job_id)


@router.post("/jobs/{job_id}/retry", dependencies=[OwnForm])
def retry(job_id: JobId, user: PageUser, site: SiteDep, background: BackgroundTasks) -> Response:
    """Try again what failed or was canceled."""
    control.retry_items(job_id, user, site, background)
    return _to(job_id)


@router.post("/jobs/{job_id}/delete", dependencies=[OwnForm])
def delete(job_id: JobId, user: PageUser, site: SiteDep, background: BackgroundTasks) -> Response:
    """Delete a job."""
    control.delete_whole_job(job_id, user, site, background)
    return RedirectResponse("/", SEE_OTHER)


def _to(job_id: str) -> Response:
    return RedirectResponse(f"/jobs/{job_id}", SEE_OTHER)
