"""Register, sign in and out; API keys."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api import auth, passwords
from api.deps import SESSION_COOKIE, KeyId, Site, SiteDep, limited
from api.errors import RegistrationClosed, TooManyLogins, headers_of, status_of
from api.limits import RouteClass
from api.pages.rendering import set_cookie, show
from api.pages.session import SEE_OTHER, OwnForm, PageRoute, PageUser, VisitorForm
from api.schemas import NewApiKey, Registration
from api.security import REFRESH_LIFETIME, Kind, read_session_id, sign_cookie
from shared.db import api_keys, users
from shared.db.engine import new_id, transaction
from shared.db.users import UserView
from shared.errors import CopyThatError, EmailTaken, Unauthenticated

# Somebody who has more than these reads the rest from the API.
SHOWN_KEYS = 200

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Text = Annotated[str, Form()]


@router.get("/login")
def show_login(request: Request, next: str = "/") -> Response:  # noqa: A002 -- as in the address
    """Show the form to sign in with."""
    return _login_page(request, next)


@router.post("/login", dependencies=[limited(RouteClass.LOGIN), VisitorForm])
def log_in(
    request: Request,
    site: SiteDep,
    email: Text = "",
    password: Text = "",
    next: Text = "/",  # noqa: A002 -- as in the form
) -> Response:
    """Sign in, and go to where somebody was sent here from."""
    try:
        user_id = auth.check_login(request, site, email, password)
    except (Unauthenticated, TooManyLogins) as error:
        return _login_page(request, next, email, error)
    return _signed_in(request, site, user_id, _local(next))


def _login_page(
    request: Request, path: str, email: str = "", error: CopyThatError | None = None
) -> Response:
    page = show(
        request,
        "login.html",
        user=None,
        status=status_of(type(error)) if error else 200,
        next=_local(path),
        email=email,
        error=error,
        open_registration=_is_open(request),
    )
    page.headers.update(headers_of(request, error) if error else {})
    return page


def _is_open(request: Request) -> bool:
    """Tell whether anybody may register."""
    site: Site = request.app.state.site
    return site.settings.open_registration


@router.get("/register")
def show_registration(request: Request) -> Response:
    """Show the form to register with."""
    return _registration_page(request)


@router.post("/register", dependencies=[limited(RouteClass.REGISTER), VisitorForm])
def register(request: Request, site: SiteDep, email: Text = "", password: Text = "") -> Response:
    """Make an account and sign in."""
    try:
        user = auth.register(Registration(email=email.strip(), password=password), site)
    except ValidationError as error:
        reason, status = _first_reason(error), 422
    except (EmailTaken, RegistrationClosed) as error:
        reason, status = error.detail, status_of(type(error))
    else:
        return _signed_in(request, site, user.id, "/")
    return _registration_page(request, status, email, reason)


def _registration_page(
    request: Request, status: int = 200, email: str = "", error: str | None = None
) -> Response:
    return show(
        request,
        "register.html",
        user=None,
        status=status,
        email=email,
        error=error,
        open_registration=_is_open(request),
        least_password=passwords.MIN_LENGTH,
        most_password=passwords.MAX_LENGTH,
    )


def _first_reason(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{str(first['loc'][-1]).replace('_', ' ')}: {first['msg']}"


def _local(path: str) -> str:
    """Return a path of ours to go on to; an address elsewhere is none."""
    inside = path.startswith("/") and not path.startswith("//") and path.isprintable()
    return path if inside and "\\" not in path else "/"


def _signed_in(request: Request, site: Site, user_id: str, path: str) -> Response:
    """Begin a session of a browser and go on."""
    now = datetime.now(UTC)
    session_id = new_id("session")
    cookie = sign_cookie(site.keys, session_id, now)
    auth.open_session(request, site, user_id, session_id, cookie)
    response = RedirectResponse(path, SEE_OTHER)
    max_age_s = int(REFRESH_LIFETIME.total_seconds())
    set_cookie(request, response, SESSION_COOKIE, cookie, max_age_s)
    return response


@router.post("/logout", dependencies=[OwnForm])
def log_out(request: Request, site: SiteDep) -> Response:
    """End the session: its cookie is worthless at once."""
    session_id = read_session_id(site.keys, Kind.COOKIE, request.cookies.get(SESSION_COOKIE, ""))
    with transaction(site.engine) as connection:
        users.revoke_session(connection, session_id)
    response = RedirectResponse("/login", SEE_OTHER)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax")
    return response


@router.get("/keys")
def show_keys(request: Request, site: SiteDep, user: PageUser) -> Response:
    """Show somebody's API keys."""
    return _keys_page(request, site, user)


@router.post("/keys", dependencies=[OwnForm])
def make_key(request: Request, site: SiteDep, user: PageUser, name: Text = "") -> Response:
    """Make an API key, and show its secret this once."""
    try:
        wanted = NewApiKey(name=name, expires_at=None)
    except ValidationError as error:
        return _keys_page(request, site, user, error=_first_reason(error))
    issued = auth.issue_api_key(wanted, user, site)
    response = _keys_page(request, site, user, secret=issued.secret)
    response.headers["Cache-Control"] = "no-store"
    return response


@router.post("/keys/{key_id}/delete", dependencies=[OwnForm])
def delete_key(key_id: KeyId, site: SiteDep, user: PageUser) -> Response:
    """Make an API key worthless."""
    auth.delete_api_key(key_id, user, site)
    return RedirectResponse("/keys", SEE_OTHER)


def _keys_page(
    request: Request,
    site: Site,
    user: UserView,
    secret: str | None = None,
    error: str | None = None,
) -> Response:
    with transaction(site.engine) as connection:
        keys = api_keys.read_page(connection, user.id, limit=SHOWN_KEYS)
    status = 422 if error else 200
    return show(
        request, "keys.html", user=user, status=status, keys=keys, secret=secret, error=error
    )
