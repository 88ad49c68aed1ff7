"""`python -m shared.db.migrate [upgrade|downgrade] [REVISION]`: bring the schema to a revision.

Alembic does the work; several programs may start it at once, since one advisory lock lets only
the first through. A schema that is newer than this code is left as it is: whoever goes back by a
release keeps the database of the later one (``docs/operations/rollback.md``).
"""

import sys
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from shared.db.engine import connect, transaction
from shared.errors import StartError
from shared.settings import load_settings

log = structlog.get_logger(__name__)

# Any number that nobody else uses: "copythat" in ASCII, cut to 63 bits.
MIGRATION_LOCK = 0x636F707974686174 & 0x7FFFFFFFFFFFFFFF


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(database_url: str, direction: str = "upgrade", revision: str = "head") -> None:
    """Run the migrations up or down to a revision, in one transaction.

    Raises:
        StartError: The schema is to go down from a revision that only newer code knows.
    """
    move = {"upgrade": command.upgrade, "downgrade": command.downgrade}[direction]
    engine = connect(database_url)
    try:
        with transaction(engine) as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            config = alembic_config(connection)
            if (newer := _find_newer(config, connection)) is None:
                move(config, revision)
            elif direction == "downgrade":
                raise StartError(f"only the release that made revision {newer} can take it down")
            else:
                log.warning("the schema is newer than this release, and stays", revision=newer)
    finally:
        engine.dispose()


def _find_newer(config: Config, connection: Connection) -> str | None:
    """Return the schema's revision if this code does not know it."""
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    return None if current is None or current in known else current


if __name__ == "__main__":
    arguments = sys.argv[1:] or ["upgrade", "head"]
    try:
        migrate(load_settings().database_url, *arguments)
    except StartError as error:
        sys.exit(str(error))
