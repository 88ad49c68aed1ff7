"""Messages to webhooks: how they come about, whose turn it is, and what becomes of each try."""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Row, text
from sqlalchemy.exc import IntegrityError

from shared.db import control, deliveries, invariants, retention, webhooks
from shared.db.deliveries import KEPT_ATTEMPTS, LOG_KEPT_DAYS, Attempt, ClaimedDelivery
from shared.db.engine import transaction
from shared.db.states import DELIVERY_STEPS, DeliveryState
from shared.db.webhooks import MAX_WEBHOOKS, Refusal, WebhookEvent, WebhookView
from shared.errors import DecodeFailed, NotFound, Problem
from tests.conftest import until
from tests.shared.db.playing import bury, claim_next, drain, other_owner, submit

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "webhooks.md"
ALL_EVENTS = list(WebhookEvent)
URL = "https://hooks.example/a"
TAKEN = Attempt("2026-11-23T00:00:00+00:00", 200, None, 0.1, "thanks")
REFUSED = Attempt("2026-11-23T00:00:00+00:00", 500, "the receiver answered 500", 0.1, "oh")


def register(
    engine: Engine, owner_id: str, url: str = URL, events: list[WebhookEvent] = ALL_EVENTS
) -> WebhookView:
    with transaction(engine) as connection:
        made = webhooks.register(connection, owner_id, url, events, "")
    assert isinstance(made, WebhookView)
    return made


def end_job(engine: Engine, owner_id: str, **options: object) -> str:
    """Submit a job and do all its work."""
    job_id = submit(engine, owner_id, ["a"], **options)  # type: ignore[arg-type]
    drain(engine)
    return job_id


def stored(engine: Engine) -> list[Row[Any]]:
    with transaction(engine) as connection:
        return list(connection.execute(text("SELECT * FROM webhook_deliveries ORDER BY id")))


def the_one(engine: Engine) -> Row[Any]:
    (row,) = stored(engine)
    return row


def claim(engine: Engine) -> ClaimedDelivery | None:
    with transaction(engine) as connection:
        return deliveries.claim_due(connection)


def claimed(engine: Engine) -> ClaimedDelivery:
    found = claim(engine)
    assert found is not None
    return found


def run(engine: Engine, statement: str, **parameters: object) -> None:
    with transaction(engine) as connection:
        connection.execute(text(statement), parameters)


def end_leases(engine: Engine) -> None:
    """Let time pass: the lease of each message is over, and it is due again."""
    run(
        engine,
        "UPDATE webhook_deliveries SET lease_until = now() - interval '1 s',"
        " next_attempt_at = now() WHERE lease_until IS NOT NULL",
    )


def make_due(engine: Engine) -> None:
    run(engine, "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE state = 'pending'")


def succeed(engine: Engine, message: ClaimedDelivery) -> None:
    with transaction(engine) as connection:
        deliveries.succeed(connection, message, TAKEN)


def postpone(engine: Engine, message: ClaimedDelivery, delay_s: float = 60) -> None:
    with transaction(engine) as connection:
        deliveries.postpone(connection, message, REFUSED, delay_s)


def fail(engine: Engine, message: ClaimedDelivery) -> bool:
    with transaction(engine) as connection:
        return deliveries.fail(connection, message, REFUSED)


def hook(engine: Engine, hook_id: str) -> Row[Any]:
    with transaction(engine) as connection:
        return connection.execute(
            text("SELECT * FROM webhooks WHERE id = :id"), {"id": hook_id}
        ).one()


def test_the_end_of_a_job_is_told_once_to_each_webhook_of_its_owner(
    engine: Engine, owner_id: str
) -> None:
    other = other_owner(engine)
    wanted = [register(engine, owner_id, f"{URL}/{n}").id for n in range(MAX_WEBHOOKS)]
    register(engine, other)

    job_id = end_job(engine, owner_id)

    rows = stored(engine)
    assert sorted(row.webhook_id for row in rows) == sorted(wanted)
    assert {(row.job_id, row.event, row.owner_id) for row in rows} == {
        (job_id, "job.succeeded", owner_id)
    }
    assert len({row.id for row in rows}) == MAX_WEBHOOKS


def test_nothing_is_told_before_a_job_has_ended(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id)

    submit(engine, owner_id, ["a"])
    claim_next(engine)

    assert stored(engine) == []


