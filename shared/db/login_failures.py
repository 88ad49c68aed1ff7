"""Logins that fail: counted for the account and for the network address, and slowed down.

A try counts as failed until it has succeeded, so that many at once do not outrun the count. From
some failures on each further one doubles the pause before the next; nothing is locked for good.
Whoever fails elsewhere slows nobody who signs in from where that account has signed in before:
tries from there have a count of their own.

Source: OWASP, Authentication Cheat Sheet, "Login Throttling", and "Device Cookies", here with the
network address in the place of the cookie.
"""

import hashlib
import math
from dataclasses import dataclass

from sqlalchemy import Connection, text

# Somebody who tries what their password may have been needs no more.
ACCOUNT_TRIES = 5
# People of one office share an address.
ADDRESS_TRIES = 20
FIRST_PAUSE_S = 1.0
# Ten failures on; some 100 guesses a day at most.
LONGEST_PAUSE_S = 900.0
FORGOTTEN_AFTER_S = 86_400.0
# How long an account's addresses are known.
KNOWN_DAYS = 30


@dataclass(frozen=True, slots=True)
class Try:
    """A login under way, by the subjects that it counts for."""

    account: str
    address: str


def begin(connection: Connection, email: str, origin: str) -> Try | float:
    """Count a login as failed, unless it comes too early; then return the seconds to wait.

    Args:
        connection: An open transaction, which the caller rolls back for a login that may not be.
        email: As it was typed, in lower case; whether anybody has it makes no difference.
        origin: The network that it came from.
    """
    known = _is_known(connection, email, origin)
    account = hashlib.sha256(f"{email} {origin if known else ''}".encode()).hexdigest()
    tried = Try(f"account {account}", f"address {origin}")
    for subject, tries in ((tried.address, ADDRESS_TRIES), (tried.account, ACCOUNT_TRIES)):
        wait_s = _count(connection, subject, tries)
        if wait_s is not None:
            return wait_s
    return tried


def succeed(connection: Connection, tried: Try) -> None:
    """Take the count of a login back that did not fail.

    The account begins anew. The address does not: who owns one account and guesses at others
    would sign in to it in between.
    """
    # In the order in which they are counted, so that no two logins wait for each other.
    connection.execute(
        text("UPDATE login_failures SET failures = failures - 1 WHERE subject = :address"),
        {"address": tried.address},
    )
    connection.execute(
        text("DELETE FROM login_failures WHERE subject = :account"), {"account": tried.account}
    )


def forget_old(connection: Connection) -> None:
    """Drop the counts that say nothing any more."""
    connection.execute(
        text(
            "DELETE FROM login_failures WHERE last_at < now() - make_interval(secs => :forgotten)"
        ),
        {"forgotten": FORGOTTEN_AFTER_S},
    )


def _is_known(connection: Connection, email: str, origin: str) -> bool:
    """Tell whether somebody has signed in from a network lately."""
    found = connection.execute(
        text(
            """
            SELECT FROM sessions s JOIN users u ON u.id = s.user_id
            WHERE u.email = :email AND s.origin = :origin
              AND s.created_at > now() - make_interval(days => :days) LIMIT 1
            """
        ),
        {"email": email, "origin": origin, "days": KNOWN_DAYS},
    )
    return found.one_or_none() is not None


_PAUSE = """
    CASE WHEN f.failures < :tries THEN 0
         ELSE least(:longest, :first * 2.0 ^ least(f.failures - :tries, 30)) END
"""
# The clock, not the transaction's time: one that waited for another's row began before it.
_COUNT = f"""
    INSERT INTO login_failures AS f (subject, failures, last_at)
    VALUES (:subject, 1, clock_timestamp())
    ON CONFLICT (subject) DO UPDATE
    SET last_at = clock_timestamp(),
        failures = CASE WHEN f.last_at < now() - make_interval(secs => :forgotten) THEN 1
                        ELSE f.failures + 1 END
    WHERE f.last_at + make_interval(secs => {_PAUSE}) <= clock_timestamp()
    RETURNING failures
"""  # noqa: S608 -- our own words
_WAIT = f"""
    SELECT CAST(extract(epoch FROM f.last_at + make_interval(secs => {_PAUSE}) - clock_timestamp())
                AS float)
    FROM login_failures f WHERE subject = :subject
"""  # noqa: S608 -- our own words


def _count(connection: Connection, subject: str, tries: int) -> float | None:
    """Count a failure; return the seconds to wait when it comes within the pause."""
    parameters = {
        "subject": subject,
        "tries": tries,
        "first": FIRST_PAUSE_S,
        "longest": LONGEST_PAUSE_S,
    }
    forgotten = {"forgotten": FORGOTTEN_AFTER_S}
    if connection.execute(text(_COUNT), parameters | forgotten).one_or_none() is not None:
        return None
    left_s: float = connection.execute(text(_WAIT), parameters).scalar_one()
    return float(max(1, math.ceil(left_s)))
