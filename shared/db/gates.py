"""Gates: whether calls to Claude pass, for all workers alike, and how many at once.

A circuit breaker, an adaptive limit and what the API's rate limits leave, kept as one row, so that
a thousand workers learn from one answer. The arithmetic is in pure functions from gate to gate;
whoever writes holds the row.

    closed ── failures in a row, or a 429 with a time ──▶ open until retry_at
    open, retry_at has passed: one call passes as a probe ── success ──▶ closed
                                                         └── failure ──▶ open for longer
    any ── key, permission or budget refused ──▶ misconfigured until retry_at, then as open

Source: M. Nygard, "Release It!", 2nd ed., 2018 (circuit breaker); D. Chiu, R. Jain, "Analysis of
the Increase and Decrease Algorithms for Congestion Avoidance", 1989 (additive increase,
multiplicative decrease).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.claude.budget import Bucket, Budget
from shared.claude.prices import Usage
from shared.db.states import GateState
from shared.errors import Problem
from shared.queue import Queue

CLAUDE = "claude"
# Calls at once before anything is known of the account; one worker has as many threads.
FIRST_LIMIT = 16
# More than any account allows: what keeps the number down is the API.
TOP_LIMIT = 256
# Successes for which one more call at once is tried.
SUCCESSES_A_STEP = 20
# Failures in a row that are no bad luck any more.
FAILURES_TO_OPEN = 5
# The first time a gate stays shut, doubled with each failed probe up to the longest.
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0
# No wait that a server asks for is honoured for longer; then a probe looks.
LONGEST_ASKED_S = 120.0
# Calls refused within this time were on their way together: they halve the limit once.
SAME_BURST_S = 2.0


@dataclass(frozen=True, slots=True)
class Gate:
    """The state of a gate."""

    state: GateState = GateState.CLOSED
    concurrency_limit: int = FIRST_LIMIT
    successes: int = 0
    failures: int = 0
    limited_at: datetime | None = None
    retry_at: datetime | None = None
    problem: dict[str, Any] | None = None
    budget: Budget = field(default_factory=Budget)

    def room(self, in_flight: int, now: datetime) -> int:
        """Return how many more calls may start."""
        # What is refused anyway ends at once, without a call.
        if self.refuses(now):
            return max(0, self.concurrency_limit - in_flight)
        if self.state is GateState.CLOSED:
            left = self.budget.calls_left(now.timestamp())
            free = max(0, self.concurrency_limit - in_flight)
            return free if left is None else min(free, left)
        return 0 if self.is_shut(now) or in_flight else 1

    def is_shut(self, now: datetime) -> bool:
        """Tell whether no call passes before a time that is still to come."""
        return self.state is GateState.OPEN and self._is_early(now)

    def refuses(self, now: datetime) -> bool:
        """Tell whether a call is known to fail, for a reason that only people can mend."""
        return self.state is GateState.MISCONFIGURED and self._is_early(now)

    def _is_early(self, now: datetime) -> bool:
        return self.retry_at is not None and now < self.retry_at


def after_start(gate: Gate, calls: int, now: datetime) -> Gate:
    """Return a gate after calls have set out."""
    return replace(gate, budget=gate.budget.spend(calls, now.timestamp()))


def after_answer(
    gate: Gate, told: Mapping[str, Bucket], used: Usage | None, now: datetime
) -> Gate:
    """Return a gate that knows what an answer, good or bad, tells of the rate limits."""
    return replace(gate, budget=gate.budget.learn(told, used, now.timestamp()))


def after_success(gate: Gate) -> Gate:
    """Return a gate after an answer."""
    successes = gate.successes + 1
    more = successes >= SUCCESSES_A_STEP
    return Gate(
        concurrency_limit=min(TOP_LIMIT, gate.concurrency_limit + more),
        successes=0 if more else successes,
        limited_at=gate.limited_at,
        budget=gate.budget,
    )


def after_failure(gate: Gate, problem: Problem, now: datetime, asked_s: float | None) -> Gate:
    """Return a gate after a call that failed in a way that may pass."""
    if gate.is_shut(now) and not asked_s:
        # It set out before the gate was shut, and tells nothing new.
        return gate
    failures = gate.failures + 1
    failed = replace(gate, failures=failures, successes=0, problem=problem.as_dict())
    if gate.state is GateState.CLOSED and failures < FAILURES_TO_OPEN and not asked_s:
        return failed
    return _open(failed, now, asked_s)


def after_limit(gate: Gate, problem: Problem, now: datetime, asked_s: float | None) -> Gate:
    """Return a gate after a call that was one too many: half as many at once from now on."""
    same_burst = gate.limited_at is not None and (
        now - gate.limited_at < timedelta(seconds=SAME_BURST_S)
    )
    limit = gate.concurrency_limit if same_burst else max(1, gate.concurrency_limit // 2)
    limited = replace(
        gate, concurrency_limit=limit, successes=0, limited_at=now, problem=problem.as_dict()
    )
    return _open(limited, now, asked_s) if asked_s else limited


def after_refusal(gate: Gate, problem: Problem, now: datetime) -> Gate:
    """Return a gate after a call that the account does not allow."""
    return replace(
        gate,
        state=GateState.MISCONFIGURED,
        successes=0,
        retry_at=now + timedelta(seconds=LONGEST_PAUSE_S),
        problem=problem.as_dict(),
    )


def _open(gate: Gate, now: datetime, asked_s: float | None) -> Gate:
    over = max(0, gate.failures - FAILURES_TO_OPEN)
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(over, 10))
    wait_s = min(LONGEST_ASKED_S, asked_s) if asked_s else pause_s
    until = now + timedelta(seconds=wait_s)
    if gate.is_shut(now) and gate.retry_at is not None:
        until = max(until, gate.retry_at)
    return replace(gate, state=GateState.OPEN, retry_at=until)


def read_gate(connection: Connection, name: str = CLAUDE) -> tuple[Gate, datetime]:
    """Return a gate as it is, and the database's time."""
    row = connection.execute(text(_SELECT), {"name": name}).one()
    return _gate(row), row.now


