"""Add webhooks and the log of what they were told."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# What may follow what, as it was when this was written; shared/db/states.py says it now.
STEPS = "'pending>succeeded', 'pending>failed', 'succeeded>pending', 'failed>pending'"

# PostgreSQL writes a time in the session's time zone.
RFC3339 = """
CREATE FUNCTION rfc3339(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$
"""


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("events", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        _time("created_at", server_default=sa.text("now()"), nullable=False),
        _time("failing_since"),
        _time("disabled_at"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_webhooks_owner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("owner_id", "url", name=op.f("uq_webhooks_owner_id_url")),
    )
    _create_deliveries()
    op.execute(RFC3339)
    op.execute(
        "CREATE TRIGGER check_step BEFORE UPDATE OF state ON webhook_deliveries FOR EACH ROW "
        f"WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION check_step({STEPS})"
    )
    op.execute(
        "CREATE TRIGGER check_start BEFORE INSERT ON webhook_deliveries FOR EACH ROW "
        "WHEN (NEW.state <> 'pending') EXECUTE FUNCTION check_step()"
    )


def _create_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="pending", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "attempts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        _time("claimed_at"),
        _time("lease_until"),
        _time("next_attempt_at", server_default=sa.text("now()"), nullable=False),
        _time("created_at", server_default=sa.text("now()"), nullable=False),
        _time("finished_at"),
        sa.CheckConstraint(
            "state IN ('pending', 'succeeded', 'failed')", name=op.f("ck_webhook_deliveries_state")
        ),
        sa.CheckConstraint(
            "(state = 'pending') = (finished_at IS NULL)",
            name=op.f("ck_webhook_deliveries_finished"),
        ),
        sa.CheckConstraint(
            "state = 'pending' OR lease_until IS NULL", name=op.f("ck_webhook_deliveries_lease")
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("fk_webhook_deliveries_webhook_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["jobs.id"],
            name=op.f("fk_webhook_deliveries_job_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    table = "webhook_deliveries"
    op.create_index(op.f("ix_webhook_deliveries_job_id"), table, ["job_id"])
    op.create_index("ix_webhook_deliveries_webhook_id_id", table, ["webhook_id", "id"])
    pending, leased = sa.text("state = 'pending'"), sa.text("lease_until IS NOT NULL")
    op.create_index(
        "ix_webhook_deliveries_due", table, ["next_attempt_at"], postgresql_where=pending
    )
    op.create_index("ix_webhook_deliveries_leased", table, ["owner_id"], postgresql_where=leased)
    op.create_index("ix_webhook_deliveries_owner_id_claimed_at", table, ["owner_id", "claimed_at"])


def _time(
    name: str, *, server_default: sa.TextClause | None = None, nullable: bool = True
) -> sa.Column[datetime]:
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=server_default, nullable=nullable
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION rfc3339")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")
