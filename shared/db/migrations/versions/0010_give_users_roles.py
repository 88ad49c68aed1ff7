"""Give users roles, keys a part that is shown, sessions an origin; count logins that fail."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("role", sa.String(), server_default="user", nullable=False))
    op.create_check_constraint(op.f("ck_users_role"), "users", "role IN ('user', 'admin')")
    op.add_column("api_keys", sa.Column("shown", sa.String(), nullable=True))
    op.add_column("sessions", sa.Column("origin", sa.String(), nullable=True))
    op.create_table(
        "login_failures",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column(
            "last_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_login_failures")),
    )
    op.create_index(op.f("ix_login_failures_last_at"), "login_failures", ["last_at"])


def downgrade() -> None:
    op.drop_table("login_failures")
    op.drop_column("sessions", "origin")
    op.drop_column("api_keys", "shown")
    op.drop_constraint(op.f("ck_users_role"), "users")
    op.drop_column("users", "role")
