"""How the service does, for who runs it: numbers of all users together, and nothing of any one."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.deps import Site, SiteDep
from api.health import read_claude, run_checks
from api.pages.rendering import show
from api.pages.session import PageRoute, PageUser
from shared.db import cache, monitoring
from shared.db.engine import transaction
from shared.db.gates import count_in_flight, read_gate
from shared.db.spending import spent_today
from shared.errors import Unavailable
from shared.queue import Queue, depth

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/status")
async def show_status(request: Request, user: PageUser, site: SiteDep) -> Response:
    """Show how the service does."""
    checks = await run_checks(site)
    context = await run_in_threadpool(_context, site)
    return show(request, "status.html", user=user, checks=checks, **context)


def _context(site: Site) -> dict[str, Any]:
    with transaction(site.engine) as connection:
        gate, _ = read_gate(connection)
        return {
            "queues": monitoring.read_queues(connection),
            "hints": _read_hints(site),
            "pace": monitoring.read_pace(connection),
            "pace_minutes": monitoring.PACE_MINUTES,
            "failures": monitoring.read_failures(connection),
            "failures_hours": monitoring.FAILURES_HOURS,
            "spent_usd": spent_today(connection),
            "cap_usd": site.settings.daily_cost_cap_usd,
            "claude": read_claude(site),
            "gate": gate,
            "in_flight": count_in_flight(connection),
            "sums": cache.read_sums(connection),
        }


def _read_hints(site: Site) -> dict[str, int] | None:
    """Return how many hints wait in each queue of the broker; None where it does not say."""
    try:
        return {queue.value: depth(site.celery, queue) for queue in Queue}
    except Unavailable:
        return None
