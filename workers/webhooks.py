"""Tells webhooks what they are to be told: signed, tried again, written down.

A hint in the queue of webhooks says that some message is due; which one is decided by the claim.

Source: Standard Webhooks, spec/standard-webhooks.md.
"""

import random
import time
from datetime import UTC, datetime
from http import HTTPStatus
from threading import BoundedSemaphore

import structlog
from sqlalchemy import Engine
from standardwebhooks import Webhook

from shared.db import deliveries
from shared.db.deliveries import Attempt, ClaimedDelivery
from shared.db.engine import transaction
from shared.errors import Unavailable
from shared.queue import DELIVER_TASK, Queue, publish
from workers.app import app, this_site
from workers.outbound import Answer, Outbound, Resolve
from workers.patience import patiently

log = structlog.get_logger(__name__)

# The waits between tries, in seconds: the specification's own proposal, three days in all.
RETRY_DELAYS_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
# By how much a wait may be longer, so that what failed together does not come back together.
JITTER = 0.2
USER_AGENT = "CopyThat-Webhooks/1"
# Messages that a process has on their way at once: half the threads of an io worker, so that
# receivers that hang never keep it from archives and rows.
SLOTS = 4

_slots = BoundedSemaphore(SLOTS)


@app.task(name=DELIVER_TASK)
def deliver() -> None:
    """Follow a hint: send the next message that is due, and ask for the one behind it."""
    if not _slots.acquire(blocking=False):
        return  # The pump asks again.
    try:
        if _deliver_in_slot():
            publish(app, {Queue.WEBHOOKS: 1})
    except Unavailable as error:
        log.warning("webhooks left to the pump", reason=error.detail)


def _deliver_in_slot() -> bool:
    """Send what is next, and free the slot before anybody is told that there may be more."""
    try:
        site = this_site()
        return deliver_next(site.engine, Outbound(site.settings.webhook_allow_private))
    finally:
        _slots.release()


def deliver_next(engine: Engine, outbound: Outbound, resolve: Resolve | None = None) -> bool:
    """Send the message whose turn it is; False when none is due.

    Raises:
        Unavailable: The database is away.
    """
    with transaction(engine) as connection:
        claimed = deliveries.claim_due(connection)
    if claimed is None:
        return False
    now = datetime.now(UTC)
    began_s = time.monotonic()
    body = claimed.body.encode()
    headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT, "Connection": "close"}
    headers |= sign(claimed.secret, claimed.id, now, body)
    answer = outbound.post(claimed.url, headers, body, resolve)
    seconds = round(time.monotonic() - began_s, 3)
    attempt = Attempt(now.isoformat(), answer.status, _wrong(answer), seconds, answer.excerpt)
    patiently(lambda: _record(engine, claimed, attempt))
    return True


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sent a message, and when."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body.decode()),
    }


def _wrong(answer: Answer) -> str | None:
    """Say why an answer does not mean that the message was taken; None when it does."""
    if answer.status is None:
        return answer.error
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if answer.status < HTTPStatus.BAD_REQUEST:
        return "redirects are not followed"
    return f"the receiver answered {answer.status}"


def _record(engine: Engine, claimed: ClaimedDelivery, attempt: Attempt) -> None:
    """Write down a try, and what follows from it."""
    delay_s = retry_delay_s(claimed.tries)
    with transaction(engine) as connection:
        if attempt.error is None:
            deliveries.succeed(connection, claimed, attempt)
        elif attempt.status == HTTPStatus.GONE:
            # The specification's way for a receiver to say: never again.
            if deliveries.fail(connection, claimed, attempt):
                deliveries.disable(connection, claimed.webhook_id)
        elif delay_s is None:
            deliveries.fail(connection, claimed, attempt)
        else:
            deliveries.postpone(connection, claimed, attempt, delay_s)


def retry_delay_s(tries: int) -> float | None:
    """Return how long to wait after so many tries, in seconds; None when there are no more."""
    if tries > len(RETRY_DELAYS_S):
        return None
    jitter = random.uniform(1, 1 + JITTER)  # noqa: S311 -- no secret
    return RETRY_DELAYS_S[tries - 1] * jitter
