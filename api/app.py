"""The application: what is connected, wrapped and routed."""

import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CapacityLimiter
from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api import (
    auth,
    cache,
    checking,
    comparing,
    control,
    drift,
    estimate,
    events,
    extract,
    health,
    items,
    jobs,
    metrics,
    overlay,
    pages,
    results,
    token_sets,
    webhooks,
)
from api.deps import BASE_PATH, Site
from api.errors import add_error_handlers
from api.limits import Limiter
from api.lookout import Lookout
from api.middleware import BodyLimit, HeadAsGet, RequestContext
from api.openapi import describe, operation_id, problems
from api.options import ExtractOptions, JobOptions
from api.security import Keys
from shared.blobs import open_store
from shared.db.engine import connect
from shared.queue import celery_app
from shared.settings import Settings, load_settings

DESCRIPTION = """\
Screenshots in, design tokens out: colors, spacing, typography, shadows and gradients, measured
from the pixels.

Send images or archives to `POST /api/v1/jobs`, watch the job, read its tokens or export them.
Every error is `application/problem+json` (RFC 9457); every answer carries `X-Request-ID`.
"""

# Paths whose bodies are read as streams, and bounded there.
STREAMED = re.compile(
    BASE_PATH + "(" + "|".join(("/jobs", estimate.PATH, *extract.PATHS, checking.PATH)) + ")"
)
# Paths whose bodies name items by the thousand.
LISTS = re.compile(BASE_PATH + "/jobs/[^/]+/retry")
# What scripts of other sites may send and read, where they are let: a token, never a cookie.
SENT_BY_SCRIPTS = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID"),
    *("Prefer", "Range", "X-Request-ID"),
)
READ_BY_SCRIPTS = (
    *("Content-Disposition", "ETag", "Idempotent-Replayed", "Location", "Preference-Applied"),
    *("RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"),
)
# Two probes at once, and no more, may hang on a frozen database, broker and disk.
CHECK_THREADS = 6
# All else goes on beside one; it shares its core with more.
IMPORT_THREADS = 1


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; nothing is connected before the first request needs it.

    Args:
        settings: Where things are; read from the environment by default, so that a server can
            be given this function as a factory.

    Raises:
        StartError: A setting does not allow to start.
    """
    settings = settings or load_settings()
    app = FastAPI(
        title="Copy That",
        version="1",
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,  # see `pages.documentation`
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state.site = _connect(settings)
    app.state.show_problem = pages.show_problem
    _route(app)
    app.add_middleware(HeadAsGet)
    app.add_middleware(BodyLimit, streamed=STREAMED, lists=LISTS)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=SENT_BY_SCRIPTS,
            expose_headers=READ_BY_SCRIPTS,
        )
    app.add_middleware(RequestContext, private=BASE_PATH)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.proxies)
    add_error_handlers(app)
    describe(app, (JobOptions, ExtractOptions, estimate.PlannedImages))
    return app


def _connect(settings: Settings) -> Site:
    engine = connect(settings.database_url)
    return Site(
        settings=settings,
        keys=Keys.of(settings.secret_key),
        engine=engine,
        blobs=open_store(settings.blob_url, settings.blob_dir),
        celery=celery_app(settings.broker_url),
        stopping=threading.Event(),
        check_threads=CapacityLimiter(CHECK_THREADS),
        import_threads=CapacityLimiter(IMPORT_THREADS),
        lookout=Lookout(engine),
        limiter=Limiter(settings),
    )


def _route(app: FastAPI) -> None:
    versioned = APIRouter(prefix=BASE_PATH, responses=problems(429))
    read = (items, events, token_sets, overlay, comparing, checking, drift, results)
    jobs_parts = (jobs, estimate, control, *read, extract)
    parts = (auth, *jobs_parts, cache, webhooks)
    for part in parts:
        versioned.include_router(part.router)
    app.include_router(versioned)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(pages.router)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.site.engine.dispose()