def test_an_end_that_is_rolled_back_is_not_told(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id)
    job_id = submit(engine, owner_id, ["a"])

    with engine.connect() as connection:
        control.request_cancel(connection, owner_id, job_id)
        control.cancel_pending(connection, job_id)
        count = connection.execute(text("SELECT count(*) FROM webhook_deliveries")).scalar_one()
        connection.rollback()

    assert count == 1
    assert stored(engine) == []


def test_only_the_events_that_were_asked_for_are_told(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id, URL, [WebhookEvent.FAILED])
    register(engine, owner_id, f"{URL}/2", [WebhookEvent.SUCCEEDED, WebhookEvent.FAILED])

    end_job(engine, owner_id)

    assert [row.event for row in stored(engine)] == ["job.succeeded"]


def test_the_address_that_a_job_names_is_told_whatever_its_events(
    engine: Engine, owner_id: str
) -> None:
    register(engine, owner_id, URL, [WebhookEvent.FAILED])

    end_job(engine, owner_id, webhook_url=URL)

    assert the_one(engine).event == "job.succeeded"


def test_an_address_that_a_job_made_known_is_not_told_of_other_jobs(
    engine: Engine, owner_id: str
) -> None:
    with transaction(engine) as connection:
        assert webhooks.ensure(connection, owner_id, URL) is None

    end_job(engine, owner_id)
    end_job(engine, owner_id, webhook_url=URL)

    assert len(stored(engine)) == 1


def test_a_disabled_address_is_told_nothing_even_if_a_job_names_it(
    engine: Engine, owner_id: str
) -> None:
    with transaction(engine) as connection:
        deliveries.disable(connection, register(engine, owner_id).id)

    end_job(engine, owner_id, webhook_url=URL)

    assert stored(engine) == []


def test_each_way_a_job_ends_is_told_and_so_is_its_expiry(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id)
    broken = Problem.of(DecodeFailed("cut off"))
    partly = submit(engine, owner_id, list("ab"))
    bury(engine, claim_next(engine), broken)  # type: ignore[arg-type]
    drain(engine)
    submit(engine, owner_id, ["c"])
    bury(engine, claim_next(engine), broken)  # type: ignore[arg-type]
    canceled = submit(engine, owner_id, ["d"])
    with transaction(engine) as connection:
        control.request_cancel(connection, owner_id, canceled)
        control.cancel_pending(connection, canceled)
    run(engine, "UPDATE jobs SET expires_at = now() WHERE id = :id", id=partly)
    with transaction(engine) as connection:
        retention.expire_next(connection)

    assert [row.event for row in stored(engine)] == [
        "job.partially_succeeded",
        "job.failed",
        "job.canceled",
        "job.expired",
    ]


def test_a_job_that_ends_anew_is_told_anew(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id)
    job_id = submit(engine, owner_id, ["a"])
    bury(engine, claim_next(engine), Problem.of(DecodeFailed("cut off")))  # type: ignore[arg-type]

    with transaction(engine) as connection:
        control.retry_job(connection, owner_id, job_id)
    drain(engine)

    assert [row.event for row in stored(engine)] == ["job.failed", "job.succeeded"]


def test_a_message_says_what_the_documentation_shows(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id)
    job_id = end_job(engine, owner_id, labels={"team": "web é"})
    row = the_one(engine)

    message = json.loads(row.body)

    data = message.pop("data")
    times = [message.pop("timestamp"), data.pop("created_at"), data.pop("finished_at")]
    assert message == {"type": "job.succeeded"}
    assert data == {
        "id": job_id,
        "name": "a job",
        "status": "succeeded",
        "counts": {
            "total": 1,
            "succeeded": 1,
            "failed": 0,
            "canceled": 0,
            "degraded": 0,
            "cached": 0,
        },
        "error": None,
        "labels": {"team": "web é"},
    }
    assert all(len(time) == len("2026-11-23T00:00:00.000000Z") for time in times)
    assert times[0] == times[2] > times[1]


