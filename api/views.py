"""Jobs and items as JSON."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field

from api.options import JobOptions
from api.schemas import Answer
from shared.db.items import ItemView, StageView
from shared.db.job_views import JobView, has_ended
from shared.db.namings import NamingFacts
from shared.db.states import Cap, JobState

ItemStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "canceled"]

# A unit of work is done or dead; what a reader knows is whether the stage succeeded.
_STAGE_STATUSES = {"done": "succeeded", "dead": "failed"}


class StoredProblem(Answer):
    """Why a job or an item is what it is."""

    type: str
    title: str
    code: str
    detail: str


class Cost(Answer):
    """What Claude's part came to, retries and failed calls included."""

    usd: float | None = Field(description="Null when a call's price is not known.")
    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    saved_usd: float | None = Field(
        description="What calls cost whose answers served again; null when that is not known."
    )

    @classmethod
    def of(cls, view: JobView | ItemView) -> Self:
        """Return what a job or an item cost."""
        return cls(
            usd=_float(view.usd),
            saved_usd=_float(view.saved_usd),
            calls=view.calls,
            input_tokens=view.input_tokens,
            output_tokens=view.output_tokens,
            cache_read_tokens=view.cache_read_tokens,
        )


def _float(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)


class JobCost(Cost):
    """The same of a job, and what kept it from costing more."""

    named: int = Field(description="Images with names that Claude was asked for, by any job.")
    spared: int = Field(description="Of those, images that needed no call of this job.")
    hit_rate: float | None = Field(
        ge=0, le=1, description="`spared / named`; null while nothing is named."
    )
    capped_by: Cap | None = Field(
        description="Images are named by rule because `max_cost_usd` (`job`) or what the service "
        "may spend a day (`day`) was reached."
    )

    @classmethod
    def of_job(cls, view: JobView) -> Self:
        """Return what a job cost."""
        return cls(
            **Cost.of(view).model_dump(),
            named=view.named,
            spared=view.spared,
            hit_rate=round(view.spared / view.named, 4) if view.named else None,
            capped_by=view.capped_by,
        )


class Counts(Answer):
    """Where the items stand: `queued + running + succeeded + failed + canceled = total`."""

    total: int = Field(description="Grows while archives are unpacked.")
    queued: int = Field(description="Not begun, between two stages, or waiting for a retry.")
    running: int
    succeeded: int
    degraded: int = Field(description="Of those that succeeded: named by rule, not by Claude.")
    failed: int
    canceled: int
    cached: int = Field(description="Of those that succeeded: answered from an earlier result.")


class WaitingOn(Answer):
    """What holds a job back."""

    what: str = Field(examples=["claude"])
    retry_at: datetime | None
    reason: str | None


class ShownOptions(JobOptions):
    """The options that a job runs with."""

    model_config = ConfigDict(extra="ignore")


class JobLinks(Answer):
    """Where the parts of a job are."""

    self: str
    items: str
    tokens: str
    events: str
    results: str
    export: str = Field(description="Put a format in the place of `{format}`.")


class Job(Answer):
    """What was handed in, and how far it is."""

    id: str
    name: str
    status: JobState
    options: ShownOptions
    request_id: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="Until when the results can be read.")
    deadline_at: datetime | None = Field(description="When images that are not done fail.")
    cancel_asked_at: datetime | None = Field(
        description="When it was canceled; what runs then is ended first."
    )
    waiting_on: WaitingOn | None = Field(description="What holds it back; null: nothing does.")
    counts: Counts
    skipped_members: int = Field(description="Files of archives that are no images by name.")
    progress: float = Field(
        ge=0,
        le=1,
        description="The part of the items that have ended; 0 while it is not known how many are.",
    )
    eta_seconds: float | None = Field(description="Null while there is nothing to tell it by.")
    cost: JobCost
    error: StoredProblem | None
    links: JobLinks

    @classmethod
    def of(cls, view: JobView, base_path: str, now: datetime) -> Self:
        """Return the JSON form of a job at a time."""
        path = f"{base_path}/jobs/{view.id}"
        ended = view.succeeded + view.failed + view.canceled
        return cls(
            id=view.id,
            name=view.name,
            status=JobState(view.state),
            options=ShownOptions.model_validate(view.options),
            request_id=view.request_id,
            created_at=view.created_at,
            started_at=view.started_at,
            finished_at=view.finished_at,
            expires_at=view.expires_at,
            deadline_at=view.deadline_at,
            cancel_asked_at=view.cancel_asked_at,
            waiting_on=WaitingOn.model_validate(view.waiting_on) if view.waiting_on else None,
            counts=Counts.model_validate(view),
            skipped_members=view.skipped_members,
            progress=_progress(view, ended),
            eta_seconds=_eta_s(view, ended, now),
            cost=JobCost.of_job(view),
            error=StoredProblem.model_validate(view.error) if view.error else None,
            links=JobLinks(
                self=path,
                items=f"{path}/items",
                tokens=f"{path}/tokens",
                events=f"{path}/events",
                results=f"{path}/results.ndjson",
                export=f"{path}/export/{{format}}",
            ),
        )


