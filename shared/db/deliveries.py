"""Messages to webhooks: stored when a job ends, taken by a lease, written back with the outcome.

The transaction that ends a job stores its messages, so none is lost, and none is sent for what
did not happen. A message's bytes and id stay the same over all tries. What a worker writes is
fenced by the attempt's number, as with a unit of work (``shared/db/work.py``).

Source: Standard Webhooks, spec/standard-webhooks.md.
"""

import json
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, text

from shared.db.engine import new_id
from shared.db.webhooks import MAX_WEBHOOKS

# A delivery takes no longer than 15 s, and looking up a name some more.
LEASE_S = 60
# Tries that the log shows.
KEPT_ATTEMPTS = 10
# An address that took nothing for so long is told nothing any more.
MAX_FAILING_DAYS = 5
# What was delivered, or not, can be read and sent again for so long.
LOG_KEPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A message in our hands until its lease ends; ``tries`` counts this one."""

    id: str
    webhook_id: str
    url: str
    secret: str
    body: str
    attempt: int
    tries: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: the receiver's status and the beginning of its answer, or why there is none."""

    at: str
    status: int | None
    error: str | None
    seconds: float
    response: str | None


def announce(connection: Connection, job_id: str) -> None:
    """Store what is to be told of a job that has just ended, in the transaction that ended it.

    A disabled address is told nothing; one that the job names is told whatever its events.
    """
    connection.execute(
        text(
            """
            WITH told AS MATERIALIZED (
                SELECT h.id, h.owner_id FROM jobs j JOIN webhooks h ON h.owner_id = j.owner_id
                WHERE j.id = :job_id AND h.disabled_at IS NULL
                  AND (h.events ? ('job.' || j.state) OR h.url = j.options ->> 'webhook_url')
                ORDER BY h.id FOR KEY SHARE OF h  -- one that is being deleted is waited for
            )
            INSERT INTO webhook_deliveries (id, webhook_id, owner_id, job_id, event, body)
            SELECT (CAST(:ids AS text[]))[row_number() OVER (ORDER BY h.id)], h.id, h.owner_id,
                   j.id, 'job.' || j.state,
                   json_build_object(
                       'type', 'job.' || j.state, 'timestamp', rfc3339(now()),
                       'data', json_build_object(
                           'id', j.id, 'name', j.name, 'status', j.state,
                           'counts', json_build_object(
                               'total', j.total, 'succeeded', j.succeeded, 'failed', j.failed,
                               'canceled', j.canceled, 'degraded', j.degraded,
                               'cached', j.cached),
                           'created_at', rfc3339(j.created_at),
                           'finished_at', rfc3339(j.finished_at),
                           'error', j.error,
                           'labels', coalesce(j.options -> 'labels', '{}')))::text
            FROM jobs j CROSS JOIN told h WHERE j.id = :job_id
            """
        ),
        {"job_id": job_id, "ids": [new_id("msg") for _ in range(MAX_WEBHOOKS)]},
    )


# One message of an owner is on its way at a time: who does not answer holds up no one else.
_DUE = """
    d.state = 'pending' AND d.next_attempt_at <= now()
    AND NOT EXISTS (SELECT FROM webhook_deliveries o
                    WHERE o.owner_id = d.owner_id AND o.lease_until > now())
"""


def count_due(connection: Connection, limit: int) -> int:
    """Return how many messages could be sent at once, counting no further than ``limit``."""
    count: int = connection.execute(
        text(
            f"""
            SELECT count(*) FROM (
                SELECT DISTINCT d.owner_id FROM webhook_deliveries d WHERE {_DUE} LIMIT :limit
            ) AS owners
            """  # noqa: S608 -- a constant text
        ),
        {"limit": limit},
    ).scalar_one()
    return count


# Whoever claims waits for who is claiming, and so sees his lease. In ASCII: "cthook".
_CLAIM_LOCK = 0x6374686F6F6B


