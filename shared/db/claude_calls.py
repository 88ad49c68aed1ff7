"""The ledger of requests to Claude: a row before each, closed with what it used."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from sqlalchemy import Connection, text

from shared.db import spending
from shared.db.engine import new_id
from shared.db.states import Cap

# What a request costs that surely was not worked on.
FREE = Decimal(0)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """How a request ended: ``ok`` or the code of its error, and its usage; None is not known."""

    outcome: str
    latency_s: float
    usd: Decimal | None = None
    request_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class NewCall:
    """A request that is about to be sent, and what it is expected to cost; None is not known."""

    model: str
    work_id: int
    job_id: str | None
    expected_usd: Decimal | None


def open_call(
    connection: Connection, new: NewCall, daily_cap_usd: Decimal | None = None
) -> str | Cap:
    """Book and record a request before it is sent.

    Returns:
        Its id; or the cap that it would pass, and then it is not to be sent.
    """
    booking = spending.book(connection, new.work_id, new.job_id, new.expected_usd, daily_cap_usd)
    if booking.capped_by is not None:
        return booking.capped_by
    call_id = new_id("call")
    connection.execute(
        text(
            "INSERT INTO claude_calls (id, work_id, job_id, model, booked_usd) "
            "VALUES (:id, :work_id, :job_id, :model, :usd)"
        ),
        {
            "id": call_id,
            "work_id": new.work_id,
            "job_id": booking.job_id,
            "model": new.model,
            "usd": new.expected_usd,
        },
    )
    return call_id


def close_call(connection: Connection, call_id: str, entry: LedgerEntry) -> None:
    """Record how a request ended and what it used, once; its booking gives way to its cost.

    A cost that is not known leaves the booking: the request may have been billed.
    """
    row = connection.execute(
        text(
            """
            UPDATE claude_calls
            SET outcome = :outcome, latency_s = :latency_s, usd = :usd,
                request_id = :request_id, input_tokens = :input_tokens,
                output_tokens = :output_tokens, cache_read_tokens = :cache_read_tokens,
                cache_write_tokens = :cache_write_tokens, finished_at = now()
            WHERE id = :id AND finished_at IS NULL
            RETURNING job_id, CAST(created_at AT TIME ZONE 'UTC' AS date) AS day,
                      usd - booked_usd AS unbooked_usd
            """
        ),
        asdict(entry) | {"id": call_id},
    ).one_or_none()
    if row is None or row.unbooked_usd is None:
        return
    if row.job_id is not None:
        spending.add_to_job(connection, row.job_id, row.unbooked_usd)
    spending.add_to_day(connection, row.day, row.unbooked_usd)


@dataclass(frozen=True, slots=True)
class Saving:
    """Of items with names by Claude: how many, how many needed no call, and what that saved.

    None is not known.
    """

    named: int = 0
    spared: int = 0
    usd: Decimal | None = FREE

    def plus(self, named: int, spared: int, usd: Decimal | None) -> "Saving":
        """Return the sum with items that share a unit of work, whose calls cost so much."""
        total = self.usd
        if spared:
            total = None if total is None or usd is None else total + spared * usd
        return Saving(self.named + named, self.spared + spared, total)


def saved_by(
    connection: Connection, ended: Sequence[tuple[str, int]], *, cached: bool
) -> dict[str, Saving]:
    """Return what some items saved that needed no call of their own, by job.

    An item whose unit of work another job paid for last saves what that job paid; of several items
    of one job that share a unit, one has paid for it. A unit that took the names of another saves
    what that one cost.

    Args:
        connection: An open transaction.
        ended: Job and naming unit of each item that has its names.
        cached: Whether the unit was done before the items came.
    """
    items = Counter(ended)
    rows = connection.execute(
        text(
            """
            SELECT e.job_id, e.work_id, coalesce(sum(k.usd), 0) AS usd,
                   bool_or(k.usd IS NULL) AS unpriced,
                   bool_or(w.named_by IS NULL AND p.job_id = e.job_id) AS own
            FROM unnest(CAST(:job_ids AS text[]), CAST(:work_ids AS bigint[]))
                 AS e(job_id, work_id)
            JOIN work w ON w.id = e.work_id
            CROSS JOIN LATERAL (
                SELECT job_id FROM claude_calls WHERE work_id = coalesce(w.named_by, w.id)
                ORDER BY id DESC LIMIT 1
            ) p
            JOIN claude_calls k ON k.work_id = coalesce(w.named_by, w.id)
                 AND k.job_id IS NOT DISTINCT FROM p.job_id
            GROUP BY e.job_id, e.work_id
            """
        ),
        {"job_ids": [job for job, _ in items], "work_ids": [work for _, work in items]},
    )
    savings: defaultdict[str, Saving] = defaultdict(Saving)
    for row in rows:
        count = items[row.job_id, row.work_id]
        spared = count - (1 if row.own and not cached else 0)
        usd = None if row.unpriced else row.usd
        savings[row.job_id] = savings[row.job_id].plus(count, spared, usd)
    return savings
