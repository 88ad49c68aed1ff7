"""What a session asks of the server, and what becomes of who gives way to another."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Connection, Engine, text

from shared.db import users
from shared.db.engine import SESSION, transaction, written


@pytest.mark.parametrize("name", [name for name in SESSION if not name.startswith("tcp_")])
def test_a_session_has_the_limits_it_asked_for(engine: Engine, name: str) -> None:
    with transaction(engine) as connection:
        shown = connection.execute(text(f"SHOW {name}")).scalar_one()

    assert shown == SESSION[name]


def test_a_process_that_freezes_in_a_transaction_loses_its_locks(
    engine: Engine, owner_id: str
) -> None:
    lock = text("SELECT id FROM users WHERE id = :id FOR UPDATE")
    frozen = engine.connect()
    frozen.execute(text("SET idle_in_transaction_session_timeout = '100ms'"))
    frozen.execute(lock, {"id": owner_id})

    with transaction(engine) as connection:
        found = connection.execute(lock, {"id": owner_id}).scalar_one()
    frozen.invalidate()
    frozen.close()

    assert found == owner_id


def test_two_who_wait_for_each_other_both_write(engine: Engine) -> None:
    with transaction(engine) as connection:
        ids = [users.create_user(connection, f"{n}@example.com", "!").id for n in range(2)]
    both_hold_one = threading.Barrier(2)
    tries: list[str] = []

    def write_both(first: str, second: str, connection: Connection) -> str:
        tries.append(first)
        touch = text("UPDATE users SET email = email || '+' WHERE id = :id")
        connection.execute(touch, {"id": first})
        if len(tries) <= 2:
            both_hold_one.wait(10)
        connection.execute(touch, {"id": second})
        return first

    with ThreadPoolExecutor(2) as threads:
        pairs = (ids, ids[::-1])
        done = threads.map(lambda pair: written(engine, partial(write_both, *pair)), pairs)

        assert list(done) == ids
    assert len(tries) == 3
    with transaction(engine) as connection:
        emails = connection.execute(text("SELECT email FROM users")).scalars()
        assert all(email.endswith("++") for email in emails)
