"""What the pump does besides: files and results that go when their time has come."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from shared.blobs import open_store
from shared.db import login_failures, users
from shared.db.engine import transaction
from shared.db.retention import delete_job
from tests.shared.db.playing import drain, submit, view
from workers.upkeep import Upkeep, check, collect, expire


@pytest.fixture
def upkeep(engine: Engine, tmp_path: Path) -> Upkeep:
    """The duties over a directory of the test's own."""
    return Upkeep(engine, open_store(None, tmp_path))


def age_files(root: Path) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=3)).timestamp()
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (long_ago, long_ago))


def test_a_file_of_a_refused_request_goes_after_a_day(upkeep: Upkeep, tmp_path: Path) -> None:
    old = upkeep.store.put(b"old").sha256
    age_files(tmp_path)
    young = upkeep.store.put(b"young").sha256

    collect(upkeep)

    assert (upkeep.store.has(old), upkeep.store.has(young)) == (False, True)


def test_a_file_that_a_job_has_stays_however_old_it_is(
    upkeep: Upkeep, owner_id: str, tmp_path: Path
) -> None:
    sha256 = upkeep.store.put(b"needed").sha256
    job_id = submit(upkeep.engine, owner_id, ["a"])
    with transaction(upkeep.engine) as connection:
        connection.execute(
            text("INSERT INTO blobs (sha256, size_bytes, media_type) VALUES (:h, 6, '')"),
            {"h": sha256},
        )
        connection.execute(text("UPDATE items SET sha256 = :h"), {"h": sha256})
        connection.execute(text("UPDATE blobs SET created_at = now() - interval '9 days'"))
    age_files(tmp_path)

    collect(upkeep)

    assert upkeep.store.has(sha256)
    assert view(upkeep.engine, owner_id, job_id).total == 1


def test_expired_results_take_their_files_along(upkeep: Upkeep, owner_id: str) -> None:
    sha256 = upkeep.store.put(b"expired").sha256
    job_id = submit(upkeep.engine, owner_id, ["a"])
    drain(upkeep.engine)
    with transaction(upkeep.engine) as connection:
        connection.execute(
            text("INSERT INTO blobs (sha256, size_bytes, media_type) VALUES (:h, 7, '')"),
            {"h": sha256},
        )
        connection.execute(text("UPDATE items SET sha256 = :h"), {"h": sha256})
        connection.execute(text("UPDATE jobs SET expires_at = now()"))

    expire(upkeep)

    assert not upkeep.store.has(sha256)
    assert view(upkeep.engine, owner_id, job_id).state == "expired"


def test_a_file_that_two_jobs_have_outlives_the_first(upkeep: Upkeep, owner_id: str) -> None:
    first = submit(upkeep.engine, owner_id, ["a"])
    submit(upkeep.engine, owner_id, ["a"])
    drain(upkeep.engine)
    with transaction(upkeep.engine) as connection:
        delete_job(connection, owner_id, first)
        connection.execute(text("UPDATE blobs SET created_at = now() - interval '9 days'"))

    collect(upkeep)

    with transaction(upkeep.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM blobs")).scalar_one() == 1


def test_books_that_do_not_balance_are_cried_out(upkeep: Upkeep, owner_id: str) -> None:
    submit(upkeep.engine, owner_id, ["a"])
    with capture_logs() as calm:
        check(upkeep)
    with transaction(upkeep.engine) as connection:
        connection.execute(text("UPDATE jobs SET total = 2, pending = 2"))

    with capture_logs() as logs:
        check(upkeep)

    assert calm == []
    assert logs[0]["violation"].startswith("a job's counters differ from its items: job_")


def test_logins_of_long_ago_are_forgotten(upkeep: Upkeep, owner_id: str) -> None:
    with transaction(upkeep.engine) as connection:
        for name, days in (("old", 31), ("young", 29)):
            users.open_session(
                connection,
                name,
                owner_id,
                refresh_hash="",
                expires_at=datetime.now(UTC) - timedelta(days=days),
                origin="192.0.2.1",
            )
            login_failures.begin(connection, f"{name}@example.com", f"192.0.2.{days}")
        connection.execute(
            text(
                "UPDATE login_failures SET last_at = now() - interval '25 hours' "
                "WHERE subject = 'address 192.0.2.31'"
            )
        )

    expire(upkeep)

    with transaction(upkeep.engine) as connection:
        left = connection.execute(text("SELECT id FROM sessions")).scalars().all()
        counted = connection.execute(text("SELECT count(*) FROM login_failures")).scalar_one()
    assert left == ["young"]
    assert counted == 3
