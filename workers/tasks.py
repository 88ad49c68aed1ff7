"""The one Celery task: claim units of work, run their stages, store what they came to.

Stages live in ``workers/stages.py``. Here are the claim, the lease, what follows from each kind
of error, and the hints for the work that a finished stage has opened.
"""

import random
from collections.abc import Sequence

import structlog

from shared.db import completion, gates, leases, steps, work
from shared.db.engine import transaction
from shared.db.states import Stage
from shared.db.work import Claim, Hints
from shared.errors import (
    ClaudeLimited,
    ClaudeUnavailable,
    CopyThatError,
    JobCanceled,
    Problem,
    Unavailable,
    UnreadableInput,
)
from shared.queue import ASSEMBLE_BATCH, RUN_TASK, Queue, publish
from workers.app import Site, app, this_site
from workers.outcome import Awaited, Done, NotYet
from workers.patience import patiently
from workers.stages import Body, body_for

log = structlog.get_logger(__name__)

# No wait between two tries is longer: an outage of minutes should not cost an hour.
MAX_DELAY_S = 120.0


@app.task(name=RUN_TASK)
def run(queue: str) -> None:
    """Follow a hint: do what is next in a queue. A hint for which nothing is left does nothing."""
    site = this_site()
    try:
        claims = _claim(site, Queue(queue))
    except Unavailable as error:
        log.warning("hint not followed", queue=queue, reason=error.detail)
        return
    if not claims:
        return
    body = body_for(claims)
    with site.leases.hold(claims):
        done = [(claimed, _work_on(site, claimed, body)) for claimed in claims]
        _finish(site, [(claimed, result) for claimed, result in done if result is not None])


def _claim(site: Site, queue: Queue) -> list[Claim]:
    """Take what is next in a queue: one unit, or several that are cheap."""
    with transaction(site.engine) as connection:
        if queue is Queue.CLAUDE:
            gate, now = gates.hold_gate(connection)
            if not gate.room(gates.count_in_flight(connection), now):
                return []
        claims = work.claim(connection, queue, site.name)
        if claims and queue is Queue.CLAUDE and gate.budget.buckets:
            gates.store_gate(connection, gates.after_start(gate, len(claims), now))
        if claims and claims[0].key.stage is Stage.ASSEMBLE:
            more = ASSEMBLE_BATCH - 1
            claims += work.claim(connection, queue, site.name, more, only=Stage.ASSEMBLE)
        completion.begin(connection, claims)
    return claims


def _work_on(site: Site, claimed: Claim, body: Body) -> Done | None:
    """Run a claimed unit's stage; an error is stored, whatever it is, and returns None.

    The one place that catches everything: an error nobody foresaw costs tries of one unit.
    """
    context = {"work_id": claimed.id, "stage": claimed.key.stage.value, "job_id": claimed.job_id}
    with structlog.contextvars.bound_contextvars(**context):
        try:
            return body(site, claimed)
        except Awaited as waiting:
            _wait(site, claimed, waiting.delay_s)
        except NotYet as waiting:
            _lay_down(site, claimed, waiting.delay_s)
        except JobCanceled:
            _call_off(site, claimed)
        except UnreadableInput as error:
            _bury(site, claimed, error)
        except (Unavailable, ClaudeUnavailable) as error:
            log.warning("stage postponed", reason=error.detail)
            _retry(site, claimed, error)
        except CopyThatError as error:
            _bury(site, claimed, error)
        except Exception:
            log.exception("stage failed")
            _retry(site, claimed, CopyThatError())
    return None


def _finish(site: Site, done: Sequence[tuple[Claim, Done]]) -> None:
    """Store results and start what follows from them, in one transaction."""

    def write() -> Hints:
        with transaction(site.engine) as connection:
            kept = []
            for claimed, result in sorted(done, key=lambda pair: pair[0].id):
                if _ours(
                    claimed,
                    written=work.finish(connection, claimed, result.value, result.degraded),
                ):
                    result.also(connection)
                    kept.append(claimed.key)
            return steps.advance_keys(connection, kept)

    if done:
        _hint(patiently(write))


def _ours(claimed: Claim, *, written: bool) -> bool:
    """Return whether the fence let a write through, and say so where it did not."""
    if not written:
        log.warning("outcome of a lost lease dropped", work_id=claimed.id)
    return written


def _bury(site: Site, claimed: Claim, error: CopyThatError) -> None:
    """End a unit with an error that stays."""

    def write() -> Hints:
        with transaction(site.engine) as connection:
            _ours(claimed, written=work.bury(connection, claimed, Problem.of(error)))
            return steps.advance_keys(connection, [claimed.key])

    _hint(patiently(write))


def _wait(site: Site, claimed: Claim, delay_s: float) -> None:
    """Put a unit back until another may be done with what it needs."""

    def write() -> None:
        with transaction(site.engine) as connection:
            _ours(claimed, written=work.postpone(connection, claimed, delay_s, counts=False))

    patiently(write)


def _lay_down(site: Site, claimed: Claim, delay_s: float) -> None:
    """Put a unit back that waits for something outside."""

    def write() -> None:
        with transaction(site.engine) as connection:
            leases.lay_down(connection, claimed, delay_s)

    patiently(write)


def _call_off(site: Site, claimed: Claim) -> None:
    """End a unit that nobody wants any more."""

    def write() -> Hints:
        with transaction(site.engine) as connection:
            _ours(claimed, written=work.call_off(connection, claimed))
            return steps.advance_keys(connection, [claimed.key])

    _hint(patiently(write))


def _retry(site: Site, claimed: Claim, error: CopyThatError) -> None:
    """Put a unit back for later, or end it when its tries are used up."""
    counts = not isinstance(error, ClaudeLimited)
    if counts and claimed.attempt >= claimed.max_attempt:
        _bury(site, claimed, error)
        return
    asked_s = error.retry_after_s if isinstance(error, ClaudeUnavailable) else None
    delay_s = retry_delay_s(claimed.attempt, asked_s)

    def write() -> None:
        with transaction(site.engine) as connection:
            _ours(claimed, written=work.postpone(connection, claimed, delay_s, counts=counts))

    patiently(write)


def retry_delay_s(attempt: int, asked_s: float | None = None) -> float:
    """Return how long to wait after a failed try, in seconds.

    Full jitter over an exponential bound, so that many failures at once do not come back at
    once; never less than what the other side asked for, never more than ``MAX_DELAY_S``.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    jittered = random.uniform(0, min(MAX_DELAY_S, 2.0**attempt))  # noqa: S311 -- no secret
    return min(MAX_DELAY_S, max(jittered, asked_s or 0.0))


def _hint(hints: Hints) -> None:
    """Send hints; when the broker is away, the pump sends them later."""
    try:
        publish(app, hints)
    except Unavailable as error:
        log.warning("hints left to the pump", queues=sorted(hints), reason=error.detail)
