"""The ledger of requests to Claude: a row before each, closed with what it used."""

from dataclasses import asdict, dataclass
from decimal import Decimal

from sqlalchemy import Connection, text

from shared.db.engine import new_id


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


def open_call(connection: Connection, model: str, work_id: int, job_id: str | None) -> str:
    """Record a request that is about to be sent, and return its id."""
    call_id = new_id("call")
    connection.execute(
        text(
            "INSERT INTO claude_calls (id, work_id, job_id, model) "
            "VALUES (:id, :work_id, :job_id, :model)"
        ),
        {"id": call_id, "work_id": work_id, "job_id": job_id, "model": model},
    )
    return call_id


def close_call(connection: Connection, call_id: str, entry: LedgerEntry) -> None:
    """Record how a request ended and what it used."""
    connection.execute(
        text(
            """
            UPDATE claude_calls
            SET outcome = :outcome, latency_s = :latency_s, usd = :usd,
                request_id = :request_id, input_tokens = :input_tokens,
                output_tokens = :output_tokens, cache_read_tokens = :cache_read_tokens,
                cache_write_tokens = :cache_write_tokens, finished_at = now()
            WHERE id = :id
            """
        ),
        asdict(entry) | {"id": call_id},
    )
