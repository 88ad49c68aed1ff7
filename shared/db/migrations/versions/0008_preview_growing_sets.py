"""Merge a job's set while the job runs, too."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STAGES = "stage IN ('unpack', 'measure', 'name', 'assemble', 'merge', 'batch'{})"


def upgrade() -> None:
    op.add_column(
        "token_sets",
        sa.Column("partial", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.drop_constraint(op.f("ck_work_stage"), "work", type_="check")
    op.create_check_constraint(op.f("ck_work_stage"), "work", STAGES.format(", 'preview'"))


def downgrade() -> None:
    op.execute("DELETE FROM work WHERE stage = 'preview'")
    op.drop_constraint(op.f("ck_work_stage"), "work", type_="check")
    op.create_check_constraint(op.f("ck_work_stage"), "work", STAGES.format(""))
    op.execute("DELETE FROM token_sets WHERE partial")
    op.drop_column("token_sets", "partial")
