"""How much one account, API key or network may ask for in a minute, counted in Redis.

A window begins with the first request of its subject and counts them until it ends, whatever
process they came to: Redis counts and sets the end of the window in one step. So no more than the
quota pass in a window; around the end of one, twice as many may.

Without Redis, logins and registrations are counted by each process for itself, with a stricter
quota, and all else passes: who has an account is not kept from their jobs.

Source: draft-ietf-httpapi-ratelimit-headers-11 for what answers say.
"""

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, ip_address, ip_network

import structlog
from fastapi import Request
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.retry import Retry

from api.errors import RateLimited, TooManyOpen
from shared.settings import Settings

# One customer of a provider has at least as much of IPv6 (RFC 6177).
IPV6_PREFIX = 64
# How long Redis may take to count, and how long it is let be when it did not.
COUNT_S = 0.25
LET_BE_S = 2.0
# What each process lets through by itself: a part of what all of them would together.
STRICTER = 4
# Requests of one user that take long, at once and in one process: streams, uploads, and those that
# wait. Each takes a connection, of which there often are 1,024; a page has one, a script a few.
MAX_OPEN = 100
_log = structlog.get_logger("api.limits")


class RouteClass(StrEnum):
    """What is limited together."""

    LOGIN = "login"  # sign in, renew, sign out: an argon2 hash each, at worst
    REGISTER = "register"
    SUBMIT = "submit"  # what takes files
    WRITE = "write"  # all else that changes something
    READ = "read"


# Those that are asked without an account, and guarded all the more.
GUARDED = {RouteClass.LOGIN, RouteClass.REGISTER}
WINDOWS_S = dict.fromkeys(RouteClass, 60) | {RouteClass.REGISTER: 3600}


class Kind(StrEnum):
    """Who a request is counted for, each by a quota of its own."""

    ADDRESS = "address"
    USER = "user"
    KEY = "key"


# Shares of a class's quota. People of one office share an address; a key leaves half to its
# owner, who may have to stop a program that has gone wild.
SHARES = {Kind.ADDRESS: 2.0, Kind.USER: 1.0, Kind.KEY: 0.5}


@dataclass(frozen=True, slots=True)
class Standing:
    """How one subject stands: as it was counted, with this request."""

    name: str
    quota: int
    window_s: int
    left: int
    ends_in_s: int

    @property
    def policy(self) -> str:
        """The item of ``RateLimit-Policy``."""
        return f'"{self.name}";q={self.quota};w={self.window_s}'

    @property
    def state(self) -> str:
        """The item of ``RateLimit``."""
        return f'"{self.name}";r={max(0, self.left)};t={self.ends_in_s}'


class Limiter:
    """Counts requests, and refuses those over the quota."""

    def __init__(self, settings: Settings) -> None:
        """Count where the settings say; nothing is connected yet."""
        per_minute = {
            RouteClass.LOGIN: settings.logins_per_minute,
            RouteClass.REGISTER: settings.registrations_per_hour,
            RouteClass.SUBMIT: settings.submissions_per_minute,
            RouteClass.WRITE: settings.writes_per_minute,
            RouteClass.READ: settings.reads_per_minute,
        }
        self._quotas = per_minute
        self._shared = _storage(settings.rate_limit_url or settings.broker_url)
        self._own = MemoryStorage()
        self._away_until_s = 0.0
        self.refused: Counter[RouteClass] = Counter()
        self.uncounted: Counter[RouteClass] = Counter()
        self._open: Counter[str] = Counter()

    def count(self, request: Request, route_class: RouteClass, kind: Kind, subject: str) -> None:
        """Count a request for one subject, and note on the request how that stands.

        Raises:
            RateLimited: It is over the quota.
        """
        standing = self._count(route_class, kind, subject)
        if standing is None:
            return
        noted: list[Standing] = request.scope.setdefault("state", {}).setdefault("limits", [])
        noted.append(standing)
        if standing.left < 0:
            self.refused[route_class] += 1
            raise RateLimited(standing.name, standing.ends_in_s)

    @contextmanager
    def hold(self, user_id: str) -> Iterator[None]:
        """Count a request that takes long, in this process and its event loop.

        Raises:
            TooManyOpen: There are as many as may be.
        """
        if self._open[user_id] >= MAX_OPEN:
            self.refused[RouteClass.READ] += 1
            raise TooManyOpen(f"{MAX_OPEN} requests of yours are open: end one of them first")
        self._open[user_id] += 1
        try:
            yield
        finally:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]

    def _count(self, route_class: RouteClass, kind: Kind, subject: str) -> Standing | None:
        """Return how a subject stands; None where nobody counts."""
        # Of what nobody has an account for, the address alone is counted: it gets what is set.
        share = 1.0 if route_class in GUARDED else SHARES[kind]
        quota = max(1, round(self._quotas[route_class] * share))
        key = f"{route_class}/{kind}/{subject}"
        window_s = WINDOWS_S[route_class]
        name = f"{route_class}-{kind}"
        if time.monotonic() >= self._away_until_s:
            try:
                return _standing(self._shared, key, name, quota, window_s)
            except StorageError as error:
                self._away_until_s = time.monotonic() + LET_BE_S
                _log.warning("requests cannot be counted", reason=str(error.storage_error))
        self.uncounted[route_class] += 1
        if route_class not in GUARDED:
            return None
        return _standing(self._own, key, name, max(1, quota // STRICTER), window_s)


def _standing(storage: Storage, key: str, name: str, quota: int, window_s: int) -> Standing:
    counted = storage.incr(key, window_s)
    ends_in_s = max(1, math.ceil(storage.get_expiry(key) - time.time()))
    return Standing(name, quota, window_s, quota - counted, min(ends_in_s, window_s))


def _storage(url: str) -> Storage:
    """Return Redis where a URL, maybe in Celery's form, names one; else this process counts."""
    redis_url = url.replace("redis+socket://", "unix://")
    if not redis_url.startswith(("redis://", "rediss://", "unix://")):
        return MemoryStorage()
    pool = ConnectionPool.from_url(
        redis_url,
        socket_timeout=COUNT_S,
        socket_connect_timeout=COUNT_S,
        retry=Retry(NoBackoff(), 0),
    )
    return RedisStorage(
        "redis://", connection_pool=pool, key_prefix="copythat:limits", wrap_exceptions=True
    )


def headers_of(standings: Sequence[Standing]) -> dict[str, str]:
    """Return what an answer says: every policy, and the state of what ends first."""
    if not standings:
        return {}
    scarcest = min(standings, key=lambda each: (each.left / each.quota, each.left))
    policies = ", ".join(each.policy for each in standings)
    return {"RateLimit-Policy": policies, "RateLimit": scarcest.state}


def network_of(address: str) -> str:
    """Return what stands for a network address: itself, or its /64 of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address  # a socket without an address, or a test's client
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, IPV6_PREFIX), strict=False))
