"""Keep what the API's rate limits leave beside the gate that they bound."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gates", sa.Column("budget", JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("gates", "budget")
