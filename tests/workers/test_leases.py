"""The heartbeat over a real database."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from shared.db import work
from shared.db.engine import transaction
from shared.db.states import Stage
from shared.db.work import Claim, WorkKey
from shared.errors import StageLost
from shared.queue import Queue
from workers.leases import Leases
from workers.tasks import MAX_DELAY_S, retry_delay_s


def claimed(engine: Engine, owner_id: str) -> Claim:
    with transaction(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO jobs (id, owner_id, name, state, mode, priority, options, sources,"
                " pipeline_version, measure_hash, options_hash, request_id, unpacked)"
                " VALUES ('job_1', :owner, '', 'queued', 'cv', 0, '{}', '[]', '1', '', '', '',"
                " true)"
            ),
            {"owner": owner_id},
        )
        key = WorkKey(owner_id, "0" * 64, Stage.MEASURE, "1", "")
        work.enqueue(connection, [key], "job_1", 0)
        (claim,) = work.claim(connection, Queue.CV, "worker")
    return claim


def lease_is_old(engine: Engine) -> bool:
    with transaction(engine) as connection:
        return bool(connection.execute(text("SELECT lease_until < now() FROM work")).scalar_one())


def age_lease(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE work SET lease_until = now() - interval '1 s'"))


def test_a_held_lease_is_renewed(engine: Engine, owner_id: str) -> None:
    leases = Leases(engine)
    with leases.hold([claimed(engine, owner_id)]):
        age_lease(engine)
        leases.renew()

    assert not lease_is_old(engine)


def test_a_lease_let_go_is_not_renewed(engine: Engine, owner_id: str) -> None:
    leases = Leases(engine)
    with leases.hold([claimed(engine, owner_id)]):
        pass
    age_lease(engine)
    leases.renew()

    assert lease_is_old(engine)


def test_a_lease_taken_by_another_attempt_is_not_renewed(engine: Engine, owner_id: str) -> None:
    leases = Leases(engine)
    with leases.hold([claimed(engine, owner_id)]):
        age_lease(engine)
        with transaction(engine) as connection:
            connection.execute(text("UPDATE work SET attempt = attempt + 1"))
        leases.renew()
        leases.renew()

    assert lease_is_old(engine)


def test_a_stage_goes_on_while_its_lease_is_ours_and_not_when_it_was_taken(
    engine: Engine, owner_id: str
) -> None:
    leases = Leases(engine)
    claim = claimed(engine, owner_id)
    with leases.hold([claim]):
        leases.renew()
        leases.check(claim)
        with transaction(engine) as connection:
            connection.execute(text("UPDATE work SET attempt = attempt + 1"))
        leases.renew()

        with pytest.raises(StageLost):
            leases.check(claim)


def test_a_unit_taken_again_by_the_same_process_is_held_on(engine: Engine, owner_id: str) -> None:
    leases = Leases(engine)
    first = claimed(engine, owner_id)
    second = replace(first, attempt=first.attempt + 1)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE work SET attempt = attempt + 1"))
    with leases.hold([second]):
        with leases.hold([first]):
            leases.renew()
        age_lease(engine)
        leases.renew()

        assert not lease_is_old(engine)


def test_waits_grow_are_capped_and_honour_what_was_asked() -> None:
    waits = [max(retry_delay_s(attempt) for _ in range(200)) for attempt in (1, 4, 12)]

    assert waits[0] <= 2 < waits[1] <= 16 < waits[2] <= MAX_DELAY_S
    assert retry_delay_s(1, asked_s=30) >= 30
    assert retry_delay_s(1, asked_s=3600) == MAX_DELAY_S
