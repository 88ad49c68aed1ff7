"""What a session asks of the server."""

import pytest
from sqlalchemy import Engine, text

from shared.db.engine import SESSION, transaction


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
