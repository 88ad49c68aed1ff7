"""Enforce the states, order work by turns, number events, add gates and idempotency keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What may follow what, as it was when this was written; shared/db/states.py says it now.
STEPS = {
    "jobs": (
        "queued>unpacking queued>running queued>failed queued>canceled unpacking>running "
        "unpacking>canceled running>succeeded running>partially_succeeded running>failed "
        "running>canceled succeeded>queued succeeded>expired partially_succeeded>queued "
        "partially_succeeded>expired failed>queued failed>expired canceled>queued "
        "canceled>expired"
    ),
    "items": (
        "pending>succeeded pending>failed pending>canceled succeeded>pending failed>pending "
        "canceled>pending"
    ),
    "work": (
        "queued>running queued>canceled running>done running>dead running>queued "
        "running>canceled done>canceled dead>canceled canceled>queued"
    ),
}
STARTS = {"jobs": "'queued'", "items": "'pending', 'failed'", "work": "'queued'"}

CHECK_STEP = """
CREATE FUNCTION check_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.state || '>' || NEW.state) = ANY (TG_ARGV) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'illegal step of % %: % to %', TG_TABLE_NAME, NEW.id,
        CASE TG_OP WHEN 'UPDATE' THEN OLD.state ELSE 'nothing' END, NEW.state
        USING ERRCODE = 'check_violation';
END $$
"""
COUNT_EVENT = """
CREATE FUNCTION count_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.event_seq := OLD.event_seq + 1;
    RETURN NEW;
END $$
"""
OPEN = "state IN ('queued', 'unpacking', 'running')"


def upgrade() -> None:
    _number_events()
    _order_work()
    op.add_column("jobs", sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("cancel_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_jobs_open", "jobs", ["owner_id"], postgresql_where=sa.text(OPEN))
    op.create_index("ix_jobs_sources", "jobs", ["sources"], postgresql_using="gin")
    _create_tables()
    op.execute(CHECK_STEP)
    for table, steps in STEPS.items():
        arguments = ", ".join(f"'{step}'" for step in steps.split())
        op.execute(
            f"CREATE TRIGGER check_step BEFORE UPDATE OF state ON {table} FOR EACH ROW "
            f"WHEN (OLD.state IS DISTINCT FROM NEW.state) "
            f"EXECUTE FUNCTION check_step({arguments})"
        )
        op.execute(
            f"CREATE TRIGGER check_start BEFORE INSERT ON {table} FOR EACH ROW "
            f"WHEN (NEW.state NOT IN ({STARTS[table]})) EXECUTE FUNCTION check_step()"
        )


def _number_events() -> None:
    for table in ("jobs", "items"):
        column = sa.Column("event_seq", sa.BigInteger(), server_default="0", nullable=False)
        op.add_column(table, column)
    op.create_index("ix_items_job_id_event_seq", "items", ["job_id", "event_seq"])
    op.execute(COUNT_EVENT)
    op.execute(
        "CREATE TRIGGER count_event BEFORE UPDATE ON jobs FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION count_event()"
    )


def _order_work() -> None:
    queued = sa.text("state = 'queued'")
    op.drop_index("ix_work_ready", table_name="work")
    op.drop_column("work", "hinted_at")
    turn = sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("work", turn)
    op.create_index(
        "ix_work_ready", "work", ["queue", "turn", "priority", "id"], postgresql_where=queued
    )
    op.create_index(
        "ix_work_lane",
        "work",
        ["queue", "owner_id", "priority", "turn"],
        postgresql_where=queued,
    )
    op.create_index(
        "ix_work_tried",
        "work",
        ["owner_id"],
        postgresql_where=sa.text("state = 'queued' AND attempt > 0"),
    )
    # Every unit's row is written five times within minutes: room for new versions on its page,
    # and a vacuum after some thousand of them rather than after a fifth of the table.
    op.execute(
        "ALTER TABLE work SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, "
        "autovacuum_vacuum_threshold = 2000)"
    )


def _create_tables() -> None:
    op.create_table(
        "gates",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("concurrency_limit", sa.Integer(), nullable=False),
        sa.Column("successes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("limited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "state IN ('closed', 'open', 'misconfigured')", name=op.f("ck_gates_state")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_gates")),
    )
    op.execute(
        "INSERT INTO gates (name, state, concurrency_limit) VALUES ('claude', 'closed', 16)"
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["users.id"],
            name=op.f("fk_idempotency_keys_owner_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_idempotency_keys_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_job_id"), "idempotency_keys", ["job_id"])


def downgrade() -> None:
    for table in STEPS:
        op.execute(f"DROP TRIGGER check_start ON {table}")
        op.execute(f"DROP TRIGGER check_step ON {table}")
    op.execute("DROP FUNCTION check_step")
    op.drop_table("idempotency_keys")
    op.drop_table("gates")
    op.drop_index("ix_jobs_sources", table_name="jobs")
    op.drop_index("ix_jobs_open", table_name="jobs")
    op.drop_column("jobs", "cancel_asked_at")
    op.drop_column("jobs", "deadline_at")
    op.drop_index("ix_work_tried", table_name="work")
    op.drop_index("ix_work_lane", table_name="work")
    op.drop_index("ix_work_ready", table_name="work")
    op.execute(
        "ALTER TABLE work RESET (fillfactor, autovacuum_vacuum_scale_factor, "
        "autovacuum_vacuum_threshold)"
    )
    op.drop_column("work", "turn")
    op.add_column("work", sa.Column("hinted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_work_ready",
        "work",
        ["queue", "not_before"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.execute("DROP TRIGGER count_event ON jobs")
    op.execute("DROP FUNCTION count_event")
    op.drop_index("ix_items_job_id_event_seq", table_name="items")
    op.drop_column("items", "event_seq")
    op.drop_column("jobs", "event_seq")
