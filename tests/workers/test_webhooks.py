"""Messages on their way to a real receiver: signed, tried again, written down."""

import base64
import ipaddress
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, Row, text
from standardwebhooks import WebhookVerificationError

from shared.db import webhooks
from shared.db.engine import transaction
from shared.db.webhooks import WebhookEvent, WebhookView
from tests.conftest import until
from tests.receiver import Receiver, receiving
from tests.shared.db.playing import drain, submit
from workers.outbound import Outbound
from workers.webhooks import JITTER, RETRY_DELAYS_S, USER_AGENT, deliver_next, retry_delay_s

BESIDE_US = Outbound(allow_private=True)
DAY_S = 86_400


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody's server."""
    with receiving() as started:
        yield started


@pytest.fixture
def hook(engine: Engine, owner_id: str, receiver: Receiver) -> WebhookView:
    """A webhook to it, of a user one job of whom has ended."""
    with transaction(engine) as connection:
        made = webhooks.register(connection, owner_id, receiver.url, list(WebhookEvent), "")
    assert isinstance(made, WebhookView)
    submit(engine, owner_id, ["a"], labels={"team": "web é ☃"})
    drain(engine)
    return made


def make_due(engine: Engine) -> None:
    """Let the time until the next try pass."""
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE state = 'pending'")
        )


def delivery(engine: Engine) -> Row[Any]:
    with transaction(engine) as connection:
        return connection.execute(text("SELECT * FROM webhook_deliveries")).one()


def disabled_at(engine: Engine) -> object:
    with transaction(engine) as connection:
        return connection.execute(text("SELECT disabled_at FROM webhooks")).scalar_one()


def test_a_message_verifies_with_the_library_that_receivers_use(
    engine: Engine, receiver: Receiver, hook: WebhookView
) -> None:
    sent = deliver_next(engine, BESIDE_US)
    (message,) = receiver.messages

    assert sent
    assert message.verified(hook.secret) == json.loads(delivery(engine).body)
    assert message.headers["webhook-id"] == delivery(engine).id
    assert message.headers["Content-Type"] == "application/json"
    assert message.headers["User-Agent"] == USER_AGENT


def test_a_message_does_not_verify_with_another_secret(
    engine: Engine, receiver: Receiver, hook: WebhookView
) -> None:
    del hook
    deliver_next(engine, BESIDE_US)
    (message,) = receiver.messages

    with pytest.raises(WebhookVerificationError):
        message.verified("whsec_" + base64.b64encode(b"0" * 32).decode())


def test_where_nothing_is_due_nothing_is_sent(engine: Engine, owner_id: str) -> None:
    del owner_id

    assert not deliver_next(engine, BESIDE_US)


def test_a_message_that_was_not_taken_is_sent_again_with_the_same_id_and_body(
    engine: Engine, receiver: Receiver, hook: WebhookView
) -> None:
    receiver.statuses = [500, 503]
    receiver.body = b"out of order"

    for _ in range(3):
        deliver_next(engine, BESIDE_US)
        make_due(engine)
    row = delivery(engine)

    assert len({(m.headers["webhook-id"], m.body) for m in receiver.messages}) == 1
    assert all(message.verified(hook.secret) for message in receiver.messages)
    assert row.state == "succeeded"
    assert [(a["status"], a["error"], a["response"]) for a in row.attempts] == [
        (500, "the receiver answered 500", "out of order"),
        (503, "the receiver answered 503", "out of order"),
        (200, None, "out of order"),
    ]
    assert not deliver_next(engine, BESIDE_US)


