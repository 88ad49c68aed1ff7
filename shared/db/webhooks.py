"""Webhooks: who is told when a job ends, and the log of what they were told.

``deliveries.py`` has how a message comes about and is sent.
"""

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, select, text

from shared.db.engine import new_id
from shared.db.webhook_tables import Webhook, WebhookDelivery
from shared.errors import NotFound

# What a user may have; each is told of each of their jobs.
MAX_WEBHOOKS = 20
SECRET_PREFIX = "whsec_"  # noqa: S105 -- a prefix, no secret
# Within the 24 to 64 bytes of the specification.
SECRET_BYTES = 32


class WebhookEvent(StrEnum):
    """What may be told: how a job ended, or that its results are gone."""

    SUCCEEDED = "job.succeeded"
    PARTIALLY_SUCCEEDED = "job.partially_succeeded"
    FAILED = "job.failed"
    CANCELED = "job.canceled"
    EXPIRED = "job.expired"


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A registered address."""

    id: str
    url: str
    events: list[str]
    description: str
    secret: str
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A message and how its tries went, the latest ones last."""

    id: str
    job_id: str | None
    event: str
    state: str
    attempts: list[dict[str, Any]]
    created_at: datetime
    next_attempt_at: datetime
    finished_at: datetime | None


class Refusal(StrEnum):
    """Why an address was not registered."""

    TAKEN = "it is registered already"
    FULL = "there are as many webhooks as one user may have"


def register(
    connection: Connection, owner_id: str, url: str, events: Sequence[str], description: str
) -> WebhookView | Refusal:
    """Register an address, or take up again one that was disabled or made for a job alone."""
    _lock_owner(connection, owner_id)
    found = _find(connection, owner_id, url)
    if found is not None and found.events and found.disabled_at is None:
        return Refusal.TAKEN
    if found is None and _is_full(connection, owner_id):
        return Refusal.FULL
    statement = text(
        f"""
        INSERT INTO webhooks (id, owner_id, url, events, description, secret)
        VALUES (:id, :owner_id, :url, CAST(:events AS jsonb), :description, :secret)
        ON CONFLICT (owner_id, url) DO UPDATE
        SET events = excluded.events, description = excluded.description,
            disabled_at = NULL, failing_since = NULL
        RETURNING {_HOOK_COLUMNS}
        """  # noqa: S608 -- a constant text
    )
    parameters = {
        "id": new_id("hook"),
        "owner_id": owner_id,
        "url": url,
        "events": json.dumps(list(events)),
        "description": description,
        "secret": _new_secret(),
    }
    return _hook_view(connection.execute(statement, parameters).one())


def ensure(connection: Connection, owner_id: str, url: str) -> Refusal | None:
    """Make sure that an address which a job names has a secret to sign with."""
    if _find(connection, owner_id, url) is not None:
        return None
    _lock_owner(connection, owner_id)
    if _find(connection, owner_id, url) is not None:
        return None
    refused = register(connection, owner_id, url, (), "named by a job")
    return refused if isinstance(refused, Refusal) else None


def _find(connection: Connection, owner_id: str, url: str) -> WebhookView | None:
    row = connection.execute(
        text(f"SELECT {_HOOK_COLUMNS} FROM webhooks WHERE owner_id = :owner_id AND url = :url"),  # noqa: S608 -- a constant text
        {"owner_id": owner_id, "url": url},
    ).one_or_none()
    return None if row is None else _hook_view(row)


def _lock_owner(connection: Connection, owner_id: str) -> None:
    """Let nobody else add a webhook to a user's before this transaction ends."""
    connection.execute(
        text("SELECT FROM users WHERE id = :owner_id FOR NO KEY UPDATE"), {"owner_id": owner_id}
    )


def _is_full(connection: Connection, owner_id: str) -> bool:
    count = connection.execute(
        text("SELECT count(*) FROM webhooks WHERE owner_id = :owner_id"), {"owner_id": owner_id}
    ).scalar_one()
    return int(count) >= MAX_WEBHOOKS


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def list_webhooks(
    connection: Connection, owner_id: str, *, limit: int, before: str | None = None
) -> list[WebhookView]:
    """Return a user's webhooks, the newest first, beginning behind the id ``before``."""
    statement = select(Webhook.__table__).where(Webhook.owner_id == owner_id)
    if before is not None:
        statement = statement.where(Webhook.id < before)
    rows = connection.execute(statement.order_by(Webhook.id.desc()).limit(limit))
    return [_hook_view(row) for row in rows]


def read_webhook(connection: Connection, owner_id: str, webhook_id: str) -> WebhookView:
    """Return a webhook.

    Raises:
        NotFound: There is none, or it is somebody else's.
    """
    row = connection.execute(
        select(Webhook.__table__).where(Webhook.id == webhook_id, Webhook.owner_id == owner_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"no webhook {webhook_id}")
    return _hook_view(row)


def delete_webhook(connection: Connection, owner_id: str, webhook_id: str) -> None:
    """Delete a webhook with its log; what it was still to be told is not sent.

    Raises:
        NotFound: There is none, or it is somebody else's.
    """
    deleted = connection.execute(
        delete(Webhook).where(Webhook.id == webhook_id, Webhook.owner_id == owner_id)
    )
    if not deleted.rowcount:
        raise NotFound(f"no webhook {webhook_id}")


def list_deliveries(
    connection: Connection, webhook_id: str, *, limit: int, before: str | None = None
) -> list[DeliveryView]:
    """Return what an address was told, the newest first, beginning behind the id ``before``."""
    statement = select(WebhookDelivery.__table__).where(WebhookDelivery.webhook_id == webhook_id)
    if before is not None:
        statement = statement.where(WebhookDelivery.id < before)
    rows = connection.execute(statement.order_by(WebhookDelivery.id.desc()).limit(limit))
    return [_delivery_view(row) for row in rows]


def redeliver(connection: Connection, webhook_id: str, delivery_id: str) -> DeliveryView:
    """Send a message again, under its own id, with all its tries; now, whatever became of it.

    Raises:
        NotFound: This webhook has no such message.
    """
    row = connection.execute(
        text(
            """
            UPDATE webhook_deliveries
            SET state = 'pending', tries = 0, next_attempt_at = now(), finished_at = NULL
            WHERE id = :id AND webhook_id = :webhook_id RETURNING *
            """
        ),
        {"id": delivery_id, "webhook_id": webhook_id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"no delivery {delivery_id}")
    return _delivery_view(row)


_HOOK_COLUMNS = "id, url, events, description, secret, created_at, disabled_at"


def _hook_view(row: Row[Any]) -> WebhookView:
    return WebhookView(
        row.id,
        row.url,
        row.events,
        row.description,
        row.secret,
        row.created_at,
        row.disabled_at,
    )


def _delivery_view(row: Row[Any]) -> DeliveryView:
    return DeliveryView(
        row.id,
        row.job_id,
        row.event,
        row.state,
        row.attempts,
        row.created_at,
        row.next_attempt_at,
        row.finished_at,
    )
