"""The tables of Message Batches: which units of work wait in one, and what it answered."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.schema import NOW, Base, one_of
from shared.db.states import BatchState


class ClaudeBatch(Base):
    """Requests of one job that go to the API together.

    ``api_id`` is what the API calls it: as it said, or ``adopted`` because it looks like it after
    its word was lost. ``foreign_ids`` were adopted and proved to be another's. ``missed_at`` is
    when it was looked for at the API and first not found. The unit of work of stage ``batch`` that
    bears its id brings it along.
    """

    __tablename__ = "claude_batches"
    __table_args__ = (
        one_of("state", BatchState),
        CheckConstraint(
            "CASE state WHEN 'submitted' THEN api_id IS NOT NULL WHEN 'ended' THEN true "
            "ELSE api_id IS NULL END",
            name="api_id",
        ),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_at"),
        Index("ix_claude_batches_open", "id", postgresql_where=text("state <> 'ended'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str | None] = mapped_column(
        ForeignKey("jobs.id", ondelete="SET NULL"), index=True
    )
    state: Mapped[str] = mapped_column(server_default="collected")
    api_id: Mapped[str | None] = mapped_column(unique=True)
    adopted: Mapped[bool] = mapped_column(server_default="false")
    foreign_ids: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    problem: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    sent_at: Mapped[datetime | None]
    missed_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    cancel_asked_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ClaudeBatchMember(Base):
    """One request of a batch. ``reply`` is kept until its unit of work has made use of it.

    It is text, as JSON of PostgreSQL's own does not take every string that JSON may hold.
    """

    __tablename__ = "claude_batch_members"
    __table_args__ = (
        Index(
            "ix_claude_batch_members_open",
            "batch_id",
            postgresql_where=text("outcome IS NULL"),
        ),
    )

    custom_id: Mapped[str] = mapped_column(primary_key=True)
    batch_id: Mapped[str] = mapped_column(
        ForeignKey("claude_batches.id", ondelete="CASCADE"), index=True
    )
    work_id: Mapped[int | None] = mapped_column(
        ForeignKey("work.id", ondelete="SET NULL"), index=True
    )
    call_id: Mapped[str | None] = mapped_column(
        ForeignKey("claude_calls.id", ondelete="SET NULL"), index=True
    )
    request_hash: Mapped[str]
    outcome: Mapped[str | None]
    reply: Mapped[str | None]
