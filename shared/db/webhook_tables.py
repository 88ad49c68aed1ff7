"""The tables of webhooks: who is told of ended jobs, and the log of what they were told."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.schema import NOW, Base, one_of
from shared.db.states import DeliveryState


class Webhook(Base):
    """An address that is told when jobs of its owner end.

    ``events`` is empty where a job's own ``webhook_url`` made the row: it is told of the jobs
    that name it, and of no other. The secret signs, so it cannot be kept as a hash.
    """

    __tablename__ = "webhooks"
    __table_args__ = (UniqueConstraint("owner_id", "url"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    url: Mapped[str]
    events: Mapped[list[Any]]
    description: Mapped[str]
    secret: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    failing_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


class WebhookDelivery(Base):
    """One message to one address: its bytes as they are signed, and how each try went.

    ``attempt`` only grows, and fences what a worker may write; ``tries`` are those of the
    schedule, which a redelivery begins anew.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        one_of("state", DeliveryState),
        CheckConstraint("(state = 'pending') = (finished_at IS NULL)", name="finished"),
        CheckConstraint("state = 'pending' OR lease_until IS NULL", name="lease"),
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
        Index(
            "ix_webhook_deliveries_due",
            "next_attempt_at",
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_webhook_deliveries_leased",
            "owner_id",
            postgresql_where=text("lease_until IS NOT NULL"),
        ),
        Index("ix_webhook_deliveries_owner_id_claimed_at", "owner_id", "claimed_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    owner_id: Mapped[str]
    job_id: Mapped[str | None] = mapped_column(
        ForeignKey("jobs.id", ondelete="SET NULL"), index=True
    )
    event: Mapped[str]
    body: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="pending")
    attempt: Mapped[int] = mapped_column(server_default="0")
    tries: Mapped[int] = mapped_column(server_default="0")
    attempts: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    claimed_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=NOW)
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    finished_at: Mapped[datetime | None]
