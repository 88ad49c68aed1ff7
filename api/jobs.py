"""Submit jobs, list them, read one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool

from api import submission
from api.admission import IdempotencyKey, admit
from api.deps import BASE_PATH, DEFAULT_LIMIT, CurrentUser, JobId, Limit, SiteDep
from api.openapi import form_body, problems
from api.options import (
    MAX_LABELS,
    PRIORITIES,
    JobOptions,
    Priority,
    choose_mode,
    read_options,
    require_price,
    require_webhook_url,
)
from api.schemas import LABEL_NAME, LABEL_VALUE, Page
from api.submission import Wish
from api.uploads import receive_form
from api.views import Job
from api.waiting import (
    HELD,
    HELD_WHILE_WAITING,
    RETRY_AFTER_S,
    KnownTagsDep,
    WaitDep,
    applied,
    entity_tag,
    watch_job,
)
from shared.db.engine import transaction
from shared.db.job_views import JobView, has_ended, list_jobs
from shared.db.states import JobState

FILES_FIELD = "files"

router = APIRouter(prefix="/jobs", tags=["jobs"])

_REPLAYED: dict[int | str, dict[str, Any]] = {
    200: {"model": Job, "description": "The `Idempotency-Key` came before: the job as it is now."}
}


@router.post(
    "",
    status_code=202,
    responses=problems(400, 401, 413, 415, 422, 429) | _REPLAYED,
    openapi_extra=form_body(FILES_FIELD, many=True, options_model="JobOptions"),
    dependencies=[HELD],
)
async def submit_job(
    request: Request,
    response: Response,
    background: BackgroundTasks,
    user: CurrentUser,
    site: SiteDep,
    idempotency_key: IdempotencyKey = None,
) -> Job:
    """Hand in images and archives; the answer comes before they are worked on."""
    await admit(request, user.id, idempotency_key)
    settings = site.settings
    limits = submission.upload_limits(settings, FILES_FIELD, settings.max_archive_members)
    form = await receive_form(request, site.blobs, limits)
    options = read_options(JobOptions, form.options)
    require_webhook_url(options, settings)
    require_price(options, settings)
    submission.require_usable(form, FILES_FIELD)
    wish = Wish(
        owner_id=user.id,
        mode=choose_mode(options, settings),
        priority=PRIORITIES[Priority(options["priority"])],
        options=options,
        request_id=request.state.request_id,
        idempotency_key=idempotency_key,
    )
    stored = await run_in_threadpool(submission.store_job, site, form.files, wish)
    background.add_task(submission.send_hints, site.celery, stored.view.id, stored.hints)
    job = Job.of(stored.view, BASE_PATH, datetime.now(UTC))
    if stored.replayed:
        response.status_code = 200
        response.headers["Idempotent-Replayed"] = "true"
    response.headers["Location"] = job.links.self
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return job


LabelQuery = Annotated[
    Sequence[Annotated[str, StringConstraints(pattern=f"^{LABEL_NAME}={LABEL_VALUE}$")]],
    Query(
        max_length=MAX_LABELS,
        description="`name=value`: only jobs with this label; may be repeated.",
        examples=[["team=web"]],
    ),
]


@router.get("", responses=problems(401, 422))
def list_all_jobs(
    user: CurrentUser,
    site: SiteDep,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(pattern="^job_[0-9a-f]{32}$")] = None,
    status: JobState | None = None,
    label: LabelQuery = (),
) -> Page[Job]:
    """Return a page of your jobs, the newest first."""
    labels = [(name, value) for name, _, value in (pair.partition("=") for pair in label)]
    with transaction(site.engine) as connection:
        found = list_jobs(
            connection, user.id, limit=limit + 1, before=cursor, state=status, labels=labels
        )
    now = datetime.now(UTC)
    shown = [Job.of(view, BASE_PATH, now) for view in found[:limit]]
    return Page(data=shown, next_cursor=shown[-1].id if len(found) > limit else None)


_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The job is as `If-None-Match` says."}
}


@router.get(
    "/{job_id}",
    response_model=Job,
    responses=problems(401, 404, 422) | _NOT_MODIFIED,
    dependencies=[HELD_WHILE_WAITING],
)
async def read_one_job(
    request: Request,
    response: Response,
    job_id: JobId,
    user: CurrentUser,
    wait_s: WaitDep,
    known: KnownTagsDep,
) -> Job | Response:
    """Return a job; with `Prefer: wait=N`, as soon as it changes or ends."""
    first_seen: list[str] = []

    def is_news(view: JobView) -> bool:
        # Without a tag to compare to, news is whatever differs from the first look.
        first_seen.append(view.version)
        seen = known or {entity_tag(first_seen[0])}
        return has_ended(view) or entity_tag(view.version) not in seen

    view = await watch_job(request, user.id, job_id, wait_s, is_news)
    headers = {"ETag": entity_tag(view.version), "Cache-Control": "private, no-cache"}
    headers |= applied(wait_s)
    if not has_ended(view):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if known & {entity_tag(view.version), "*"}:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return Job.of(view, BASE_PATH, datetime.now(UTC))
