"""Keep what Claude was asked about each image, and count the images that needed no call."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ZERO = sa.text("0")
COUNTS = ("named", "spared")


def upgrade() -> None:
    op.create_table(
        "claude_questions",
        sa.Column("work_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("question_hash", sa.String(), nullable=False),
        sa.Column("look", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["users.id"],
            name=op.f("fk_claude_questions_owner_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["work_id"], ["work.id"], name=op.f("fk_claude_questions_work_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("work_id", name=op.f("pk_claude_questions")),
    )
    op.create_index(
        "ix_claude_questions_owner_id_question_hash",
        "claude_questions",
        ["owner_id", "question_hash"],
    )
    op.add_column("work", sa.Column("named_by", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_work_named_by"), "work", "work", ["named_by"], ["id"], ondelete="SET NULL"
    )
    op.create_index(
        "ix_work_named_by",
        "work",
        ["named_by"],
        postgresql_where=sa.text("named_by IS NOT NULL"),
    )
    for count in COUNTS:
        column = sa.Column(count, sa.Integer(), server_default=ZERO, nullable=False)
        op.add_column("jobs", column)
    op.create_table(
        "deleted_jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(c, sa.BigInteger(), server_default=ZERO, nullable=False) for c in COUNTS),
        sa.Column("saved_usd", sa.Numeric(14, 6), server_default=ZERO, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_deleted_jobs_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deleted_jobs")),
    )
    op.execute("INSERT INTO deleted_jobs (id) VALUES (1)")


def downgrade() -> None:
    op.drop_table("deleted_jobs")
    for count in COUNTS:
        op.drop_column("jobs", count)
    op.drop_index("ix_work_named_by", table_name="work")
    op.drop_constraint(op.f("fk_work_named_by"), "work", type_="foreignkey")
    op.drop_column("work", "named_by")
    op.drop_table("claude_questions")
