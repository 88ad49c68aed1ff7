"""Alembic's entry: the caller hands in an open connection and owns its transaction."""

from alembic import context

from shared.db import accounts, batch_tables, cache_tables, models, webhook_tables
from shared.db.schema import Base

# Importing a module of tables enters them in the metadata.
TABLES = (accounts, batch_tables, cache_tables, models, webhook_tables)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()
