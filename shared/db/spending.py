"""What was spent a job and a day, and the caps on both: booked before a call, settled after it.

A call is booked with what it is expected to cost, in the transaction that looks whether there is
room for it. So calls that begin at once cannot all take the same room, and a cap is passed by no
more than what the calls in flight turn out to cost beyond their booking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, text

from shared.db.states import Cap


@dataclass(frozen=True, slots=True)
class Booking:
    """The job that pays for a call, if any job is left to; or the cap that forbids the call."""

    job_id: str | None = None
    capped_by: Cap | None = None


@dataclass(frozen=True, slots=True)
class _Payer:
    job_id: str
    spent_usd: Decimal
    cap_usd: Decimal | None

    def has_room(self, usd: Decimal | None) -> bool:
        """Tell whether a call of this cost keeps the job's cap; an unknown cost keeps none."""
        return self.cap_usd is None or (usd is not None and self.spent_usd + usd <= self.cap_usd)


def book(
    connection: Connection,
    work_id: int,
    job_id: str | None,
    usd: Decimal | None,
    daily_cap_usd: Decimal | None,
) -> Booking:
    """Book what a call is expected to cost, unless that would pass a cap.

    Args:
        connection: An open transaction.
        work_id: The unit of work that the call is for.
        job_id: The job that the unit was queued for. When its cap is reached, another job that
            waits for the same unit pays.
        usd: The expected cost, None where the price is not known.
        daily_cap_usd: What the service may spend a day; None: as much as it likes.
    """
    payers = _lock_payers(connection, work_id, job_id)
    payer = next((each for each in payers if each.has_room(usd)), None)
    capped_by = Cap.JOB if payers and payer is None else None
    if capped_by is None and not _book_day(connection, usd, daily_cap_usd):
        capped_by = Cap.DAY
    if capped_by is not None:
        _mark(connection, [each.job_id for each in payers], capped_by)
        return Booking(capped_by=capped_by)
    if payer is None:
        return Booking()
    add_to_job(connection, payer.job_id, usd or Decimal(0))
    return Booking(payer.job_id)


def add_to_job(connection: Connection, job_id: str, usd: Decimal) -> None:
    """Add to what a job has spent, or take back what was booked too much."""
    connection.execute(
        text("UPDATE job_spending SET usd = usd + :usd WHERE job_id = :job_id"),
        {"job_id": job_id, "usd": usd},
    )


def add_to_day(connection: Connection, day: date, usd: Decimal) -> None:
    """Add to what a day has cost, or take back what was booked too much."""
    connection.execute(
        text("UPDATE daily_spending SET usd = usd + :usd WHERE day = :day"),
        {"day": day, "usd": usd},
    )


def spent_today(connection: Connection) -> Decimal:
    """Return what the calls of today, in UTC, cost and are booked to cost."""
    spent: Decimal | None = connection.execute(
        text("SELECT usd FROM daily_spending WHERE day = (now() AT TIME ZONE 'UTC')::date")
    ).scalar_one_or_none()
    return spent or Decimal(0)


def _lock_payers(connection: Connection, work_id: int, job_id: str | None) -> list[_Payer]:
    """Return the jobs that wait for a unit of work, its own first, their spending held.

    They are locked in one order by all, so that no two calls wait for each other.
    """
    ids = _waiting_jobs(connection, work_id) or [job_id]
    connection.execute(
        text(
            """
            INSERT INTO job_spending (job_id) SELECT id FROM jobs WHERE id = ANY(:ids) ORDER BY id
            ON CONFLICT DO NOTHING
            """
        ),
        {"ids": ids},
    )
    rows = connection.execute(
        text(
            """
            SELECT s.job_id, s.usd, CAST(j.options ->> 'max_cost_usd' AS numeric) AS cap
            FROM job_spending s JOIN jobs j ON j.id = s.job_id
            WHERE s.job_id = ANY(:ids) ORDER BY s.job_id FOR UPDATE OF s
            """
        ),
        {"ids": ids},
    )
    payers = [_Payer(row.job_id, row.usd, row.cap) for row in rows]
    return sorted(payers, key=lambda payer: payer.job_id != job_id)


def _waiting_jobs(connection: Connection, work_id: int) -> list[str | None]:
    rows = connection.execute(
        text(
            """
            SELECT DISTINCT j.id FROM work w
            CROSS JOIN LATERAL (
                SELECT job_id FROM items
                WHERE sha256 = w.sha256 AND state = 'pending' OFFSET 0
            ) i
            JOIN jobs j ON j.id = i.job_id AND j.owner_id = w.owner_id
                 AND j.pipeline_version = w.pipeline_version AND j.options_hash = w.options_hash
            WHERE w.id = :work_id
            """
        ),
        {"work_id": work_id},
    )
    return [row.id for row in rows]


def _book_day(connection: Connection, usd: Decimal | None, cap_usd: Decimal | None) -> bool:
    """Book a call in today's sum, unless it has no room there."""
    if usd is None:
        return cap_usd is None
    row = connection.execute(
        text(
            """
            INSERT INTO daily_spending (day, usd)
            SELECT (now() AT TIME ZONE 'UTC')::date, CAST(:usd AS numeric)
            WHERE CAST(:cap AS numeric) IS NULL OR CAST(:usd AS numeric) <= :cap
            ON CONFLICT (day) DO UPDATE SET usd = daily_spending.usd + excluded.usd
            WHERE CAST(:cap AS numeric) IS NULL OR daily_spending.usd + excluded.usd <= :cap
            RETURNING day
            """
        ),
        {"usd": usd, "cap": cap_usd},
    ).one_or_none()
    return row is not None


def _mark(connection: Connection, job_ids: Sequence[str], capped_by: Cap) -> None:
    """Let the jobs say why a call was not made for them."""
    connection.execute(
        text("UPDATE job_spending SET capped_by = :capped_by WHERE job_id = ANY(:ids)"),
        {"ids": list(job_ids), "capped_by": capped_by.value},
    )