def claim_due(connection: Connection) -> ClaimedDelivery | None:
    """Take the oldest due message of the owner who has waited longest; None when none is due.

    Owners take turns, so that many messages to receivers that hang hold up no other owner's.
    A message whose sender dies is due again at the end of the lease, behind the others.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CLAIM_LOCK})
    row = connection.execute(
        text(
            f"""
            WITH due AS MATERIALIZED (
                SELECT DISTINCT ON (d.owner_id) d.id, d.owner_id, d.next_attempt_at
                FROM webhook_deliveries d WHERE {_DUE}
                ORDER BY d.owner_id, d.next_attempt_at, d.id
            ), picked AS MATERIALIZED (
                SELECT due.id FROM due
                ORDER BY (SELECT max(o.claimed_at) FROM webhook_deliveries o
                          WHERE o.owner_id = due.owner_id) NULLS FIRST,
                         due.next_attempt_at, due.id LIMIT 1
            )
            UPDATE webhook_deliveries d
            SET attempt = attempt + 1, tries = tries + 1, claimed_at = now(),
                lease_until = now() + make_interval(secs => :lease),
                next_attempt_at = now() + make_interval(secs => :lease)
            FROM picked, webhooks h
            WHERE d.id = picked.id AND h.id = d.webhook_id AND d.state = 'pending'
            RETURNING d.id, d.webhook_id, h.url, h.secret, d.body, d.attempt, d.tries
            """  # noqa: S608 -- a constant text
        ),
        {"lease": LEASE_S},
    ).one_or_none()
    return None if row is None else ClaimedDelivery(*row)


def succeed(connection: Connection, claimed: ClaimedDelivery, attempt: Attempt) -> None:
    """Write down that a message was taken, unless it is no longer ours."""
    if _record(connection, claimed, attempt, "state = 'succeeded', finished_at = now()"):
        connection.execute(
            text(
                "UPDATE webhooks SET failing_since = NULL "
                "WHERE id = :id AND failing_since IS NOT NULL"
            ),
            {"id": claimed.webhook_id},
        )


def postpone(
    connection: Connection, claimed: ClaimedDelivery, attempt: Attempt, delay_s: float
) -> None:
    """Write down that a message was not taken, and try again later, unless it is not ours."""
    later = "next_attempt_at = now() + make_interval(secs => :delay)"
    if _record(connection, claimed, attempt, later, delay=delay_s):
        _note_failure(connection, claimed.webhook_id)


def fail(connection: Connection, claimed: ClaimedDelivery, attempt: Attempt) -> bool:
    """Write down that a message was not taken and is not tried again; False when not ours."""
    ours = _record(connection, claimed, attempt, "state = 'failed', finished_at = now()")
    if ours:
        _note_failure(connection, claimed.webhook_id)
    return ours


def _record(
    connection: Connection,
    claimed: ClaimedDelivery,
    attempt: Attempt,
    change: str,
    **parameters: float,
) -> bool:
    """Add a try to the log of its message and end the lease; False when it is no longer ours.

    The webhook is locked before its message, as it is when it is deleted or disabled.
    """
    connection.execute(
        text("SELECT FROM webhooks WHERE id = :id FOR NO KEY UPDATE"), {"id": claimed.webhook_id}
    )
    row = connection.execute(
        text(
            f"""
            UPDATE webhook_deliveries
            SET lease_until = NULL, {change},
                attempts = CASE WHEN jsonb_array_length(attempts) < :kept THEN attempts
                                ELSE attempts - 0 END || CAST(:entry AS jsonb)
            WHERE id = :id AND attempt = :attempt AND state = 'pending'
            RETURNING id
            """  # noqa: S608 -- one of three constant texts
        ),
        parameters
        | {
            "id": claimed.id,
            "attempt": claimed.attempt,
            "kept": KEPT_ATTEMPTS,
            "entry": json.dumps([asdict(attempt)]),
        },
    ).one_or_none()
    return row is not None


def _note_failure(connection: Connection, webhook_id: str) -> None:
    """Disable an address that has taken nothing for days."""
    row = connection.execute(
        text(
            """
            UPDATE webhooks SET failing_since = coalesce(failing_since, now()) WHERE id = :id
            RETURNING failing_since < now() - make_interval(days => :days) AS for_long
            """
        ),
        {"id": webhook_id, "days": MAX_FAILING_DAYS},
    ).one_or_none()
    if row is not None and row.for_long:
        disable(connection, webhook_id)


def disable(connection: Connection, webhook_id: str) -> None:
    """Tell an address nothing any more, and give up what it was still to be told."""
    parameters = {"id": webhook_id}
    connection.execute(
        text("UPDATE webhooks SET disabled_at = coalesce(disabled_at, now()) WHERE id = :id"),
        parameters,
    )
    connection.execute(
        text(
            """
            UPDATE webhook_deliveries
            SET state = 'failed', lease_until = NULL, finished_at = now()
            WHERE webhook_id = :id AND state = 'pending'
            """
        ),
        parameters,
    )


def forget_old(connection: Connection) -> int:
    """Forget what has been over for as long as the log is kept; return how many."""
    forgotten = connection.execute(
        text(
            "DELETE FROM webhook_deliveries WHERE id IN ("
            "SELECT id FROM webhook_deliveries WHERE state <> 'pending' "
            "AND finished_at < now() - make_interval(days => :kept) FOR UPDATE SKIP LOCKED)"
        ),
        {"kept": LOG_KEPT_DAYS},
    )
    return forgotten.rowcount
