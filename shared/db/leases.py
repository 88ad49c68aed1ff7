"""Leases: how workers keep the units they hold, and what becomes of units whose worker is gone."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.db.states import Stage
from shared.db.work import LEASE_S, MAX_ATTEMPTS, Claim, WorkKey
from shared.errors import Problem, WorkerLost

# A worker renews its leases three times in the time they last.
RENEW_S = 20
# Workers that may die on one unit before the unit is what kills them.
MAX_LOST = 3


def renew(connection: Connection, claims: Iterable[Claim]) -> set[int]:
    """Lengthen leases and return the ids of those that are still ours."""
    held = list(claims)
    rows = connection.execute(
        text(
            """
            WITH ours AS MATERIALIZED (
                SELECT work.id FROM work
                JOIN unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[]))
                     AS held(id, attempt) USING (id, attempt)
                WHERE state = 'running' ORDER BY work.id FOR UPDATE OF work
            )
            UPDATE work SET lease_until = now() + make_interval(secs => :lease)
            FROM ours WHERE work.id = ours.id
            RETURNING work.id
            """
        ),
        {
            "lease": LEASE_S,
            "ids": [claim.id for claim in held],
            "attempts": [claim.attempt for claim in held],
        },
    )
    return {row.id for row in rows}


def lease_owners(connection: Connection) -> list[str]:
    """Return everybody who holds a unit."""
    rows = connection.execute(
        text("SELECT DISTINCT lease_owner FROM work WHERE state = 'running' ORDER BY lease_owner")
    )
    return [row.lease_owner for row in rows]


def take_back_expired(connection: Connection) -> list[WorkKey]:
    """Queue units whose lease has ended again, and bury those that lost too many workers.

    Returns:
        The keys of the buried ones, whose items the caller advances.
    """
    return _take_back(connection, "lease_until < now()", [])


def take_back_from(connection: Connection, owners: Collection[str]) -> list[WorkKey]:
    """Take back what these workers held, who are known to be dead; see ``take_back_expired``."""
    return _take_back(connection, "lease_owner = ANY(:owners)", owners)


def _take_back(connection: Connection, whose: str, owners: Collection[str]) -> list[WorkKey]:
    lost = WorkerLost(f"{MAX_LOST} workers died while they worked on it")
    statement = text(
        f"""
        UPDATE work
        SET lost = lost + 1, max_attempt = max_attempt + 1, lease_owner = NULL,
            lease_until = NULL,
            state = CASE WHEN lost + 1 >= :max_lost THEN 'dead' ELSE 'queued' END,
            error = CASE WHEN lost + 1 >= :max_lost THEN CAST(:error AS jsonb) END,
            finished_at = CASE WHEN lost + 1 >= :max_lost THEN now() END,
            not_before = now() + make_interval(secs => power(2, lost) - 1)
        WHERE id IN (
            SELECT id FROM work WHERE state = 'running' AND {whose}
            ORDER BY id FOR UPDATE SKIP LOCKED
        )
        RETURNING owner_id, sha256, stage, pipeline_version, options_hash, state
        """  # noqa: S608 -- one of two constant conditions
    ).bindparams(bindparam("error", type_=JSONB))
    rows = connection.execute(
        statement,
        {"max_lost": MAX_LOST, "error": Problem.of(lost).as_dict(), "owners": list(owners)},
    )
    return [
        WorkKey(r.owner_id, r.sha256, Stage(r.stage), r.pipeline_version, r.options_hash)
        for r in rows
        if r.state == "dead"
    ]


def lay_down(connection: Connection, waiting: Claim, delay_s: float) -> bool:
    """Queue a unit again that waits for something outside; False when it is no longer ours.

    It has come to a resting place, so tries and workers that it took until here do not count.
    """
    row = connection.execute(
        text(
            """
            UPDATE work SET state = 'queued', lease_owner = NULL, lease_until = NULL, lost = 0,
                            max_attempt = attempt + :more,
                            not_before = now() + make_interval(secs => :delay)
            WHERE id = :id AND attempt = :attempt AND state = 'running'
            RETURNING id
            """
        ),
        {"id": waiting.id, "attempt": waiting.attempt, "delay": delay_s, "more": MAX_ATTEMPTS},
    ).one_or_none()
    return row is not None


def release(connection: Connection, owners: Collection[str]) -> int:
    """Queue again what these workers hold as they stop, as if they had never tried.

    Returns:
        How many units that were.
    """
    rows = connection.execute(
        text(
            """
            UPDATE work SET state = 'queued', lease_owner = NULL, lease_until = NULL,
                            max_attempt = max_attempt + 1, not_before = now()
            WHERE id IN (
                SELECT id FROM work WHERE state = 'running' AND lease_owner = ANY(:owners)
                ORDER BY id FOR UPDATE SKIP LOCKED
            )
            RETURNING id
            """
        ),
        {"owners": list(owners)},
    )
    return len(rows.all())
