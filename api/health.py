"""Whether the process lives, and whether it can do its work."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Literal

import anyio
import structlog
from anyio import CapacityLimiter, to_thread
from celery import Celery
from fastapi import APIRouter, Request, Response

from api.deps import Site, SiteDep
from api.errors import RETRY_UNAVAILABLE_S, problem_response
from api.openapi import problems
from api.schemas import Answer
from shared.db.engine import require_schema, transaction
from shared.db.gates import read_gate
from shared.db.states import GateState
from shared.errors import Problem, Unavailable
from shared.queue import Queue, depth

# A probe that waits longer takes the answer for no; a frozen server never refuses, it is silent.
CHECK_TIMEOUT_S = 4.0

router = APIRouter(tags=["service"])
_log = structlog.get_logger("api.health")


class Health(Answer):
    """The process answers."""

    status: Literal["ok"]


class Check(Answer):
    """One thing that the service needs."""

    state: Literal["up", "down"]
    latency_ms: float
    detail: str = ""


class ClaudeReadiness(Answer):
    """Whether calls to Claude pass; without them images are measured, and named by rule."""

    state: Literal["up", "held_back", "misconfigured", "no_key"]
    retry_at: datetime | None = None
    reason: str = ""


class Readiness(Answer):
    """Everything that the service needs is there."""

    status: Literal["ready"]
    checks: dict[str, Check]
    claude: ClaudeReadiness


@router.get("/healthz")
async def read_health() -> Health:
    """Tell that the process is alive; asks nothing of anybody."""
    return Health(status="ok")


@router.get("/readyz", response_model=Readiness, responses=problems())
async def read_readiness(request: Request, site: SiteDep) -> Readiness | Response:
    """Tell whether database, broker and storage answer, each with its latency; 503 if not.

    Beside them stands whether calls to Claude pass, and why not. The service works without.
    """
    checks = await run_checks(site)
    down = sorted(name for name, check in checks.items() if check.state == "down")
    if not down:
        claude = await to_thread.run_sync(read_claude, site, limiter=site.check_threads)
        return Readiness(status="ready", checks=checks, claude=claude)
    _log.warning("not ready", down=down)
    problem = Problem.of(Unavailable(f"{' and '.join(down)} cannot be used"))
    return problem_response(
        request,
        problem,
        HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Retry-After": str(RETRY_UNAVAILABLE_S)},
        members={"checks": {name: check.model_dump() for name, check in checks.items()}},
    )


async def run_checks(site: Site) -> dict[str, Check]:
    """Look at database, broker and storage at once."""
    wanted: dict[str, Callable[[], None]] = {
        "database": partial(require_schema, site.engine),
        "broker": partial(_check_broker, site.celery),
        "storage": site.blobs.check,
    }
    found: dict[str, Check] = {}
    async with anyio.create_task_group() as group:
        for name, check in wanted.items():
            group.start_soon(_run_check, site.check_threads, name, check, found)
    return {name: found[name] for name in wanted}


async def _run_check(
    threads: CapacityLimiter, name: str, check: Callable[[], None], found: dict[str, Check]
) -> None:
    """Run a check in a thread, and leave it behind when it hangs."""
    started = time.perf_counter()
    detail = f"no answer within {CHECK_TIMEOUT_S:g} s"
    with anyio.move_on_after(CHECK_TIMEOUT_S):
        try:
            await to_thread.run_sync(check, abandon_on_cancel=True, limiter=threads)
            detail = ""
        except Unavailable as error:
            detail = error.detail
    latency_ms = round((time.perf_counter() - started) * 1000, 2)
    found[name] = Check(state="down" if detail else "up", latency_ms=latency_ms, detail=detail)


_GATE_STATES: dict[GateState, Literal["up", "held_back", "misconfigured"]] = {
    GateState.CLOSED: "up",
    GateState.OPEN: "held_back",
    GateState.MISCONFIGURED: "misconfigured",
}


def read_claude(site: Site) -> ClaudeReadiness:
    """Return what the last calls to Claude came to."""
    if not site.settings.has_claude:
        return ClaudeReadiness(state="no_key", reason="ANTHROPIC_API_KEY is not set")
    with transaction(site.engine) as connection:
        gate, _ = read_gate(connection)
    if gate.state is GateState.CLOSED:
        return ClaudeReadiness(state="up")
    reason = str((gate.problem or {}).get("detail", ""))
    return ClaudeReadiness(state=_GATE_STATES[gate.state], retry_at=gate.retry_at, reason=reason)


def _check_broker(celery: Celery) -> None:
    depth(celery, Queue.IO)
