"""One image, one token type: a job of one item, and its token set where the caller waits."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from api import submission
from api.admission import admit
from api.deps import BASE_PATH, CurrentUser, SiteDep
from api.errors import problem_response, status_of_code
from api.openapi import form_body, problems
from api.options import INTERACTIVE, ExtractOptions, choose_mode, read_options
from api.submission import Wish
from api.uploads import ReceivedForm, receive_form
from api.views import Job
from api.waiting import HELD, RETRY_AFTER_S, WaitDep, applied, watch_job
from shared.db.engine import transaction
from shared.db.items import list_items
from shared.db.job_views import JobView, has_ended
from shared.db.results import read_item_tokens
from shared.errors import NotAnImage, Problem
from shared.tokens import TokenSet, TokenType

router = APIRouter(tags=["extraction"])

FILE_FIELD = "file"
TOKEN_TYPES = {
    "colors": TokenType.COLOR,
    "spacing": TokenType.SPACING,
    "typography": TokenType.TYPOGRAPHY,
    "shadows": TokenType.SHADOW,
    "gradients": TokenType.GRADIENT,
}
PATHS = {f"/{name}/extract": token_type for name, token_type in TOKEN_TYPES.items()}


async def _token_type(request: Request) -> TokenType:
    return PATHS[request.url.path.removeprefix(BASE_PATH)]


async def extract(
    request: Request,
    background: BackgroundTasks,
    token_type: Annotated[TokenType, Depends(_token_type)],
    user: CurrentUser,
    site: SiteDep,
    wait_s: WaitDep,
) -> TokenSet | Response:
    """Find one type of token in one image; waits for them with `Prefer: wait=N`."""
    await admit(request, user.id)
    limits = submission.upload_limits(site.settings, FILE_FIELD, max_files=1)
    form = await receive_form(request, site.blobs, limits)
    options = read_options(ExtractOptions, form.options) | {"token_types": [token_type.value]}
    _require_image(form)
    mode = choose_mode(options, site.settings)
    wish = Wish(user.id, mode, INTERACTIVE, options, request.state.request_id)
    stored = await run_in_threadpool(submission.store_job, site, form.files, wish)
    job_id = stored.view.id
    if not wait_s:
        background.add_task(submission.send_hints, site.celery, job_id, stored.hints)
        return _accepted(stored.view, wait_s)
    await run_in_threadpool(submission.send_hints, site.celery, job_id, stored.hints)
    view = await watch_job(request, user.id, job_id, wait_s, _item_has_ended)
    if not _item_has_ended(view):
        return _accepted(view, wait_s)
    return await run_in_threadpool(_result, request, site.engine, user.id, view)


def _require_image(form: ReceivedForm) -> None:
    """Refuse anything but one image.

    Raises:
        NothingUsable: There is no file.
        UnreadableInput: The file is none that we read; which one, its class says.
    """
    if form.files and form.files[0].error is not None:
        raise form.files[0].error
    submission.require_usable(form, FILE_FIELD)
    if form.files[0].is_archive:
        raise NotAnImage(f"{form.files[0].filename} is an archive; send it to {BASE_PATH}/jobs")


def _item_has_ended(view: JobView) -> bool:
    """Tell whether the one item is over; the job itself ends a little later."""
    return has_ended(view) or view.succeeded + view.failed + view.canceled > 0


def _accepted(view: JobView, wait_s: int) -> Response:
    """Answer with the job, to be asked for later."""
    job = Job.of(view, BASE_PATH, datetime.now(UTC))
    headers = {"Location": job.links.self, "Retry-After": str(RETRY_AFTER_S)} | applied(wait_s)
    return JSONResponse(job.model_dump(mode="json", by_alias=True), 202, headers)


def _result(request: Request, engine: Engine, owner_id: str, view: JobView) -> TokenSet | Response:
    """Return what the one item came to: its token set, or its problem."""
    with transaction(engine) as connection:
        item = list_items(connection, owner_id, view.id, limit=1)[0]
        if item.status == "succeeded":
            return read_item_tokens(connection, item)
    error = item.error or view.error or {}
    problem = Problem(**{name: error.get(name, "") for name in ("code", "title", "detail")})
    job = f"{BASE_PATH}/jobs/{view.id}"
    return problem_response(
        request, problem, status_of_code(problem.code), headers={"Location": job}
    )


_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": Job, "description": "Without `Prefer: wait=N`, or when the time was up."}
}

for _name in TOKEN_TYPES:
    router.add_api_route(
        f"/{_name}/extract",
        extract,
        name=f"extract_{_name}",
        methods=["POST"],
        response_model=TokenSet,
        summary=f"Extract {_name}",
        responses=problems(400, 401, 413, 415, 422, 429, 502, 504) | _ACCEPTED,
        openapi_extra=form_body(FILE_FIELD, many=False, options_model="ExtractOptions"),
        dependencies=[HELD],
    )
