"""Where a job's screens drift from their own design system, as JSON and as a page."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response

from api.deps import CurrentUser, JobId, SiteDep
from api.openapi import problems
from shared.db.engine import transaction
from shared.db.results import read_job_tokens
from shared.db.retention import require_kept
from shared.export import write_report
from shared.findings import Report
from shared.report import report

HTML, JSON = "text/html", "application/json"
# The page needs its own styles; nothing else, and no other site's frame.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept"}

router = APIRouter(prefix="/jobs/{job_id}", tags=["tokens"])

_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The report.", "content": {HTML: {"schema": {"type": "string"}}}}
}


@router.get("/report", response_model=Report, responses=problems(401, 404, 409, 410, 422) | _PAGE)
def report_on_job(
    job_id: JobId,
    user: CurrentUser,
    site: SiteDep,
    response: Response,
    format: Annotated[  # noqa: A002 -- the name in the query
        Literal["json", "html"] | None, Query(description="Goes before `Accept`.")
    ] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = JSON,
) -> Report | Response:
    """Tell where a job's screens drift: what is off the scale, nearly the same, rare, unreadable.

    Each finding has its counts and places, and the value that should probably be there. A page
    comes for an `Accept` that names `text/html` first.
    """
    with transaction(site.engine) as connection:
        require_kept(connection, user.id, job_id)
        token_set = read_job_tokens(connection, user.id, job_id)
    found = report(token_set)
    if format != "html" and (format == "json" or not _prefers_html(accept)):
        response.headers.update(HEADERS)
        return found
    page = write_report(found, token_set)
    headers = HEADERS | {
        "Content-Security-Policy": POLICY,
        "Content-Disposition": f'inline; filename="{page.name}"',
    }
    return Response(page.content, media_type=page.media_type, headers=headers)


def _prefers_html(accept: str) -> bool:
    """Tell whether a page is asked for by name, and JSON is not before it: browsers list both."""
    names = [each.partition(";")[0].strip() for each in accept.lower().split(",")]
    return HTML in names and JSON not in names[: names.index(HTML)]
