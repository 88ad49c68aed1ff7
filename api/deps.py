"""What routes ask for, as annotated aliases."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, NoReturn

from anyio import CapacityLimiter
from celery import Celery
from fastapi import Cookie, Depends, Header, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordBearer
from sqlalchemy import Engine

from api.errors import Forbidden, ForgedRequest
from api.limits import Kind as Subject
from api.limits import Limiter, RouteClass, network_of
from api.lookout import Lookout
from api.security import Keys, Kind, is_csrf_token, read_session_id
from shared.blobs import BlobStore
from shared.db import api_keys, users
from shared.db.engine import transaction
from shared.db.users import Role, UserView
from shared.errors import NotFound, Unauthenticated
from shared.settings import Settings

BASE_PATH = "/api/v1"
SESSION_COOKIE = "copythat_session"
_ID_DIGITS = re.compile(r"[0-9a-f]{32}")
# What a browser also sends where another site made it ask (RFC 9110, 9.2.1): these change nothing.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Handing in files, an estimate of them, and an extraction of one.
_TAKES_FILES = re.compile(BASE_PATH + r"/(jobs(/estimate)?|[a-z]+/extract)")


@dataclass(frozen=True, slots=True)
class Site:
    """What this process is set to and connected to."""

    settings: Settings
    keys: Keys
    engine: Engine
    blobs: BlobStore
    celery: Celery
    # Set when the server stops: requests that wait for news answer with what there is.
    stopping: threading.Event
    # Threads for readiness checks: a hanging one must not take from those that serve requests.
    check_threads: CapacityLimiter
    # Threads for design systems that are handed in: the largest take a core for seconds.
    import_threads: CapacityLimiter
    lookout: Lookout
    limiter: Limiter


async def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


SiteDep = Annotated[Site, Depends(_site)]

_bearer = HTTPBearer(
    auto_error=False, scheme_name="ApiKey", description="An API key (`ct_…`) or access token."
)
# Never read here: it puts the login form behind Authorize in the documentation.
_login_form = OAuth2PasswordBearer(
    tokenUrl=f"{BASE_PATH}/auth/login", auto_error=False, scheme_name="Login"
)


SessionCookie = Annotated[str | None, Cookie(alias=SESSION_COOKIE, include_in_schema=False)]


FindUser = Callable[[], UserView]


async def _find_user(
    site: SiteDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    cookie: SessionCookie = None,
) -> FindUser:
    """Return what tells whose the credentials of a request are, now and for as long as it lasts.

    It raises:
        Unauthenticated: None came, or they are wrong, have expired or were revoked.
    """
    if credentials is not None:
        return partial(_holder, site, credentials.credentials)
    if cookie is not None:
        return partial(cookie_user, site, cookie)
    return _nobody


FindUserDep = Annotated[FindUser, Depends(_find_user)]


def _nobody() -> NoReturn:
    raise Unauthenticated("send an API key or an access token as a Bearer token")


def _current_user(
    request: Request,
    site: SiteDep,
    find_user: FindUserDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    _documented: Annotated[str | None, Depends(_login_form)],
    cookie: SessionCookie = None,
    x_csrf_token: Annotated[str, Header(include_in_schema=False)] = "",
) -> UserView:
    """Return whose API key or access token came with the request, or whose page sent it.

    Raises:
        Unauthenticated: None came, or it is wrong, has expired or was revoked.
        ForgedRequest: A cookie came with a request that changes things, and not from our pages.
        RateLimited: Its sender asks for too much.
    """
    route_class = _route_class(request)
    site.limiter.count(request, route_class, Subject.ADDRESS, origin_of(request))
    if credentials is None and cookie is not None and request.method not in _SAFE_METHODS:
        require_own_page(site, cookie, x_csrf_token)
    user = find_user()
    # Before its owner: what is refused to a key is not taken from them.
    if credentials is not None and credentials.credentials.startswith(api_keys.KEY_PREFIX):
        key = users.hash_secret(credentials.credentials)
        site.limiter.count(request, route_class, Subject.KEY, key)
    site.limiter.count(request, route_class, Subject.USER, user.id)
    return user


def _holder(site: Site, secret: str) -> UserView:
    """Return whose API key or access token this is.

    Raises:
        Unauthenticated: It is wrong, has expired or was revoked.
    """
    if secret.startswith(api_keys.KEY_PREFIX):
        with transaction(site.engine) as connection:
            user = api_keys.find_user(connection, secret)
    else:
        session_id = read_session_id(site.keys, Kind.ACCESS, secret)
        with transaction(site.engine) as connection:
            user = users.session_user(connection, session_id)
    if user is None:
        raise Unauthenticated("the key or access token is not valid any more")
    return user


CurrentUser = Annotated[UserView, Depends(_current_user)]


def _route_class(request: Request) -> RouteClass:
    if request.method in _SAFE_METHODS:
        return RouteClass.READ
    takes_files = _TAKES_FILES.fullmatch(request.url.path)
    return RouteClass.SUBMIT if takes_files else RouteClass.WRITE


def origin_of(request: Request) -> str:
    """Return the network that a request came from."""
    return network_of(request.client.host if request.client else "")


def limited(route_class: RouteClass) -> Any:  # noqa: ANN401 -- as FastAPI's own
    """Return the dependency of a route that is asked without an account."""

    def count(request: Request, site: SiteDep) -> None:
        site.limiter.count(request, route_class, Subject.ADDRESS, origin_of(request))

    return Depends(count)


async def _current_admin(user: CurrentUser) -> UserView:
    """Return who asks, if they may do what concerns everybody.

    Raises:
        Forbidden: They may not.
    """
    if user.role is not Role.ADMIN:
        raise Forbidden("this is for administrators of the service")
    return user


CurrentAdmin = Annotated[UserView, Depends(_current_admin)]


def cookie_user(site: Site, cookie: str | None) -> UserView:
    """Return who is signed in on a page.

    Raises:
        Unauthenticated: Nobody, or no longer.
    """
    if cookie is None:
        raise Unauthenticated("sign in first")
    session_id = read_session_id(site.keys, Kind.COOKIE, cookie)
    with transaction(site.engine) as connection:
        user = users.session_user(connection, session_id)
    if user is None:
        raise Unauthenticated("the session has ended")
    return user


def require_own_page(site: Site, cookie: str, sent: str) -> None:
    """Refuse what another site made a browser send.

    Raises:
        ForgedRequest: The token is not the one of our pages.
    """
    if not is_csrf_token(site.keys, cookie, sent):
        raise ForgedRequest("the page was open for too long, or is not ours: load it again")


def _checked_id(value: str, prefix: str) -> str:
    """Return an id that could be one of ours.

    Raises:
        NotFound: It could not, so nothing has it.
    """
    kind, _, digits = value.partition("_")
    if kind != prefix or not _ID_DIGITS.fullmatch(digits):
        raise NotFound(f"no {prefix} {value!a}")
    return value


async def _job_id(job_id: Annotated[str, Path(examples=["job_" + "0" * 32])]) -> str:
    return _checked_id(job_id, "job")


async def _other_job_id(other_id: Annotated[str, Path(examples=["job_" + "1" * 32])]) -> str:
    return _checked_id(other_id, "job")


def checked_item_id(item_id: str) -> str:
    """Return an item's id; see ``_checked_id``."""
    return _checked_id(item_id, "item")


async def _item_id(item_id: Annotated[str, Path(examples=["item_" + "0" * 32])]) -> str:
    return checked_item_id(item_id)


async def _key_id(key_id: Annotated[str, Path(examples=["key_" + "0" * 32])]) -> str:
    return _checked_id(key_id, "key")


async def _webhook_id(webhook_id: Annotated[str, Path(examples=["hook_" + "0" * 32])]) -> str:
    return _checked_id(webhook_id, "hook")


async def _delivery_id(delivery_id: Annotated[str, Path(examples=["msg_" + "0" * 32])]) -> str:
    return _checked_id(delivery_id, "msg")


JobId = Annotated[str, Depends(_job_id)]
OtherJobId = Annotated[str, Depends(_other_job_id)]
ItemId = Annotated[str, Depends(_item_id)]
KeyId = Annotated[str, Depends(_key_id)]
WebhookId = Annotated[str, Depends(_webhook_id)]
DeliveryId = Annotated[str, Depends(_delivery_id)]

# How many rows a page holds when the caller does not say.
DEFAULT_LIMIT = 50
Limit = Annotated[int, Query(ge=1, le=200, description="How many rows a page holds.")]
