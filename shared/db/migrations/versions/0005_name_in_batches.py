"""Add Message Batches, their members, and the units of work that wait in them."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# What may follow what, as it was when this was written; shared/db/states.py says it now.
STEPS = (
    "'collected>sent', 'collected>ended', 'sent>collected', 'sent>submitted', 'sent>ended', "
    "'submitted>sent', 'submitted>ended'"
)
API_ID = (
    "CASE state WHEN 'submitted' THEN api_id IS NOT NULL WHEN 'ended' THEN true "
    "ELSE api_id IS NULL END"
)
STAGES = "stage IN ('unpack', 'measure', 'name', 'assemble', 'merge'{})"


def upgrade() -> None:
    _create_batches()
    _create_members()
    _let_work_wait()
    op.execute(
        "CREATE TRIGGER check_step BEFORE UPDATE OF state ON claude_batches FOR EACH ROW "
        f"WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION check_step({STEPS})"
    )
    op.execute(
        "CREATE TRIGGER check_start BEFORE INSERT ON claude_batches FOR EACH ROW "
        "WHEN (NEW.state <> 'collected') EXECUTE FUNCTION check_step()"
    )


def _create_batches() -> None:
    table = "claude_batches"
    op.create_table(
        table,
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), server_default="collected", nullable=False),
        sa.Column("api_id", sa.String(), nullable=True),
        sa.Column("adopted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "foreign_ids",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("problem", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        _time("created_at", server_default=sa.text("now()"), nullable=False),
        _time("sent_at"),
        _time("missed_at"),
        _time("submitted_at"),
        _time("cancel_asked_at"),
        _time("ended_at"),
        sa.CheckConstraint(
            "state IN ('collected', 'sent', 'submitted', 'ended')",
            name=op.f("ck_claude_batches_state"),
        ),
        sa.CheckConstraint(API_ID, name=op.f("ck_claude_batches_api_id")),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_claude_batches_ended_at")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_claude_batches_owner_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_claude_batches_job_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claude_batches")),
        sa.UniqueConstraint("api_id", name=op.f("uq_claude_batches_api_id")),
    )
    op.create_index(op.f("ix_claude_batches_owner_id"), table, ["owner_id"])
    op.create_index(op.f("ix_claude_batches_job_id"), table, ["job_id"])
    is_open = sa.text("state <> 'ended'")
    op.create_index("ix_claude_batches_open", table, ["id"], postgresql_where=is_open)


def _create_members() -> None:
    table = "claude_batch_members"
    op.create_table(
        table,
        sa.Column("custom_id", sa.String(), nullable=False),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("work_id", sa.BigInteger(), nullable=True),
        sa.Column("call_id", sa.String(), nullable=True),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["claude_batches.id"],
            name=op.f("fk_claude_batch_members_batch_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["work_id"],
            ["work.id"],
            name=op.f("fk_claude_batch_members_work_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["call_id"],
            ["claude_calls.id"],
            name=op.f("fk_claude_batch_members_call_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("custom_id", name=op.f("pk_claude_batch_members")),
    )
    for column in ("batch_id", "work_id", "call_id"):
        op.create_index(op.f(f"ix_claude_batch_members_{column}"), table, [column])
    is_open = sa.text("outcome IS NULL")
    op.create_index("ix_claude_batch_members_open", table, ["batch_id"], postgresql_where=is_open)


def _let_work_wait() -> None:
    op.add_column("work", sa.Column("batch_id", sa.String(), nullable=True))
    op.create_foreign_key(
        op.f("fk_work_batch_id"),
        "work",
        "claude_batches",
        ["batch_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index(op.f("ix_work_batch_id"), "work", ["batch_id"])
    op.create_index(
        "ix_work_batched",
        "work",
        ["owner_id", "job_id"],
        postgresql_where=sa.text("queue = 'batches' AND state = 'queued'"),
    )
    op.create_check_constraint(
        op.f("ck_work_batched"), "work", "queue <> 'batches' OR state IN ('queued', 'canceled')"
    )
    op.create_check_constraint(
        op.f("ck_work_batch_id"), "work", "batch_id IS NULL OR queue = 'batches'"
    )
    op.drop_constraint(op.f("ck_work_stage"), "work")
    op.create_check_constraint(op.f("ck_work_stage"), "work", STAGES.format(", 'batch'"))


def _time(
    name: str, *, server_default: sa.TextClause | None = None, nullable: bool = True
) -> sa.Column[datetime]:
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=server_default, nullable=nullable
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_work_batch_id"), "work")
    op.drop_constraint(op.f("ck_work_batched"), "work")
    op.execute("UPDATE work SET queue = 'claude' WHERE queue = 'batches'")
    op.execute("DELETE FROM work WHERE stage = 'batch'")
    op.drop_constraint(op.f("ck_work_stage"), "work")
    op.create_check_constraint(op.f("ck_work_stage"), "work", STAGES.format(""))
    op.drop_index("ix_work_batched", table_name="work")
    op.drop_index(op.f("ix_work_batch_id"), table_name="work")
    op.drop_column("work", "batch_id")
    op.drop_table("claude_batch_members")
    op.drop_table("claude_batches")