def documented() -> dict[str, dict[str, Any]]:
    """Return the messages that the documentation shows, by type."""
    shown = re.findall(r"```json\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    return {message["type"]: message for message in map(json.loads, shown)}


def test_there_is_an_example_of_every_event_and_it_has_the_fields_that_are_sent(
    engine: Engine, owner_id: str
) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)
    sent = json.loads(the_one(engine).body)

    examples = documented()

    assert list(examples) == [event.value for event in WebhookEvent]
    for kind, example in examples.items():
        assert list(example) == list(sent)
        assert list(example["data"]) == list(sent["data"])
        assert list(example["data"]["counts"]) == list(sent["data"]["counts"])
        assert kind == f"job.{example['data']['status']}"


def test_the_times_of_a_message_are_of_utc_wherever_its_writer_is(
    engine: Engine, owner_id: str
) -> None:
    del owner_id
    with transaction(engine) as connection:
        connection.execute(text("SET LOCAL TIME ZONE 'Asia/Kolkata'"))
        written = connection.execute(
            text("SELECT rfc3339('2026-11-23T05:30:00.000001+05:30')")
        ).scalar_one()

    assert written == "2026-11-23T00:00:00.000001Z"


def test_a_job_without_labels_has_an_empty_object_and_a_failed_one_its_error(
    engine: Engine, owner_id: str
) -> None:
    register(engine, owner_id)
    submit(engine, owner_id, ["a"])
    bury(engine, claim_next(engine), Problem.of(DecodeFailed("cut off")))  # type: ignore[arg-type]

    data = json.loads(the_one(engine).body)["data"]

    assert data["labels"] == {}
    assert data["error"] == documented()["job.failed"]["data"]["error"]


def test_the_bytes_of_a_message_stay_the_same_over_its_tries(
    engine: Engine, owner_id: str
) -> None:
    register(engine, owner_id)
    job_id = end_job(engine, owner_id)
    first = claimed(engine)
    postpone(engine, first)
    run(engine, "UPDATE jobs SET name = 'another name' WHERE id = :id", id=job_id)
    make_due(engine)

    second = claimed(engine)

    assert (second.id, second.body) == (first.id, first.body)
    assert (first.attempt, second.attempt, second.tries) == (1, 2, 2)


def test_a_webhook_that_is_deleted_while_a_job_ends_holds_the_end_up_and_no_more(
    engine: Engine, owner_id: str
) -> None:
    deleted = register(engine, owner_id)
    kept = register(engine, owner_id, f"{URL}/2")
    job_id = submit(engine, owner_id, ["a"])
    thread = threading.Thread(target=drain, args=(engine,))

    with transaction(engine) as connection:
        webhooks.delete_webhook(connection, owner_id, deleted.id)
        thread.start()
        until(lambda: waits_for_a_lock(engine))
    thread.join()

    assert [(row.webhook_id, row.job_id) for row in stored(engine)] == [(kept.id, job_id)]


def waits_for_a_lock(engine: Engine) -> bool:
    with transaction(engine) as connection:
        return bool(
            connection.execute(
                text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            ).scalar_one()
        )


def test_a_webhook_that_is_deleted_while_a_try_is_written_down_ends_in_no_deadlock(
    engine: Engine, owner_id: str
) -> None:
    doomed = register(engine, owner_id)
    end_job(engine, owner_id)
    message = claimed(engine)

    with transaction(engine) as connection:
        connection.execute(
            text("SELECT FROM webhooks WHERE id = :id FOR UPDATE"), {"id": doomed.id}
        )
        thread = threading.Thread(target=succeed, args=(engine, message))
        thread.start()
        until(lambda: waits_for_a_lock(engine))
        connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
        webhooks.delete_webhook(connection, owner_id, doomed.id)
    thread.join()

    assert stored(engine) == []


@pytest.mark.parametrize("messages", [1, 2])
def test_of_two_who_claim_at_once_only_one_has_a_message_of_an_owner(
    engine: Engine, owner_id: str, messages: int
) -> None:
    for number in range(messages):
        register(engine, owner_id, f"{URL}/{number}")
    end_job(engine, owner_id)

    with transaction(engine) as connection:
        first = deliveries.claim_due(connection)
        found: list[ClaimedDelivery | None] = []
        thread = threading.Thread(target=lambda: found.append(claim(engine)))
        thread.start()
        until(lambda: waits_for_a_lock(engine))
    thread.join()

    assert first is not None
    assert found == [None]


