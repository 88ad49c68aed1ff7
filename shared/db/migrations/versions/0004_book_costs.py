"""Book what a call will cost before it is made; keep what was spent a job and a day."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(12, 6)
ZERO = sa.text("0")

# What was spent before there was a book of it: a call is counted on the day it was made.
BOOK_OLD = """
    INSERT INTO daily_spending (day, usd)
    SELECT (created_at AT TIME ZONE 'UTC')::date, sum(usd)
    FROM claude_calls WHERE usd IS NOT NULL GROUP BY 1;
    INSERT INTO job_spending (job_id, usd)
    SELECT job_id, sum(usd) FROM claude_calls
    WHERE usd IS NOT NULL AND job_id IS NOT NULL GROUP BY 1
"""


def upgrade() -> None:
    op.add_column("claude_calls", sa.Column("booked_usd", MONEY, nullable=True))
    op.add_column("jobs", sa.Column("saved_usd", MONEY, server_default=ZERO, nullable=True))
    op.create_table(
        "daily_spending",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("usd", MONEY, server_default=ZERO, nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_daily_spending")),
    )
    op.create_table(
        "job_spending",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("usd", MONEY, server_default=ZERO, nullable=False),
        sa.Column("capped_by", sa.String(), nullable=True),
        sa.CheckConstraint("capped_by IN ('job', 'day')", name=op.f("ck_job_spending_capped_by")),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_job_spending_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job_spending")),
    )
    op.execute(BOOK_OLD)


def downgrade() -> None:
    op.drop_table("job_spending")
    op.drop_table("daily_spending")
    op.drop_column("jobs", "saved_usd")
    op.drop_column("claude_calls", "booked_usd")
