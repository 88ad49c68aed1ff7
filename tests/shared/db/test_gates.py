"""The gate before Claude: arithmetic from gate to gate, and its row."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from shared.claude.budget import Bucket
from shared.claude.prices import Usage
from shared.db import gates
from shared.db.engine import transaction
from shared.db.gates import (
    FAILURES_TO_OPEN,
    FIRST_LIMIT,
    LONGEST_ASKED_S,
    TOP_LIMIT,
    Gate,
    after_answer,
    after_failure,
    after_limit,
    after_refusal,
    after_start,
    after_success,
)
from shared.db.states import GateState
from shared.errors import Problem

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AWAY = Problem("claude_unavailable", "away", "the API is out of reach")


def failed(times: int) -> Gate:
    gate = Gate()
    for _ in range(times):
        gate = after_failure(gate, AWAY, NOW, None)
    return gate


def test_a_few_failures_do_not_shut_a_gate() -> None:
    assert failed(FAILURES_TO_OPEN - 1).state is GateState.CLOSED


def test_failures_in_a_row_shut_it_for_all() -> None:
    gate = failed(FAILURES_TO_OPEN)

    assert gate.state is GateState.OPEN
    assert gate.room(0, NOW) == 0


def test_a_success_between_failures_starts_the_count_again() -> None:
    gate = after_success(failed(FAILURES_TO_OPEN - 1))

    assert after_failure(gate, AWAY, NOW, None).state is GateState.CLOSED


def test_one_probe_passes_an_open_gate_when_its_time_has_come() -> None:
    gate = failed(FAILURES_TO_OPEN)
    assert gate.retry_at is not None

    assert gate.room(0, gate.retry_at) == 1
    assert gate.room(1, gate.retry_at) == 0


def test_a_failed_probe_shuts_it_for_longer_and_a_good_one_opens_it() -> None:
    gate = failed(FAILURES_TO_OPEN)
    assert gate.retry_at is not None
    longer = after_failure(gate, AWAY, gate.retry_at, None)
    assert longer.retry_at is not None

    assert longer.retry_at - gate.retry_at > gate.retry_at - NOW
    assert after_success(longer).state is GateState.CLOSED


def test_calls_that_were_on_their_way_shut_it_for_no_longer() -> None:
    assert failed(FAILURES_TO_OPEN + 11) == failed(FAILURES_TO_OPEN)


def test_too_many_calls_at_once_halve_the_limit_once_a_burst() -> None:
    once = after_limit(Gate(), AWAY, NOW, None)
    burst = after_limit(once, AWAY, NOW + timedelta(seconds=1), None)
    later = after_limit(burst, AWAY, NOW + timedelta(seconds=9), None)

    assert once.concurrency_limit == burst.concurrency_limit == FIRST_LIMIT // 2
    assert later.concurrency_limit == FIRST_LIMIT // 4


def test_what_the_server_asks_for_is_honoured_and_capped() -> None:
    asked = after_limit(Gate(), AWAY, NOW, 30)
    endless = after_limit(Gate(), AWAY, NOW, 86_400)

    assert asked.retry_at == NOW + timedelta(seconds=30)
    assert endless.retry_at == NOW + timedelta(seconds=LONGEST_ASKED_S)


def test_a_refused_account_lets_work_through_that_ends_without_a_call() -> None:
    gate = after_refusal(Gate(), AWAY, NOW)

    assert gate.refuses(NOW)
    assert gate.room(0, NOW) > 0
    assert gate.retry_at is not None
    assert not gate.refuses(gate.retry_at)
    assert gate.room(0, gate.retry_at) == 1


@given(st.lists(st.sampled_from(["good", "limit", "away"]), max_size=200))
def test_the_limit_stays_within_its_bounds(events: list[str]) -> None:
    gate, now = Gate(), NOW
    for event in events:
        now += timedelta(seconds=3)
        if event == "good":
            gate = after_success(gate)
        elif event == "limit":
            gate = after_limit(gate, AWAY, now, None)
        else:
            gate = after_failure(gate, AWAY, now, None)

        assert 1 <= gate.concurrency_limit <= TOP_LIMIT


def test_a_gate_is_read_as_it_was_stored(engine: Engine) -> None:
    stored = after_limit(failed(FAILURES_TO_OPEN), AWAY, NOW, 30)
    with transaction(engine) as connection:
        before, _ = gates.hold_gate(connection)
        gates.store_gate(connection, stored)
        read, _ = gates.read_gate(connection)
        gates.store_gate(connection, before)

    assert read == stored


def test_a_gate_lets_no_more_calls_through_than_the_rate_limits_leave() -> None:
    gate = after_answer(Gate(), {"requests": Bucket(60, 2)}, Usage(2000, 500), NOW)

    assert gate.room(0, NOW) == 2
    assert after_start(gate, 2, NOW).room(0, NOW) == 0
    assert after_start(gate, 2, NOW).room(0, NOW + timedelta(seconds=3)) == 3


def test_what_is_known_of_the_limits_outlives_good_and_bad_answers() -> None:
    gate = after_answer(Gate(), {"requests": Bucket(60, 0)}, None, NOW)

    for after in (
        after_success(gate),
        after_failure(gate, AWAY, NOW, None),
        after_limit(gate, AWAY, NOW, None),
    ):
        assert after.room(0, NOW) == 0


def test_the_rate_limits_are_kept_with_the_gate(engine: Engine) -> None:
    with engine.connect() as connection:  # rolled back: the gate is everybody's
        gate, now = gates.hold_gate(connection)
        told = after_answer(gate, {"output-tokens": Bucket(8000, 10)}, Usage(2000, 500), now)
        gates.store_gate(connection, told)
        kept, _ = gates.read_gate(connection)

    assert kept == told
    assert kept.budget.use["output-tokens"] == 500
    assert kept.room(0, now) == 0