def _progress(view: JobView, ended: int) -> float:
    """Return the part that has ended; it never shrinks, though items appear while unpacking."""
    if has_ended(view):
        return 1.0
    if view.state == JobState.UNPACKING or not view.total:
        return 0.0
    return round(ended / view.total, 4)


def _eta_s(view: JobView, ended: int, now: datetime) -> float | None:
    """Return the seconds left if the rest goes as fast as what was worked on lately."""
    if has_ended(view):
        return 0.0
    if view.state != JobState.RUNNING or view.paced_since is None or not view.paced_items:
        return None
    elapsed_s = max((now - view.paced_since).total_seconds(), 0)
    return round(elapsed_s / view.paced_items * (view.total - ended), 1)


class StageProgress(Answer):
    """One stage of an item."""

    name: str = Field(examples=["measure"])
    status: ItemStatus
    attempt: int
    next_retry_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    worker: str | None

    @classmethod
    def of(cls, view: StageView, item_status: str) -> Self:
        """Return the JSON form of a stage.

        Of an item that has succeeded every stage has, though it may run again for another job.
        """
        shown = {name: getattr(view, name) for name in cls.model_fields}
        status = _STAGE_STATUSES.get(view.status, view.status)
        return cls(**shown | {"status": item_status if item_status == "succeeded" else status})


class ItemLinks(Answer):
    """Where the parts of an item are."""

    self: str
    job: str
    image: str | None
    tokens: str


class Diagnostics(Answer):
    """What became of Claude's answer about an image."""

    named: int = Field(description="Measurements that got a name.")
    dropped: int = Field(description="Measurements that it took for no part of the design.")
    added: int = Field(
        description="Values that measuring had missed and found where Claude pointed at them."
    )
    rejected: int = Field(description="Values that it pointed at and that are not there.")


class Item(Answer):
    """One image of a job."""

    id: str
    job_id: str
    index: int = Field(description="Its place in the job, from 0.")
    filename: str = Field(description="Its path inside the archive it came in.")
    sha256: str | None = Field(description="Null for a file that is no image.")
    media_type: str | None
    width: int | None = Field(description="In pixels, once measured.")
    height: int | None = Field(description="In pixels, once measured.")
    status: ItemStatus
    stage: str | None = Field(description="The stage it is in, or ended in.")
    attempts: int
    cached: bool
    degraded: bool = Field(description="Measured, but named by rule; `error` says why.")
    error: StoredProblem | None
    stages: list[StageProgress]
    cost: Cost
    diagnostics: Diagnostics | None = Field(description="Null where no answer of Claude serves.")
    links: ItemLinks

    @classmethod
    def of(cls, view: ItemView, base_path: str, facts: NamingFacts | None = None) -> Self:
        """Return the JSON form of an item."""
        job = f"{base_path}/jobs/{view.job_id}"
        path = f"{job}/items/{view.id}"
        copied: dict[str, Any] = {
            name: getattr(view, name)
            for name in cls.model_fields
            if name not in {"index", "stage", "stages", "cost", "diagnostics", "links", "error"}
        }
        return cls(
            **copied,
            index=view.ordinal,
            stage=view.stages[-1].name if view.stages else None,
            stages=[StageProgress.of(stage, view.status) for stage in view.stages],
            error=StoredProblem.model_validate(view.error) if view.error else None,
            cost=Cost.of(view),
            diagnostics=None if facts is None else Diagnostics.model_validate(facts),
            links=ItemLinks(
                self=path,
                job=job,
                image=f"{path}/image" if view.sha256 else None,
                tokens=f"{path}/tokens",
            ),
        )