def test_one_message_of_an_owner_is_on_its_way_at_a_time(engine: Engine, owner_id: str) -> None:
    other = other_owner(engine)
    for owner, url in ((owner_id, URL), (owner_id, f"{URL}/2"), (other, URL)):
        register(engine, owner, url)
    for owner in (owner_id, other):
        end_job(engine, owner)
    due_before = count_due(engine)

    first, second, third = claim(engine), claim(engine), claim(engine)
    due_meanwhile = count_due(engine)
    succeed(engine, first)  # type: ignore[arg-type]

    assert (due_before, due_meanwhile, count_due(engine)) == (2, 0, 1)
    assert first is not None
    assert second is not None
    assert third is None
    assert claimed(engine).id not in {first.id, second.id}


def count_due(engine: Engine) -> int:
    with transaction(engine) as connection:
        return deliveries.count_due(connection, 100)


def test_owners_take_turns_however_long_anothers_messages_have_been_due(
    engine: Engine, owner_id: str
) -> None:
    other = other_owner(engine)
    register(engine, owner_id)
    hook_of_other = register(engine, other).id
    for _ in range(3):
        end_job(engine, owner_id)
    run(engine, "UPDATE webhook_deliveries SET next_attempt_at = now() - interval '1 hour'")
    end_job(engine, other)

    first = claimed(engine)
    postpone(engine, first)

    assert first.webhook_id != hook_of_other
    assert claimed(engine).webhook_id == hook_of_other


def test_a_message_whose_sender_died_is_sent_again_when_its_lease_is_over(
    engine: Engine, owner_id: str
) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)
    lost = claimed(engine)
    while_leased = claim(engine)

    end_leases(engine)
    again = claimed(engine)

    assert while_leased is None
    assert (again.id, again.attempt) == (lost.id, lost.attempt + 1)


def test_a_message_that_loses_its_senders_lets_the_next_go_first(
    engine: Engine, owner_id: str
) -> None:
    register(engine, owner_id)
    register(engine, owner_id, f"{URL}/2")
    end_job(engine, owner_id)
    lost = claimed(engine)

    run(engine, "UPDATE webhook_deliveries SET lease_until = now() - interval '1 s'")

    assert claimed(engine).id != lost.id


@pytest.mark.parametrize("write", [succeed, postpone, fail])
def test_who_comes_late_changes_nothing(engine: Engine, owner_id: str, write: object) -> None:
    subject = register(engine, owner_id)
    end_job(engine, owner_id)
    late = claimed(engine)
    end_leases(engine)
    claimed(engine)
    before = (stored(engine), hook(engine, subject.id))

    write(engine, late)  # type: ignore[operator]

    assert (stored(engine), hook(engine, subject.id)) == before


@pytest.mark.parametrize("write", [succeed, postpone, fail])
def test_what_is_written_of_a_deleted_webhook_changes_nothing(
    engine: Engine, owner_id: str, write: object
) -> None:
    subject = register(engine, owner_id)
    end_job(engine, owner_id)
    message = claimed(engine)
    with transaction(engine) as connection:
        webhooks.delete_webhook(connection, owner_id, subject.id)

    write(engine, message)  # type: ignore[operator]

    assert stored(engine) == []


def test_a_message_that_was_taken_is_over(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)

    succeed(engine, claimed(engine))
    row = the_one(engine)

    assert (row.state, row.lease_until) == ("succeeded", None)
    assert row.finished_at is not None
    assert [attempt["status"] for attempt in row.attempts] == [200]
    assert claim(engine) is None


def test_a_message_that_was_not_taken_waits_for_its_time(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)

    postpone(engine, claimed(engine), 300)
    with transaction(engine) as connection:
        wait_s = connection.execute(
            text("SELECT extract(epoch FROM next_attempt_at - now()) FROM webhook_deliveries")
        ).scalar_one()
    row = the_one(engine)

    assert 240 < wait_s <= 300
    assert (row.state, row.lease_until, row.finished_at) == ("pending", None, None)
    assert claim(engine) is None


def test_a_message_with_no_tries_left_has_failed(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)

    ours = fail(engine, claimed(engine))
    make_due(engine)

    assert ours
    assert the_one(engine).state == "failed"
    assert claim(engine) is None


def test_the_log_keeps_the_last_tries(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)

    for number in range(KEPT_ATTEMPTS + 2):
        with transaction(engine) as connection:
            message = deliveries.claim_due(connection)
            assert message is not None
            deliveries.postpone(connection, message, replace(REFUSED, at=str(number)), 0)
        make_due(engine)

    kept = [attempt["at"] for attempt in the_one(engine).attempts]
    assert kept == [str(number) for number in range(2, KEPT_ATTEMPTS + 2)]


