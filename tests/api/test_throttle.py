"""Logins that fail are slowed down, over HTTP: for the account, for the address, not for good."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import Engine, text

from shared.db.engine import transaction
from shared.db.login_failures import ACCOUNT_TRIES, ADDRESS_TRIES
from tests.api.browsing import PASSWORD, send
from tests.api.server import assert_problem

EMAIL = "grace@example.com"
WRONG = "wrong horse battery"


@pytest.fixture
def grace(anonymous: httpx.Client) -> str:
    """Somebody with a password; her address."""
    account = {"email": EMAIL, "password": PASSWORD}
    assert anonymous.post("/api/v1/auth/register", json=account).status_code == 201
    return EMAIL


def log_in(client: httpx.Client, email: str, password: str = WRONG) -> httpx.Response:
    form = {"username": email, "password": password}
    return client.post("/api/v1/auth/login", data=form, timeout=30)


def pass_seconds(engine: Engine, seconds: float) -> None:
    """Let every failure have been longer ago."""
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE login_failures SET last_at = last_at - make_interval(secs => :s)"),
            {"s": seconds},
        )


def test_an_account_waits_after_some_failures_even_for_the_right_password(
    anonymous: httpx.Client, grace: str, engine: Engine
) -> None:
    for _ in range(ACCOUNT_TRIES):
        assert_problem(log_in(anonymous, grace), 401, "unauthenticated")

    refused = log_in(anonymous, grace, PASSWORD)
    pass_seconds(engine, 1)
    let_in = log_in(anonymous, grace, PASSWORD)

    assert_problem(refused, 429, "too_many_logins")
    assert refused.headers["retry-after"] == "1"
    assert let_in.status_code == 200


def test_pauses_double_and_end_at_a_quarter_of_an_hour(
    anonymous: httpx.Client, grace: str, engine: Engine
) -> None:
    for _ in range(ACCOUNT_TRIES):
        log_in(anonymous, grace)
    pauses = []
    for _ in range(12):
        pause_s = int(log_in(anonymous, grace).headers["retry-after"])
        pauses.append(pause_s)
        pass_seconds(engine, pause_s)
        log_in(anonymous, grace)

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_an_unknown_address_waits_just_the_same(anonymous: httpx.Client, grace: str) -> None:
    answers = {
        email: [log_in(anonymous, email).status_code for _ in range(ACCOUNT_TRIES + 1)]
        for email in (grace, "nobody@example.com")
    }

    assert answers[grace] == answers["nobody@example.com"]
    assert answers[grace][-1] == 429


def test_tries_at_once_do_not_outrun_the_count(anonymous: httpx.Client, grace: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: log_in(anonymous, grace).status_code, range(32)))

    assert answers.count(401) == ACCOUNT_TRIES
    assert answers.count(429) == 32 - ACCOUNT_TRIES


def test_an_address_that_tries_many_accounts_waits_for_all_of_them(
    anonymous: httpx.Client, grace: str
) -> None:
    for number in range(ADDRESS_TRIES):
        assert log_in(anonymous, f"guess{number}@example.com").status_code == 401

    assert_problem(log_in(anonymous, grace, PASSWORD), 429, "too_many_logins")


def test_a_login_of_ones_own_does_not_wash_an_address(anonymous: httpx.Client, grace: str) -> None:
    for number in range(ADDRESS_TRIES):
        log_in(anonymous, f"guess{number}@example.com")
        if number < ADDRESS_TRIES - 1:
            assert log_in(anonymous, grace, PASSWORD).status_code == 200

    assert_problem(log_in(anonymous, "another@example.com"), 429, "too_many_logins")


def test_failures_elsewhere_do_not_lock_out_who_signs_in_from_home(
    anonymous: httpx.Client, grace: str, engine: Engine
) -> None:
    log_in(anonymous, grace, PASSWORD)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE sessions SET origin = '192.0.2.1'"))
    for _ in range(ACCOUNT_TRIES + 1):
        elsewhere = log_in(anonymous, grace)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE sessions SET origin = '127.0.0.1'"))
        connection.execute(text("DELETE FROM login_failures WHERE subject LIKE 'address%'"))

    at_home = log_in(anonymous, grace, PASSWORD)

    assert elsewhere.status_code == 429
    assert at_home.status_code == 200


def test_a_login_that_succeeds_begins_the_count_anew(anonymous: httpx.Client, grace: str) -> None:
    for _ in range(3):
        for _ in range(ACCOUNT_TRIES - 1):
            assert log_in(anonymous, grace).status_code == 401
        assert log_in(anonymous, grace, PASSWORD).status_code == 200


def test_the_page_says_when_to_try_again(anonymous: httpx.Client, grace: str) -> None:
    for _ in range(ACCOUNT_TRIES):
        log_in(anonymous, grace)

    answer = send(anonymous, "/login", "/login", email=grace, password=PASSWORD)

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert "try again in 1 second" in answer.text
