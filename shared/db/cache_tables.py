"""The tables of what was made once to be used again, less the queue's own."""

from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.schema import Base


class ClaudeQuestion(Base):
    """What Claude was, or is being, asked for a unit of work.

    ``question_hash`` stands for every word of it but the picture, which ``look`` stands for. The
    answer is the unit's result.
    """

    __tablename__ = "claude_questions"
    __table_args__ = (
        Index("ix_claude_questions_owner_id_question_hash", "owner_id", "question_hash"),
    )

    work_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("work.id", ondelete="CASCADE"), primary_key=True
    )
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    question_hash: Mapped[str]
    look: Mapped[int] = mapped_column(BigInteger)


class DeletedJobs(Base):
    """What the jobs that are deleted had counted, so that the sums of the service never shrink."""

    __tablename__ = "deleted_jobs"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    named: Mapped[int] = mapped_column(BigInteger, server_default="0")
    spared: Mapped[int] = mapped_column(BigInteger, server_default="0")
    saved_usd: Mapped[Decimal] = mapped_column(Numeric(14, 6), server_default="0")


class Thumbnail(Base):
    """A small JPEG of a stored image, made when it was measured."""

    __tablename__ = "thumbnails"

    sha256: Mapped[str] = mapped_column(
        ForeignKey("blobs.sha256", ondelete="CASCADE"), primary_key=True
    )
    jpeg: Mapped[bytes]