def failing_for(engine: Engine, hook_id: str, days: float) -> None:
    run(
        engine,
        "UPDATE webhooks SET failing_since = now() - make_interval(hours => :hours)"
        " WHERE id = :id",
        hours=int(days * 24),
        id=hook_id,
    )


def test_an_address_that_took_nothing_for_five_days_is_disabled(
    engine: Engine, owner_id: str
) -> None:
    subject = register(engine, owner_id)
    end_job(engine, owner_id)
    end_job(engine, owner_id)
    postpone(engine, claimed(engine))
    failing_for(engine, subject.id, 5.1)

    postpone(engine, claimed(engine))

    assert hook(engine, subject.id).disabled_at is not None
    assert [row.state for row in stored(engine)] == ["failed", "failed"]


def test_an_address_that_fails_for_less_is_not_disabled(engine: Engine, owner_id: str) -> None:
    subject = register(engine, owner_id)
    end_job(engine, owner_id)
    postpone(engine, claimed(engine))
    failing_for(engine, subject.id, 4.9)
    make_due(engine)

    postpone(engine, claimed(engine))

    assert hook(engine, subject.id).disabled_at is None
    assert the_one(engine).state == "pending"


def test_a_message_that_is_taken_ends_what_is_counted_against_an_address(
    engine: Engine, owner_id: str
) -> None:
    subject = register(engine, owner_id)
    end_job(engine, owner_id)
    postpone(engine, claimed(engine))
    failing = hook(engine, subject.id).failing_since
    make_due(engine)

    succeed(engine, claimed(engine))

    assert failing is not None
    assert hook(engine, subject.id).failing_since is None


def test_a_disabled_address_that_is_registered_again_starts_afresh_with_its_secret(
    engine: Engine, owner_id: str
) -> None:
    subject = register(engine, owner_id)
    failing_for(engine, subject.id, 6)
    with transaction(engine) as connection:
        deliveries.disable(connection, subject.id)

    again = register(engine, owner_id, URL, [WebhookEvent.FAILED])

    assert (again.id, again.secret, again.events) == (subject.id, subject.secret, ["job.failed"])
    row = hook(engine, subject.id)
    assert (row.disabled_at, row.failing_since) == (None, None)


def test_an_address_that_is_registered_while_a_job_names_it_keeps_its_events(
    engine: Engine, owner_id: str
) -> None:
    answers: list[Refusal | None] = []

    def name_it() -> None:
        with transaction(engine) as connection:
            answers.append(webhooks.ensure(connection, owner_id, URL))

    thread = threading.Thread(target=name_it)
    with transaction(engine) as connection:
        webhooks.register(connection, owner_id, URL, ALL_EVENTS, "mine")
        thread.start()
        until(lambda: waits_for_a_lock(engine))
    thread.join()

    with transaction(engine) as connection:
        (view,) = webhooks.list_webhooks(connection, owner_id, limit=2)
    assert answers == [None]
    assert (view.events, view.description) == ([e.value for e in ALL_EVENTS], "mine")


def redeliver(engine: Engine, message: Row[Any]) -> None:
    with transaction(engine) as connection:
        webhooks.redeliver(connection, message.webhook_id, message.id)


@pytest.mark.parametrize("write", [succeed, fail])
def test_a_message_is_sent_again_when_asked_for_with_all_its_tries(
    engine: Engine, owner_id: str, write: object
) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)
    first = claimed(engine)
    write(engine, first)  # type: ignore[operator]

    redeliver(engine, the_one(engine))
    row = the_one(engine)
    again = claimed(engine)

    assert (row.state, row.finished_at, len(row.attempts)) == ("pending", None, 1)
    assert (again.id, again.body, again.tries) == (first.id, first.body, 1)
    assert again.attempt == first.attempt + 1


def test_a_message_on_its_way_is_not_sent_twice_at_once_when_asked_for(
    engine: Engine, owner_id: str
) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)
    message = claimed(engine)

    redeliver(engine, the_one(engine))
    meanwhile = claim(engine)
    succeed(engine, message)

    assert meanwhile is None
    assert the_one(engine).state == "succeeded"


