"""The schema. ``docs/architecture.md`` draws it; ``migrations/`` builds it.

``work`` is the queue: one row a stage of one image of one owner, however many jobs want it.
Everything a job shows follows from its items, and an item's state follows from its work.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.schema import NOW, Base, one_of
from shared.db.states import Cap, GateState, ItemState, JobState, Stage, WorkState

MONEY = Numeric(12, 6)
_OPEN = "state IN ('queued', 'unpacking', 'running')"


class Blob(Base):
    """A stored file by the hash of its bytes; width and height once it was measured."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]
    width: Mapped[int | None]
    height: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class Job(Base):
    """What a user handed in. ``pending`` items are still open; ``unpacked`` says all are known.

    ``named`` items have names by Claude that somebody paid for; ``spared`` of them needed no call.
    ``saved_usd`` is what those calls would have cost; null is not known.
    ``event_seq`` grows by one with each change of the row (a trigger sees to it), and is the
    order in which readers of events learn of changes.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        one_of("state", JobState),
        CheckConstraint("pending >= 0", name="pending"),
        CheckConstraint("total = pending + succeeded + failed + canceled", name="counts"),
        Index("ix_jobs_owner_id_id", "owner_id", "id"),
        Index("ix_jobs_open", "owner_id", postgresql_where=text(_OPEN)),
        Index("ix_jobs_sources", "sources", postgresql_using="gin"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    state: Mapped[str]
    mode: Mapped[str]
    priority: Mapped[int]
    options: Mapped[dict[str, Any]]
    sources: Mapped[list[Any]]
    pipeline_version: Mapped[str]
    measure_hash: Mapped[str]
    options_hash: Mapped[str]
    request_id: Mapped[str]
    unpacked: Mapped[bool]
    total: Mapped[int] = mapped_column(server_default="0")
    pending: Mapped[int] = mapped_column(server_default="0")
    succeeded: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    canceled: Mapped[int] = mapped_column(server_default="0")
    cached: Mapped[int] = mapped_column(server_default="0")
    degraded: Mapped[int] = mapped_column(server_default="0")
    skipped_members: Mapped[int] = mapped_column(server_default="0")
    named: Mapped[int] = mapped_column(server_default="0")
    spared: Mapped[int] = mapped_column(server_default="0")
    saved_usd: Mapped[Decimal | None] = mapped_column(MONEY, server_default="0")
    error: Mapped[dict[str, Any] | None]
    event_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    cancel_asked_at: Mapped[datetime | None]


class Item(Base):
    """One image of a job, at its place in the order it came in.

    ``event_seq`` is that of the job at the item's last change.
    """

    __tablename__ = "items"
    __table_args__ = (
        one_of("state", ItemState),
        UniqueConstraint("job_id", "ordinal"),
        Index("ix_items_sha256_pending", "sha256", postgresql_where=text("state = 'pending'")),
        Index("ix_items_job_id_pending", "job_id", postgresql_where=text("state = 'pending'")),
        Index("ix_items_job_id_event_seq", "job_id", "event_seq"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    filename: Mapped[str]
    sha256: Mapped[str | None] = mapped_column(ForeignKey("blobs.sha256"))
    state: Mapped[str]
    cached: Mapped[bool] = mapped_column(server_default="false")
    degraded: Mapped[bool] = mapped_column(server_default="false")
    error: Mapped[dict[str, Any] | None]
    event_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    finished_at: Mapped[datetime | None]


class Work(Base):
    """One stage of one image of one owner: the unit that is leased, retried and finished.

    ``attempt`` only grows, and fences what a worker may write; ``max_attempt`` grows when an
    attempt is not to count. A job's own stages, and a batch's, carry its id as ``options_hash``.
    ``turn`` is the unit's place in its queue, all owners' taken together. ``batch_id`` is the
    Message Batch that a unit in the queue ``batches`` waits in; ``named_by`` is the unit whose
    calls its names are owed to, if they are not its own.
    """

    __tablename__ = "work"
    __table_args__ = (
        one_of("state", WorkState),
        one_of("stage", Stage),
        CheckConstraint(
            "(state = 'running') = (lease_owner IS NOT NULL AND lease_until IS NOT NULL)",
            name="lease",
        ),
        CheckConstraint("(state = 'dead') = (error IS NOT NULL)", name="error"),
        # What waits for a batch is queued, and holds neither a worker nor a lease.
        CheckConstraint("queue <> 'batches' OR state IN ('queued', 'canceled')", name="batched"),
        CheckConstraint("batch_id IS NULL OR queue = 'batches'", name="batch_id"),
        UniqueConstraint("owner_id", "sha256", "stage", "pipeline_version", "options_hash"),
        Index(
            "ix_work_ready",
            "queue",
            "turn",
            "priority",
            "id",
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "ix_work_lane",
            "queue",
            "owner_id",
            "priority",
            "turn",
            postgresql_where=text("state = 'queued'"),
        ),
        Index("ix_work_leased", "lease_until", postgresql_where=text("state = 'running'")),
        Index(
            "ix_work_tried",
            "owner_id",
            postgresql_where=text("state = 'queued' AND attempt > 0"),
        ),
        Index(
            "ix_work_batched",
            "owner_id",
            "job_id",
            postgresql_where=text("queue = 'batches' AND state = 'queued'"),
        ),
        Index("ix_work_named_by", "named_by", postgresql_where=text("named_by IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    sha256: Mapped[str]
    stage: Mapped[str]
    pipeline_version: Mapped[str]
    options_hash: Mapped[str]
    queue: Mapped[str]
    job_id: Mapped[str | None] = mapped_column(
        ForeignKey("jobs.id", ondelete="SET NULL"), index=True
    )
    state: Mapped[str]
    priority: Mapped[int]
    turn: Mapped[int] = mapped_column(BigInteger, server_default="0")
    attempt: Mapped[int] = mapped_column(server_default="0")
    max_attempt: Mapped[int]
    lost: Mapped[int] = mapped_column(server_default="0")
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime] = mapped_column(server_default=NOW)
    worker: Mapped[str | None]
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    batch_id: Mapped[str | None] = mapped_column(
        ForeignKey("claude_batches.id", ondelete="SET NULL"), index=True
    )
    named_by: Mapped[int | None] = mapped_column(ForeignKey("work.id", ondelete="SET NULL"))


class Result(Base):
    """What a unit of work came to: a cached extraction, as long as its work row lives."""

    __tablename__ = "results"

    work_id: Mapped[int] = mapped_column(
        ForeignKey("work.id", ondelete="CASCADE"), primary_key=True
    )
    value: Mapped[dict[str, Any]]
    degraded: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class TokenSetRow(Base):
    """A job's merged token set; ``partial`` while not all of its images are in it."""

    __tablename__ = "token_sets"

    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), unique=True)
    pipeline_version: Mapped[str]
    source_images: Mapped[list[Any]]
    partial: Mapped[bool] = mapped_column(server_default=text("false"))
    tokens: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class ClaudeCall(Base):
    """The ledger: a row before each request, closed with what it used. Null is not known.

    ``booked_usd`` is what the request was expected to cost, and counts until ``usd`` is known.
    """

    __tablename__ = "claude_calls"

    id: Mapped[str] = mapped_column(primary_key=True)
    work_id: Mapped[int | None] = mapped_column(
        ForeignKey("work.id", ondelete="SET NULL"), index=True
    )
    job_id: Mapped[str | None] = mapped_column(
        ForeignKey("jobs.id", ondelete="SET NULL"), index=True
    )
    model: Mapped[str]
    request_id: Mapped[str | None]
    outcome: Mapped[str | None]
    booked_usd: Mapped[Decimal | None] = mapped_column(MONEY)
    input_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    cache_read_tokens: Mapped[int | None]
    cache_write_tokens: Mapped[int | None]
    usd: Mapped[Decimal | None] = mapped_column(MONEY)
    latency_s: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    finished_at: Mapped[datetime | None]


