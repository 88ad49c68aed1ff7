"""What a monitoring system collects, in the text format of Prometheus.

The numbers are sums in the database, so every process of the service tells the same ones; those of
rate limits are its own.

Source: "Exposition formats", text-based format 0.0.4, of the Prometheus documentation.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from fastapi import APIRouter, Response

from api.deps import SiteDep
from api.limits import Limiter, RouteClass
from api.openapi import problems
from shared.db import cache
from shared.db.cache import Sums
from shared.db.engine import transaction

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["service"])


class Counter(NamedTuple):
    """A number that only grows while the database is the same."""

    name: str
    help: str
    value: int | Decimal


@router.get("/metrics", response_class=Response, responses=problems())
def read_metrics(site: SiteDep) -> Response:
    """Tell how often names were at hand, and what Claude cost and would have cost."""
    with transaction(site.engine) as connection:
        sums = cache.read_sums(connection)
    text = "".join((*_lines(sums), *_limit_lines(site.limiter)))
    return Response(text, media_type=MEDIA_TYPE)


def _limit_lines(limiter: Limiter) -> Iterator[str]:
    """Tell what this process has refused, and let pass uncounted, since it started."""
    for name, explained, counted in (
        ("refused", "Requests over a quota.", limiter.refused),
        ("uncounted", "Counts that Redis did not take.", limiter.uncounted),
    ):
        full_name = f"copythat_rate_limit_{name}_total"
        yield f"# HELP {full_name} {explained}\n# TYPE {full_name} counter\n"
        for route_class in RouteClass:
            yield f'{full_name}{{class="{route_class}"}} {counted[route_class]}\n'


def _lines(sums: Sums) -> Iterator[str]:
    for name, explained, value in (
        Counter("cache_hits", "Images named without a call of their own.", sums.spared),
        Counter("cache_misses", "Images named with a call.", sums.named - sums.spared),
        Counter("cache_saved_usd", "What the hits would have cost.", sums.saved_usd),
        Counter("claude_calls", "Requests to Claude.", sums.calls),
        Counter("claude_usd", "What requests to Claude cost.", sums.spent_usd),
    ):
        full_name = f"copythat_{name}_total"
        yield f"# HELP {full_name} {explained}\n# TYPE {full_name} counter\n{full_name} {value}\n"