def test_only_a_webhooks_own_messages_are_sent_again(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)
    other_hook = register(engine, owner_id, f"{URL}/2")

    with pytest.raises(NotFound), transaction(engine) as connection:
        webhooks.redeliver(connection, other_hook.id, the_one(engine).id)


def test_the_log_forgets_what_is_long_over_and_keeps_what_is_pending(
    engine: Engine, owner_id: str
) -> None:
    register(engine, owner_id)
    for _ in range(3):
        end_job(engine, owner_id)
    old, recent = claimed(engine), None
    succeed(engine, old)
    recent = claimed(engine)
    succeed(engine, recent)
    run(
        engine,
        "UPDATE webhook_deliveries SET created_at = created_at - interval '90 days',"
        " finished_at = CASE id WHEN :old THEN now() - make_interval(days => :days)"
        " WHEN :recent THEN now() END",
        old=old.id,
        recent=recent.id,
        days=LOG_KEPT_DAYS + 1,
    )

    with transaction(engine) as connection:
        forgotten = deliveries.forget_old(connection)

    assert forgotten == 1
    assert sorted(row.state for row in stored(engine)) == ["pending", "succeeded"]


def test_a_message_outlives_its_job(engine: Engine, owner_id: str) -> None:
    register(engine, owner_id)
    job_id = end_job(engine, owner_id)
    with transaction(engine) as connection:
        retention.delete_job(connection, owner_id, job_id)

    assert the_one(engine).job_id is None
    assert json.loads(claimed(engine).body)["data"]["id"] == job_id


PLACED: Mapping[str, str] = {
    "pending": "state = 'pending', finished_at = NULL",
    "succeeded": "state = 'succeeded', finished_at = now()",
    "failed": "state = 'failed', finished_at = now()",
}
STEPS = [
    (old, new, new in DELIVERY_STEPS[old])
    for old in DeliveryState
    for new in DeliveryState
    if old is not new
]


@pytest.mark.parametrize(("old", "new", "allowed"), STEPS)
def test_the_database_allows_the_steps_of_the_table_and_no_other(
    engine: Engine, owner_id: str, old: str, new: str, *, allowed: bool
) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)
    if old != "pending":
        run(engine, f"UPDATE webhook_deliveries SET {PLACED[old]}")  # noqa: S608 -- ours

    if allowed:
        run(engine, f"UPDATE webhook_deliveries SET {PLACED[new]}")  # noqa: S608 -- ours
    else:
        with pytest.raises(IntegrityError, match="illegal step"):
            run(engine, f"UPDATE webhook_deliveries SET {PLACED[new]}")  # noqa: S608 -- ours


@pytest.mark.parametrize("state", ["succeeded", "failed"])
def test_a_message_begins_pending(engine: Engine, owner_id: str, state: str) -> None:
    subject = register(engine, owner_id)

    with pytest.raises(IntegrityError, match="illegal step"):
        run(
            engine,
            "INSERT INTO webhook_deliveries (id, webhook_id, owner_id, event, body, state,"
            " finished_at) VALUES ('msg_1', :hook, :owner, 'job.failed', '{}', :state, now())",
            hook=subject.id,
            owner=owner_id,
            state=state,
        )


@pytest.mark.parametrize(
    "stuck",
    [
        "next_attempt_at = NULL",
        "finished_at = now()",
        "state = 'failed'",
        "state = 'failed', finished_at = now(), lease_until = now()",
    ],
)
def test_a_message_cannot_be_stuck_between_states(
    engine: Engine, owner_id: str, stuck: str
) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)

    with pytest.raises(IntegrityError):
        run(engine, f"UPDATE webhook_deliveries SET {stuck}")  # noqa: S608 -- ours


def test_a_message_that_nobody_sends_for_long_is_a_broken_rule(
    engine: Engine, owner_id: str
) -> None:
    register(engine, owner_id)
    end_job(engine, owner_id)
    with transaction(engine) as connection:
        while_due = invariants.find_violations(connection)
    run(engine, "UPDATE webhook_deliveries SET next_attempt_at = now() - interval '1 hour'")

    with transaction(engine) as connection:
        overdue = invariants.find_violations(connection)

    assert while_due == []
    (said,) = overdue
    assert said.startswith("a message was due long ago")
    assert said.endswith(the_one(engine).id)