class DailySpending(Base):
    """What the calls of a day, in UTC, cost and are booked to cost."""

    __tablename__ = "daily_spending"

    day: Mapped[date] = mapped_column(primary_key=True)
    usd: Mapped[Decimal] = mapped_column(MONEY, server_default="0")


class JobSpending(Base):
    """The same of a job; ``capped_by`` is the cap that a call of it was not made for last."""

    __tablename__ = "job_spending"
    __table_args__ = (one_of("capped_by", Cap),)

    job_id: Mapped[str] = mapped_column(
        ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True
    )
    usd: Mapped[Decimal] = mapped_column(MONEY, server_default="0")
    capped_by: Mapped[str | None]


class Gate(Base):
    """A way out that may be shut for all: whether calls pass, and how many at once."""

    __tablename__ = "gates"
    __table_args__ = (one_of("state", GateState),)

    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    concurrency_limit: Mapped[int]
    successes: Mapped[int] = mapped_column(server_default="0")
    failures: Mapped[int] = mapped_column(server_default="0")
    limited_at: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    problem: Mapped[dict[str, Any] | None]
    budget: Mapped[dict[str, Any] | None]


class IdempotencyKey(Base):
    """A key that a caller gave a submission, and the job it came to."""

    __tablename__ = "idempotency_keys"

    owner_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    job_id: Mapped[str | None] = mapped_column(
        ForeignKey("jobs.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
