"""What the pump does besides: results expire, files go, and the books are checked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Self

import structlog
from sqlalchemy import Engine

from shared.blobs import BlobStore, open_store
from shared.db import (
    blobs,
    collecting,
    deliveries,
    idempotency,
    invariants,
    login_failures,
    retention,
    users,
)
from shared.db.engine import connect, transaction
from shared.settings import Settings

log = structlog.get_logger(__name__)

# Jobs whose time to go is over are few at any moment.
EXPIRE_S = 60.0
EXPIRE_ROWS = 20
# Files are left over by crashes and by requests that were refused: rare, and no hurry.
COLLECT_S = 3600.0
# Nobody uploads a file for this long before the job is stored that has it.
ORPHAN_AGE = timedelta(days=1)
# Files looked at in one statement, and removed in one round.
COLLECT_ROWS = 1000
CHECK_S = 900.0


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What the duties work with."""

    engine: Engine
    store: BlobStore

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings name; nothing is connected yet."""
        return cls(
            connect(settings.database_url), open_store(settings.blob_url, settings.blob_dir)
        )


def expire(upkeep: Upkeep) -> None:
    """Drop the results of jobs that were kept for as long as was promised."""
    for _ in range(EXPIRE_ROWS):
        with transaction(upkeep.engine) as connection:
            hashes = retention.expire_next(connection)
        if hashes is None:
            break
        blobs.remove_unneeded(upkeep.engine, upkeep.store, hashes)
    with transaction(upkeep.engine) as connection:
        idempotency.forget_old(connection)
        deliveries.forget_old(connection)
        collecting.forget_old(connection)
        login_failures.forget_old(connection)
        users.forget_old(connection)


def collect(upkeep: Upkeep) -> None:
    """Remove files that no job has, and files that no row knows."""
    with transaction(upkeep.engine) as connection:
        left = blobs.find_unneeded(connection, ORPHAN_AGE.total_seconds(), COLLECT_ROWS)
    removed = blobs.remove_unneeded(upkeep.engine, upkeep.store, left)
    removed += upkeep.store.remove_leftovers(datetime.now(UTC) - ORPHAN_AGE)
    stored = (sha256 for sha256, _ in upkeep.store.orphans(datetime.now(UTC) - ORPHAN_AGE))
    while batch := list(islice(stored, COLLECT_ROWS)):
        with transaction(upkeep.engine) as connection:
            unknown = blobs.record_unknown(connection, batch)
        removed += blobs.remove_unneeded(upkeep.engine, upkeep.store, unknown)
    if removed:
        log.info("files removed", count=removed)


def check(upkeep: Upkeep) -> None:
    """Look whether the books balance, and cry if they do not."""
    with transaction(upkeep.engine) as connection:
        violations = invariants.find_violations(connection)
    for violation in violations:
        log.error("invariant violated", violation=violation)


UPKEEP: tuple[tuple[Callable[[Upkeep], None], float], ...] = (
    (expire, EXPIRE_S),
    (collect, COLLECT_S),
    (check, CHECK_S),
)
