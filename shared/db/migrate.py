"""`python -m shared.db.migrate [upgrade|downgrade] [REVISION]`: bring the schema to a revision.

Alembic does the work; several programs may start it at once, since one advisory lock lets only
the first through.
"""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from shared.db.engine import connect, transaction
from shared.settings import load_settings

# Any number that nobody else uses: "copythat" in ASCII, cut to 63 bits.
MIGRATION_LOCK = 0x636F707974686174 & 0x7FFFFFFFFFFFFFFF


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(database_url: str, direction: str = "upgrade", revision: str = "head") -> None:
    """Run the migrations up or down to a revision, in one transaction."""
    move = {"upgrade": command.upgrade, "downgrade": command.downgrade}[direction]
    engine = connect(database_url)
    try:
        with transaction(engine) as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            move(alembic_config(connection), revision)
    finally:
        engine.dispose()


if __name__ == "__main__":
    arguments = sys.argv[1:] or ["upgrade", "head"]
    migrate(load_settings().database_url, *arguments)
