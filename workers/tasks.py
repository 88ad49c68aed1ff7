"""The one Celery task: claim a unit of work, run its stage, store what it came to.

Stages live in ``workers/stages.py``. Here are the claim, the lease, what follows from each kind
of error, and the hints for the work that a finished stage has opened.
"""

import random

import structlog

from shared.db import completion, steps, work
from shared.db.engine import transaction
from shared.db.work import Claim
from shared.errors import (
    ClaudeUnavailable,
    CopyThatError,
    Problem,
    Unavailable,
    UnreadableInput,
)
from shared.queue import RUN_TASK, publish
from workers.app import Site, app, this_site
from workers.outcome import Done
from workers.stages import STAGES

log = structlog.get_logger(__name__)

# No wait between two tries is longer: an outage of minutes should not cost an hour.
MAX_DELAY_S = 120.0


@app.task(name=RUN_TASK)
def run(work_id: int) -> None:
    """Follow a hint. A hint for work that is done, taken or not due does nothing."""
    site = this_site()
    try:
        with transaction(site.engine) as connection:
            claimed = work.claim(connection, work_id, site.name)
            if claimed is not None:
                completion.begin(connection, claimed)
    except Unavailable as error:
        log.warning("hint not followed", work_id=work_id, reason=error.detail)
        return
    if claimed is not None:
        with structlog.contextvars.bound_contextvars(
            work_id=work_id, stage=claimed.key.stage.value, job_id=claimed.job_id
        ):
            _work_on(site, claimed)


def _work_on(site: Site, claimed: Claim) -> None:
    """Run a claimed unit's stage and store how it ended, whatever happens.

    The one place that catches everything: an error nobody foresaw costs tries of one unit.
    """
    try:
        with site.leases.hold(claimed):
            done = STAGES[claimed.key.stage](site, claimed)
        _finish(site, claimed, done)
    except UnreadableInput as error:
        _store(site, claimed, Problem.of(error))
    except (Unavailable, ClaudeUnavailable) as error:
        log.warning("stage postponed", reason=error.detail)
        _retry(site, claimed, error)
    except CopyThatError as error:
        _store(site, claimed, Problem.of(error))
    except Exception:
        log.exception("stage failed")
        _retry(site, claimed, CopyThatError())


def _finish(site: Site, claimed: Claim, done: Done) -> None:
    """Store a result and start what follows from it, in one transaction."""
    with transaction(site.engine) as connection:
        if not work.finish(connection, claimed, done.value, done.degraded):
            log.warning("result of a lost lease dropped")
            return
        done.also(connection)
        hints = steps.advance_key(connection, claimed.key)
    _hint(hints)


def _store(site: Site, claimed: Claim, problem: Problem) -> None:
    """End a unit with an error that stays."""
    with transaction(site.engine) as connection:
        if not work.bury(connection, claimed, problem):
            return
        hints = steps.advance_key(connection, claimed.key)
    _hint(hints)


def _retry(site: Site, claimed: Claim, error: CopyThatError) -> None:
    """Put a unit back for later, or end it when its tries are used up.

    When the database itself is away nothing can be written: the lease ends, and the pump puts
    the unit back.
    """
    if claimed.attempt >= claimed.max_attempt:
        _store(site, claimed, Problem.of(error))
        return
    asked = error.retry_after_s if isinstance(error, ClaudeUnavailable) else None
    try:
        with transaction(site.engine) as connection:
            work.postpone(connection, claimed, retry_delay_s(claimed.attempt, asked))
    except Unavailable as away:
        log.warning("unit not put back", reason=away.detail)


def retry_delay_s(attempt: int, asked_s: float | None = None) -> float:
    """Return how long to wait after a failed try, in seconds.

    Full jitter over an exponential bound, so that many failures at once do not come back at
    once; never less than what the other side asked for, never more than ``MAX_DELAY_S``.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    jittered = random.uniform(0, min(MAX_DELAY_S, 2.0**attempt))  # noqa: S311 -- no secret
    return min(MAX_DELAY_S, max(jittered, asked_s or 0.0))


def _hint(hints: dict[int, str]) -> None:
    """Send hints; when the broker is away, the pump sends them later."""
    try:
        publish(app, hints)
    except Unavailable as error:
        log.warning("hints left to the pump", count=len(hints), reason=error.detail)
