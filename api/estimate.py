"""What a job would cost, told before it is handed in; nothing is queued and nothing kept."""

from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from api import submission
from api.admission import declared_bytes, require_room
from api.deps import CurrentUser, Site, SiteDep
from api.fields import InvalidFields, field_errors
from api.openapi import form_body, problems
from api.options import Calls, JobOptions, Mode, choose_mode, read_options
from api.schemas import Answer, Sent
from api.survey import Survey
from api.uploads import MAX_OPTIONS_BYTES, receive_form
from api.waiting import HELD
from shared.blobs import ScratchFiles
from shared.claude.expectation import Forecast, Picture, forecast, usual_counts
from shared.claude.prices import AS_OF, batch_usd, usd
from shared.db.engine import transaction
from shared.db.jobs import naming_hash
from shared.db.known_images import look_up, measured_lately
from shared.errors import UploadTooLarge
from shared.tokens import TokenType

FILES_FIELD = "files"
PATH = "/jobs/estimate"
MAX_IMAGES = 1_000_000
MAX_SIDE_PX = 100_000

router = APIRouter(tags=["jobs"])


def _no_text(value: object) -> object:
    """Refuse what Python would read as a number and JSON does not."""
    if isinstance(value, bool | str):
        raise ValueError("Input should be a valid integer")  # noqa: TRY004 -- pydantic's protocol
    return value


Whole = Annotated[int, BeforeValidator(_no_text)]


class PlannedImages(Sent):
    """Images that are not at hand yet: how many, and how large one is."""

    images: Annotated[Whole, Field(ge=1, le=MAX_IMAGES)]
    width: Annotated[Whole, Field(ge=1, le=MAX_SIDE_PX, description="In pixels.")]
    height: Annotated[Whole, Field(ge=1, le=MAX_SIDE_PX, description="In pixels.")]
    options: JobOptions = Field(default_factory=lambda: JobOptions.model_validate({}))


class Estimate(Answer):
    """What a job would cost at list prices if all goes well."""

    images: int
    unreadable: int = Field(description="Files that would fail.")
    cached: int = Field(description="Images that need no call: named before, or copies.")
    measured: int = Field(description="Of the others, those that are measured already.")
    mode: Mode
    model: str | None = Field(description="Null where Claude is not asked.")
    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    usd: float | None = Field(description="Null when the price of the model is not known.")
    saved_usd: float | None = Field(description="What the cached images would cost.")
    priced_on: date = Field(description="The date of the price list.")


@router.post(
    PATH,
    responses=problems(400, 401, 413, 415, 422),
    openapi_extra=form_body(
        FILES_FIELD, many=True, options_model="JobOptions", json_model="PlannedImages"
    ),
    dependencies=[HELD],
)
async def estimate_job(request: Request, user: CurrentUser, site: SiteDep) -> Estimate:
    """Tell what a job would cost: of the same form as a job, or of a number of images."""
    if request.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        planned = await _read_planned(request)
        picture = Picture(planned.width, planned.height, images=planned.images)
        wish = _wish(site, user.id, planned.options.model_dump(mode="json"))
        return await run_in_threadpool(_foretell, site, wish, _Images([picture], []))
    survey, options = await _survey(request, site)
    wish = _wish(site, user.id, options)
    return await run_in_threadpool(_foretell_files, site, wish, survey)


async def _read_planned(request: Request) -> PlannedImages:
    """Return the JSON body.

    Raises:
        UploadTooLarge: It is longer than any such body.
        InvalidFields: It is another.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_OPTIONS_BYTES:
            raise UploadTooLarge(f"the body is over the limit of {MAX_OPTIONS_BYTES} bytes")
    try:
        return PlannedImages.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        in_body = [{**each, "loc": ("body", *each["loc"])} for each in details]
        raise InvalidFields(field_errors(in_body)) from error


async def _survey(request: Request, site: Site) -> tuple[Survey, dict[str, Any]]:
    """Look at the files of a form as they come in."""
    settings = site.settings
    await run_in_threadpool(require_room, settings, declared_bytes(request))
    survey = Survey(settings)
    directory = None if settings.blob_url else settings.blob_dir
    limits = submission.upload_limits(settings, FILES_FIELD, settings.max_archive_members)
    form = await receive_form(request, ScratchFiles(survey.look, directory), limits)
    submission.require_usable(form, FILES_FIELD)
    return survey, read_options(JobOptions, form.options)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What somebody wants to know the cost of: their job's options, and what follows from them."""

    owner_id: str
    options: dict[str, Any]
    mode: Mode
    model: str

    @property
    def types(self) -> list[TokenType]:
        """The types that Claude is asked about, if it is asked at all."""
        wanted = self.options["token_types"] if self.mode is Mode.HYBRID else []
        return [TokenType(name) for name in wanted]

    def usd(self, calls: Forecast) -> float | None:
        """Return what calls cost, None where the price is not known."""
        price = batch_usd if self.options["claude"] == Calls.BATCH else usd
        cost = calls.usd(partial(price, self.model))
        return None if cost is None else float(round(cost, 6))


@dataclass(frozen=True, slots=True)
class _Images:
    """What calls are needed for, what they are not, and what could not be read."""

    fresh: list[Picture]
    again: list[Picture]
    unreadable: int = 0


def _wish(site: Site, owner_id: str, options: dict[str, Any]) -> _Wish:
    model = options["model"] or site.settings.claude_model
    return _Wish(owner_id, options, choose_mode(options, site.settings), model)


def _foretell_files(site: Site, wish: _Wish, survey: Survey) -> Estimate:
    """Return the cost of files, some of which may have been seen before."""
    model = {"model": wish.model} if wish.mode is Mode.HYBRID else {}
    naming = naming_hash(wish.mode.value, wish.options | model)
    with transaction(site.engine) as connection:
        known = look_up(connection, wish.owner_id, list(survey.copies), naming)
    images = _Images([], [], survey.unreadable)
    for sha256, copies in survey.copies.items():
        width, height = survey.sizes[sha256]
        picture = Picture(width, height, known[sha256].counts)
        is_named = known[sha256].is_named and not wish.options["force"]
        spared = copies if is_named else copies - 1
        if not is_named:
            images.fresh.append(picture)
        if spared:
            images.again.append(replace(picture, images=spared))
    return _foretell(site, wish, images)


def _foretell(site: Site, wish: _Wish, images: _Images) -> Estimate:
    with transaction(site.engine) as connection:
        usual = usual_counts(measured_lately(connection, wish.owner_id))
    paid = forecast(wish.model, wish.types, images.fresh, usual)
    usage = paid.usage
    spared = forecast(wish.model, wish.types, images.again, usual)
    again = sum(picture.images for picture in images.again)
    return Estimate(
        images=again + sum(picture.images for picture in images.fresh),
        unreadable=images.unreadable,
        cached=again,
        measured=sum(picture.counts is not None for picture in images.fresh),
        mode=wish.mode,
        model=wish.model if wish.mode is Mode.HYBRID else None,
        calls=paid.calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        usd=wish.usd(paid),
        saved_usd=wish.usd(spared),
        priced_on=AS_OF,
    )
