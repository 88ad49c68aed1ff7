"""Caps, bookings and savings over a real database, with calls played by the test."""

import threading
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from shared.db import claude_calls, invariants, spending
from shared.db.claude_calls import LedgerEntry, NewCall
from shared.db.engine import transaction
from shared.db.states import Cap, Stage
from shared.db.work import Claim
from shared.errors import CostCapReached, Problem
from tests.shared.db.playing import claim_next, drain, finish, first_item, submit, view

CENT = Decimal("0.01")
WORKERS = 12


def claim_naming(engine: Engine) -> Claim:
    """Measure an image, and claim its naming."""
    while claimed := claim_next(engine):
        if claimed.key.stage is Stage.NAME:
            return claimed
        finish(engine, claimed)
    raise AssertionError("nothing wants names")


def begin(
    engine: Engine, claimed: Claim, usd: Decimal | None = CENT, daily_cap: Decimal | None = None
) -> str | Cap:
    new = NewCall("claude-haiku-5-5", claimed.id, claimed.job_id, usd)
    with transaction(engine) as connection:
        return claude_calls.open_call(connection, new, daily_cap)


def end(engine: Engine, call: str | Cap, usd: Decimal | None) -> None:
    assert not isinstance(call, Cap)
    with transaction(engine) as connection:
        claude_calls.close_call(connection, call, LedgerEntry("answered", 1.0, usd))


def pay(engine: Engine, claimed: Claim, usd: Decimal | None = CENT) -> None:
    """Make a call, and end the naming with it."""
    end(engine, begin(engine, claimed), usd)
    finish(engine, claimed)


def end_degraded(engine: Engine, claimed: Claim) -> None:
    """End a naming, and the assembling after it, with names by rule."""
    reason = Problem.of(CostCapReached())
    finish(engine, claimed, reason)
    assembled = claim_next(engine)
    assert assembled is not None
    finish(engine, assembled, reason)


def spent_today(engine: Engine) -> Decimal:
    with transaction(engine) as connection:
        return spending.spent_today(connection)


def broken_books(engine: Engine) -> list[str]:
    with transaction(engine) as connection:
        return [line for line in invariants.find_violations(connection) if "book" in line]


def storm(engine: Engine, claimed: Claim, daily_cap: Decimal | None = None) -> list[str | Cap]:
    """Begin calls from many workers at once, each until it is refused."""
    answers: list[str | Cap] = []
    together = threading.Barrier(WORKERS)

    def work() -> None:
        together.wait()
        while not isinstance(answer := begin(engine, claimed, CENT, daily_cap), Cap):
            answers.append(answer)
        answers.append(answer)

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_calls_that_begin_at_once_do_not_pass_the_cap_of_the_day(
    engine: Engine, owner_id: str
) -> None:
    submit(engine, owner_id, ["a.png"], mode="hybrid")

    answers = storm(engine, claim_naming(engine), daily_cap=Decimal("0.305"))

    assert answers.count(Cap.DAY) == WORKERS
    assert len(answers) - WORKERS == 30
    assert spent_today(engine) == Decimal("0.30")
    assert broken_books(engine) == []


def test_calls_that_begin_at_once_do_not_pass_the_cap_of_their_job(
    engine: Engine, owner_id: str
) -> None:
    submit(engine, owner_id, ["a.png"], mode="hybrid", max_cost_usd=0.25)

    answers = storm(engine, claim_naming(engine))

    assert answers.count(Cap.JOB) == WORKERS
    assert len(answers) - WORKERS == 25


def test_a_call_that_cost_less_than_was_booked_leaves_room_for_another(
    engine: Engine, owner_id: str
) -> None:
    submit(engine, owner_id, ["a.png"], mode="hybrid", max_cost_usd=0.015)
    claimed = claim_naming(engine)

    first = begin(engine, claimed)
    refused = begin(engine, claimed)
    end(engine, first, Decimal("0.004"))

    assert refused is Cap.JOB
    assert isinstance(begin(engine, claimed), str)
    assert spent_today(engine) == Decimal("0.014")
    assert broken_books(engine) == []


def test_a_call_is_settled_once_however_often_its_end_is_written(
    engine: Engine, owner_id: str
) -> None:
    submit(engine, owner_id, ["a.png"], mode="hybrid")
    call = begin(engine, claim_naming(engine))

    end(engine, call, Decimal("0.003"))
    end(engine, call, Decimal("0.003"))

    assert spent_today(engine) == Decimal("0.003")