def hold_gate(connection: Connection, name: str = CLAUDE) -> tuple[Gate, datetime]:
    """Return a gate, held until the transaction ends, and the database's time."""
    row = connection.execute(text(_SELECT + " FOR UPDATE"), {"name": name}).one()
    return _gate(row), row.now


_SELECT = "SELECT gates.*, clock_timestamp() AS now FROM gates WHERE name = :name"


def _gate(row: Row[Any]) -> Gate:
    return Gate(
        state=GateState(row.state),
        concurrency_limit=row.concurrency_limit,
        successes=row.successes,
        failures=row.failures,
        limited_at=row.limited_at,
        retry_at=row.retry_at,
        problem=row.problem,
        budget=Budget.from_dict(row.budget),
    )


def store_gate(connection: Connection, gate: Gate, name: str = CLAUDE) -> None:
    """Write a gate that the caller holds."""
    statement = text(
        """
        UPDATE gates SET state = :state, concurrency_limit = :limit, successes = :successes,
               failures = :failures, limited_at = :limited_at, retry_at = :retry_at,
               problem = :problem, budget = :budget
        WHERE name = :name
        """
    ).bindparams(
        bindparam("problem", type_=JSONB(none_as_null=True)), bindparam("budget", type_=JSONB)
    )
    connection.execute(
        statement,
        {
            "name": name,
            "state": gate.state.value,
            "limit": gate.concurrency_limit,
            "successes": gate.successes,
            "failures": gate.failures,
            "limited_at": gate.limited_at,
            "retry_at": gate.retry_at,
            "problem": gate.problem,
            "budget": gate.budget.as_dict(),
        },
    )


def count_in_flight(connection: Connection, queue: Queue = Queue.CLAUDE) -> int:
    """Return how many units of a queue are being worked on anywhere."""
    count: int = connection.execute(
        text("SELECT count(*) FROM work WHERE state = 'running' AND queue = :queue"),
        {"queue": queue.value},
    ).scalar_one()
    return count