@pytest.mark.usefixtures("hook")
def test_a_message_is_not_sent_again_before_its_time(engine: Engine, receiver: Receiver) -> None:
    receiver.statuses = [500]
    deliver_next(engine, BESIDE_US)

    assert not deliver_next(engine, BESIDE_US)
    assert len(receiver.messages) == 1


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize("status", [200, 201, 204])
def test_any_status_of_success_is_enough(engine: Engine, receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    receiver.body = b""

    deliver_next(engine, BESIDE_US)

    assert delivery(engine).state == "succeeded"


@pytest.mark.usefixtures("hook")
def test_a_receiver_that_is_gone_is_told_nothing_any_more(
    engine: Engine, receiver: Receiver, owner_id: str
) -> None:
    receiver.statuses = [410]
    submit(engine, owner_id, ["b"])
    drain(engine)

    deliver_next(engine, BESIDE_US)
    make_due(engine)
    more = deliver_next(engine, BESIDE_US)
    with transaction(engine) as connection:
        states = connection.execute(text("SELECT DISTINCT state FROM webhook_deliveries")).all()

    assert disabled_at(engine) is not None
    assert [row.state for row in states] == ["failed"]
    assert not more


@pytest.mark.usefixtures("hook")
def test_a_redirect_is_written_down_and_not_followed(engine: Engine, receiver: Receiver) -> None:
    receiver.statuses = [308]

    deliver_next(engine, BESIDE_US)
    row = delivery(engine)

    assert len(receiver.messages) == 1
    assert (row.state, row.attempts[0]["status"]) == ("pending", 308)
    assert row.attempts[0]["error"] == "redirects are not followed"


@pytest.mark.usefixtures("hook")
def test_an_address_that_is_not_public_is_refused_when_it_is_looked_up(
    engine: Engine, receiver: Receiver
) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE webhooks SET url = 'https://hooks.example/'"))

    deliver_next(engine, Outbound(), lambda _host, _port: [ipaddress.ip_address("10.0.0.1")])
    (attempt,) = delivery(engine).attempts

    assert (attempt["status"], attempt["response"]) == (None, None)
    assert attempt["error"] == "hooks.example is not on the public Internet"
    assert receiver.messages == []


@pytest.mark.usefixtures("hook")
def test_plain_http_is_refused_though_it_was_registered_when_it_was_allowed(
    engine: Engine, receiver: Receiver
) -> None:
    deliver_next(engine, Outbound())
    row = delivery(engine)

    assert row.state == "pending"
    assert row.attempts[0]["error"] == "the address has to begin with https://"
    assert receiver.messages == []


@pytest.mark.usefixtures("hook")
def test_a_message_has_as_many_tries_as_the_schedule_and_one(
    engine: Engine, receiver: Receiver
) -> None:
    tries = len(RETRY_DELAYS_S) + 1
    receiver.statuses = [500] * (tries + 1)

    for _ in range(tries + 1):
        deliver_next(engine, BESIDE_US)
        make_due(engine)

    assert len(receiver.messages) == tries
    assert delivery(engine).state == "failed"
    assert disabled_at(engine) is None


@pytest.mark.usefixtures("hook")
def test_a_first_try_that_fails_is_repeated_after_some_seconds(
    engine: Engine, receiver: Receiver
) -> None:
    receiver.statuses = [500]

    deliver_next(engine, BESIDE_US)
    with transaction(engine) as connection:
        row = connection.execute(
            text(
                "SELECT extract(epoch FROM next_attempt_at - now()) AS wait_s"
                " FROM webhook_deliveries"
            )
        ).one()

    assert row.wait_s <= RETRY_DELAYS_S[0] * (1 + JITTER)


@given(st.integers(1, len(RETRY_DELAYS_S)))
def test_a_wait_is_the_schedules_or_a_little_longer(tries: int) -> None:
    delay_s = retry_delay_s(tries)

    assert delay_s is not None
    assert RETRY_DELAYS_S[tries - 1] <= delay_s <= RETRY_DELAYS_S[tries - 1] * (1 + JITTER)


@given(st.integers(min_value=len(RETRY_DELAYS_S) + 1))
def test_after_the_schedule_there_is_no_more(tries: int) -> None:
    assert retry_delay_s(tries) is None


def test_the_schedule_grows_over_three_days() -> None:
    assert list(RETRY_DELAYS_S) == sorted(RETRY_DELAYS_S)
    assert 3 * DAY_S < sum(RETRY_DELAYS_S) < 4 * DAY_S


def test_a_worker_that_is_late_leaves_what_another_wrote(
    engine: Engine, receiver: Receiver, hook: WebhookView
) -> None:
    held = threading.Event()

    def slowly(host: str, _port: int) -> list[ipaddress.IPv4Address]:
        held.wait()
        return [ipaddress.IPv4Address(host)]

    late = threading.Thread(target=deliver_next, args=(engine, BESIDE_US, slowly))
    late.start()
    until(lambda: delivery(engine).lease_until is not None)
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE webhook_deliveries SET lease_until = now() - interval '1 s'")
        )
    make_due(engine)
    deliver_next(engine, BESIDE_US)
    written = delivery(engine)
    receiver.statuses = [410]
    held.set()
    late.join()

    assert len(receiver.messages) == 2
    assert len({message.headers["webhook-id"] for message in receiver.messages}) == 1
    assert delivery(engine) == written
    assert (written.state, disabled_at(engine)) == ("succeeded", None)
    assert receiver.messages[1].verified(hook.secret)
