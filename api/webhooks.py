"""Webhooks: addresses that are told when jobs end, and the log of what they were told.

``docs/webhooks.md`` says how a receiver checks who told it.
"""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints, field_validator

from api.deps import DEFAULT_LIMIT, CurrentUser, DeliveryId, Limit, SiteDep, WebhookId
from api.fields import FieldError, InvalidFields
from api.openapi import problems
from api.options import WebAddress, scheme_error
from api.schemas import MAX_NAME, Answer, Page, Sent
from shared.db import webhooks
from shared.db.engine import transaction
from shared.db.states import DeliveryState
from shared.db.webhooks import DeliveryView, Refusal, WebhookEvent, WebhookView

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_NAME, pattern=r"^[^\x00-\x1f\x7f]*$"),
]


class NewWebhook(Sent):
    """An address to tell."""

    url: WebAddress = Field(
        description="Gets a `POST` for each event; has to be HTTPS, on the public Internet."
    )
    events: Annotated[list[WebhookEvent], Field(min_length=1)] = Field(
        default_factory=lambda: list(WebhookEvent), description="Default: all of them."
    )
    description: Description = ""

    @field_validator("events")
    @classmethod
    def _in_one_order(cls, wanted: list[WebhookEvent]) -> list[WebhookEvent]:
        return [event for event in WebhookEvent if event in wanted]


class Webhook(Answer):
    """An address that is told when jobs end."""

    id: str
    url: str
    events: list[WebhookEvent] = Field(
        description="Empty: told only of jobs that name it as their `webhook_url`."
    )
    description: str
    created_at: datetime
    disabled_at: datetime | None = Field(
        description="Since when it is told of no job, as the receiver answered 410 or took "
        "nothing for five days. Register it again to go on."
    )

    @classmethod
    def of(cls, view: WebhookView) -> Self:
        """Return the JSON form of a webhook."""
        return cls.model_validate(view)


class WebhookWithSecret(Webhook):
    """A webhook with what its messages are signed with."""

    secret: str = Field(examples=["whsec_…"])


class Attempt(Answer):
    """One try to deliver a message."""

    at: datetime
    status: int | None = Field(description="The receiver's; null when there was no answer.")
    error: str | None = Field(description="Null when the message was taken.")
    seconds: float
    response: str | None = Field(description="The first 1,024 bytes of the answer.")


class Delivery(Answer):
    """A message and what became of it."""

    id: str = Field(description="Also the `webhook-id` of every try.")
    job_id: str | None = Field(description="Null once the job is deleted.")
    event: WebhookEvent
    status: DeliveryState
    attempts: list[Attempt] = Field(description="The last ten, the latest last.")
    created_at: datetime
    next_attempt_at: datetime | None = Field(description="Null when none is to come.")
    finished_at: datetime | None

    @classmethod
    def of(cls, view: DeliveryView) -> Self:
        """Return the JSON form of a delivery."""
        pending = view.state == DeliveryState.PENDING
        return cls(
            id=view.id,
            job_id=view.job_id,
            event=WebhookEvent(view.event),
            status=DeliveryState(view.state),
            attempts=[Attempt.model_validate(attempt) for attempt in view.attempts],
            created_at=view.created_at,
            next_attempt_at=view.next_attempt_at if pending else None,
            finished_at=view.finished_at,
        )


@router.post("", status_code=201, responses=problems(400, 401, 422))
def register_webhook(sent: NewWebhook, user: CurrentUser, site: SiteDep) -> WebhookWithSecret:
    """Register an address, or one again that was disabled; its secret stays."""
    if wrong := scheme_error(sent.url, site.settings):
        raise InvalidFields([FieldError("/url", wrong)])
    with transaction(site.engine) as connection:
        made = webhooks.register(connection, user.id, sent.url, sent.events, sent.description)
    if isinstance(made, Refusal):
        raise InvalidFields([FieldError("/url", made.value)])
    return WebhookWithSecret.of(made)


@router.get("", responses=problems(401, 422))
def list_webhooks(
    user: CurrentUser,
    site: SiteDep,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(pattern="^hook_[0-9a-f]{32}$")] = None,
) -> Page[Webhook]:
    """Return a page of your webhooks, the newest first."""
    with transaction(site.engine) as connection:
        found = webhooks.list_webhooks(connection, user.id, limit=limit + 1, before=cursor)
    shown = found[:limit]
    more = shown[-1].id if len(found) > limit else None
    return Page(data=[Webhook.of(view) for view in shown], next_cursor=more)


@router.get("/{webhook_id}", responses=problems(401, 404))
def read_webhook(webhook_id: WebhookId, user: CurrentUser, site: SiteDep) -> WebhookWithSecret:
    """Return a webhook with its secret."""
    with transaction(site.engine) as connection:
        return WebhookWithSecret.of(webhooks.read_webhook(connection, user.id, webhook_id))


@router.delete("/{webhook_id}", status_code=204, responses=problems(401, 404))
def delete_webhook(webhook_id: WebhookId, user: CurrentUser, site: SiteDep) -> None:
    """Delete a webhook with its log; what it was still to be told is not sent."""
    with transaction(site.engine) as connection:
        webhooks.delete_webhook(connection, user.id, webhook_id)


@router.get("/{webhook_id}/deliveries", responses=problems(401, 404, 422))
def list_deliveries(
    webhook_id: WebhookId,
    user: CurrentUser,
    site: SiteDep,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(pattern="^msg_[0-9a-f]{32}$")] = None,
) -> Page[Delivery]:
    """Return a page of what a webhook was told, the newest first; kept for 30 days."""
    with transaction(site.engine) as connection:
        webhooks.read_webhook(connection, user.id, webhook_id)
        found = webhooks.list_deliveries(connection, webhook_id, limit=limit + 1, before=cursor)
    shown = found[:limit]
    more = shown[-1].id if len(found) > limit else None
    return Page(data=[Delivery.of(view) for view in shown], next_cursor=more)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
    responses=problems(401, 404),
)
def redeliver(
    webhook_id: WebhookId, delivery_id: DeliveryId, user: CurrentUser, site: SiteDep
) -> Delivery:
    """Send a message again, under the same id, whatever became of it."""
    with transaction(site.engine) as connection:
        webhooks.read_webhook(connection, user.id, webhook_id)
        return Delivery.of(webhooks.redeliver(connection, webhook_id, delivery_id))