def test_a_call_that_may_have_been_billed_stays_booked(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"], mode="hybrid")
    claimed = claim_naming(engine)

    pay(engine, claimed, None)

    assert spent_today(engine) == CENT
    assert view(engine, owner_id, job_id).usd is None
    assert first_item(engine, owner_id, job_id).usd is None


@pytest.mark.parametrize(("daily_cap", "cap"), [(Decimal(1), Cap.DAY), (None, Cap.JOB)])
def test_no_cap_is_kept_by_a_call_of_unknown_price(
    engine: Engine, owner_id: str, daily_cap: Decimal | None, cap: Cap
) -> None:
    capped = {"max_cost_usd": 5} if cap is Cap.JOB else {}
    submit(engine, owner_id, ["a.png"], mode="hybrid", **capped)

    assert begin(engine, claim_naming(engine), None, daily_cap) is cap


def test_without_a_cap_the_price_need_not_be_known(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"], mode="hybrid")

    assert isinstance(begin(engine, claim_naming(engine), None), str)


def test_another_job_that_waits_for_the_same_names_pays_past_the_cap_of_the_first(
    engine: Engine, owner_id: str
) -> None:
    capped = submit(engine, owner_id, ["a.png"], mode="hybrid", max_cost_usd=0)
    claimed = claim_naming(engine)
    other = submit(engine, owner_id, ["a.png"], mode="hybrid")

    pay(engine, claimed)
    drain(engine)

    assert view(engine, owner_id, capped).usd == 0
    assert view(engine, owner_id, other).usd == CENT
    assert view(engine, owner_id, capped).saved_usd == CENT


def test_a_job_says_which_cap_its_images_were_named_by_rule_for(
    engine: Engine, owner_id: str
) -> None:
    job_id = submit(engine, owner_id, ["a.png"], mode="hybrid", max_cost_usd=0)
    claimed = claim_naming(engine)
    begin(engine, claimed)

    end_degraded(engine, claimed)

    assert view(engine, owner_id, job_id).capped_by == "job"


def test_a_job_that_kept_below_its_cap_says_nothing_of_it(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png"], mode="hybrid", max_cost_usd=1)

    pay(engine, claim_naming(engine))
    drain(engine)

    assert view(engine, owner_id, job_id).capped_by is None


def test_the_same_image_again_saves_what_its_call_cost(engine: Engine, owner_id: str) -> None:
    first = submit(engine, owner_id, ["a.png"], mode="hybrid")
    pay(engine, claim_naming(engine))
    drain(engine)

    again = submit(engine, owner_id, ["a.png"], mode="hybrid")
    drain(engine)

    assert view(engine, owner_id, first).saved_usd == 0
    assert view(engine, owner_id, again).usd == 0
    assert view(engine, owner_id, again).saved_usd == CENT
    assert first_item(engine, owner_id, again).saved_usd == CENT
    assert first_item(engine, owner_id, first).saved_usd == 0


def test_a_call_that_brought_no_names_saves_nothing_later(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"], mode="hybrid")
    claimed = claim_naming(engine)
    end(engine, begin(engine, claimed), CENT)
    end_degraded(engine, claimed)
    drain(engine)

    again = submit(engine, owner_id, ["a.png"], mode="hybrid")
    pay(engine, claim_naming(engine), Decimal("0.004"))
    drain(engine)

    assert view(engine, owner_id, again).usd == Decimal("0.004")
    assert view(engine, owner_id, again).saved_usd == 0
    assert first_item(engine, owner_id, again).saved_usd == 0


def test_of_two_copies_in_a_job_one_pays_and_one_saves(engine: Engine, owner_id: str) -> None:
    job_id = submit(engine, owner_id, ["a.png", "a-copy.png"], mode="hybrid")

    pay(engine, claim_naming(engine))
    drain(engine)

    job = view(engine, owner_id, job_id)
    assert (job.usd, job.saved_usd) == (CENT, CENT)


def test_what_was_saved_is_not_known_where_the_price_is_not(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"], mode="hybrid")
    pay(engine, claim_naming(engine), None)
    drain(engine)

    again = submit(engine, owner_id, ["a.png"], mode="hybrid")
    drain(engine)

    assert view(engine, owner_id, again).saved_usd is None
    assert first_item(engine, owner_id, again).saved_usd is None


def test_a_job_without_claude_saves_nothing(engine: Engine, owner_id: str) -> None:
    submit(engine, owner_id, ["a.png"])
    drain(engine)

    again = submit(engine, owner_id, ["a.png"])
    drain(engine)

    assert view(engine, owner_id, again).saved_usd == 0
