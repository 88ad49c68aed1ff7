"""The schema. ``docs/architecture.md`` draws it; ``migrations/`` builds it.

``work`` is the queue: one row a stage of one image of one owner, however many jobs want it.
Everything a job shows follows from its items, and an item's state follows from its work.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Numeric,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.db.states import ItemState, JobState, Stage, WorkState


class Base(DeclarativeBase):
    """Names every constraint by one rule, so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy's own way to map types
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        str: String,
    }


def _one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    """Return the check that a column holds a state of its enum."""
    values = ", ".join(f"'{state.value}'" for state in states)
    return CheckConstraint(f"{column} IN ({values})", name=column)


_NOW = func.now()


class User(Base):
    """Somebody who may log in."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Session(Base):
    """A login: the family of refresh tokens that follow from it, of which one is alive."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    refresh_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ApiKey(Base):
    """A secret for programs, stored as its hash."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    key_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class Blob(Base):
    """A stored file by the hash of its bytes; width and height once it was measured."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str]
    width: Mapped[int | None]
    height: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Job(Base):
    """What a user handed in. ``pending`` items are still open; ``unpacked`` says all are known."""

    __tablename__ = "jobs"
    __table_args__ = (
        _one_of("state", JobState),
        CheckConstraint("pending >= 0", name="pending"),
        CheckConstraint("total = pending + succeeded + failed + canceled", name="counts"),
        Index("ix_jobs_owner_id_id", "owner_id", "id"),
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
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]


class Item(Base):
    """One image of a job, at its place in the order it came in."""

    __tablename__ = "items"
    __table_args__ = (
        _one_of("state", ItemState),
        UniqueConstraint("job_id", "ordinal"),
        Index("ix_items_sha256_pending", "sha256", postgresql_where=text("state = 'pending'")),
        Index("ix_items_job_id_pending", "job_id", postgresql_where=text("state = 'pending'")),
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
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    finished_at: Mapped[datetime | None]


class Work(Base):
    """One stage of one image of one owner: the unit that is leased, retried and finished.

    ``attempt`` only grows, and fences what a worker may write; ``max_attempt`` grows when an
    attempt is not to count. A job's own stages carry its id as ``options_hash``.
    """

    __tablename__ = "work"
    __table_args__ = (
        _one_of("state", WorkState),
        _one_of("stage", Stage),
        CheckConstraint(
            "(state = 'running') = (lease_owner IS NOT NULL AND lease_until IS NOT NULL)",
            name="lease",
        ),
        CheckConstraint("(state = 'dead') = (error IS NOT NULL)", name="error"),
        UniqueConstraint("owner_id", "sha256", "stage", "pipeline_version", "options_hash"),
        Index("ix_work_ready", "queue", "not_before", postgresql_where=text("state = 'queued'")),
        Index("ix_work_leased", "lease_until", postgresql_where=text("state = 'running'")),
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
    attempt: Mapped[int] = mapped_column(server_default="0")
    max_attempt: Mapped[int]
    lost: Mapped[int] = mapped_column(server_default="0")
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime] = mapped_column(server_default=_NOW)
    hinted_at: Mapped[datetime | None]
    worker: Mapped[str | None]
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Result(Base):
    """What a unit of work came to: a cached extraction, as long as its work row lives."""

    __tablename__ = "results"

    work_id: Mapped[int] = mapped_column(
        ForeignKey("work.id", ondelete="CASCADE"), primary_key=True
    )
    value: Mapped[dict[str, Any]]
    degraded: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class TokenSetRow(Base):
    """A job's merged token set."""

    __tablename__ = "token_sets"

    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), unique=True)
    pipeline_version: Mapped[str]
    source_images: Mapped[list[Any]]
    tokens: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class ClaudeCall(Base):
    """The ledger: a row before each request, closed with what it used. Null is not known."""

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
    input_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    cache_read_tokens: Mapped[int | None]
    cache_write_tokens: Mapped[int | None]
    usd: Mapped[Decimal | None] = mapped_column(Numeric(12, 6))
    latency_s: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    finished_at: Mapped[datetime | None]
