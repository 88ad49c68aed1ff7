"""Register, log in, renew, log out; API keys."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.security import OAuth2PasswordRequestForm

from api import passwords, security
from api.deps import DEFAULT_LIMIT, CurrentUser, KeyId, Limit, Site, SiteDep, limited, origin_of
from api.errors import RegistrationClosed, TooManyLogins
from api.fields import FieldError, InvalidFields
from api.limits import RouteClass
from api.openapi import problems
from api.schemas import (
    AccessTokens,
    ApiKey,
    IssuedApiKey,
    NewApiKey,
    Page,
    RefreshRequest,
    Registration,
    User,
)
from api.security import Kind, TokenPair
from shared.db import api_keys, login_failures, users
from shared.db.engine import new_id, transaction
from shared.db.users import Rotation
from shared.errors import Unauthenticated

router = APIRouter(tags=["authentication"])


@router.post(
    "/auth/register",
    status_code=201,
    responses=problems(400, 403, 409, 422),
    dependencies=[limited(RouteClass.REGISTER)],
)
def register(sent: Registration, site: SiteDep) -> User:
    """Make an account, where the service lets anybody have one."""
    if not site.settings.open_registration:
        raise RegistrationClosed("ask whoever runs this service for an account")
    password_hash = passwords.hash_password(sent.password)
    with transaction(site.engine) as connection:
        return User.of(users.create_user(connection, sent.email.lower(), password_hash))


@router.post(
    "/auth/login", responses=problems(400, 401, 422), dependencies=[limited(RouteClass.LOGIN)]
)
def log_in(
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    request: Request,
    site: SiteDep,
) -> AccessTokens:
    """Begin a session with an address and a password (OAuth2 password flow)."""
    user_id = check_login(request, site, form.username, form.password)
    now = datetime.now(UTC)
    session_id = new_id("session")
    pair = security.sign_pair(site.keys, session_id, now)
    open_session(request, site, user_id, session_id, pair.refresh_token)
    return _answer(pair)


def check_login(request: Request, site: Site, username: str, password: str) -> str:
    """Return whose address and password these are.

    Raises:
        Unauthenticated: Nobody's.
        TooManyLogins: Too many have failed; whether this one is right was not looked at.
    """
    email = _stored_form(username)
    with transaction(site.engine) as connection:
        tried = login_failures.begin(connection, email, origin_of(request))
        if isinstance(tried, float):
            raise TooManyLogins(tried)
        login = users.find_login(connection, email)
    # Outside of the transaction: it takes the time of twenty queries.
    right = passwords.verify_password(login.password_hash if login else None, password)
    if login is None or not right:
        raise Unauthenticated("the address or the password is wrong")
    stale = passwords.needs_rehash(login.password_hash)
    fresh_hash = passwords.hash_password(password) if stale else None
    with transaction(site.engine) as connection:
        login_failures.succeed(connection, tried)
        if fresh_hash is not None:
            users.change_password_hash(connection, login.user_id, fresh_hash)
    return login.user_id


def open_session(
    request: Request, site: Site, user_id: str, session_id: str, refresh_token: str
) -> None:
    """Keep that somebody has signed in, and from where."""
    with transaction(site.engine) as connection:
        users.open_session(
            connection,
            session_id,
            user_id,
            refresh_hash=users.hash_secret(refresh_token),
            expires_at=datetime.now(UTC) + security.REFRESH_LIFETIME,
            origin=origin_of(request),
        )


@router.post(
    "/auth/refresh", responses=problems(400, 401, 422), dependencies=[limited(RouteClass.LOGIN)]
)
def refresh(sent: RefreshRequest, site: SiteDep) -> AccessTokens:
    """Exchange a refresh token for a new pair; using one twice ends the session."""
    session_id = security.read_session_id(site.keys, Kind.REFRESH, sent.refresh_token)
    now = datetime.now(UTC)
    pair = security.sign_pair(site.keys, session_id, now)
    with transaction(site.engine) as connection:
        rotation = users.rotate_session(
            connection,
            session_id,
            old_hash=users.hash_secret(sent.refresh_token),
            new_hash=users.hash_secret(pair.refresh_token),
            expires_at=now + security.REFRESH_LIFETIME,
        )
    # Only after the commit: an error inside would undo the end of the session.
    if rotation is Rotation.REUSED:
        raise Unauthenticated("this refresh token was used before, so its session was ended")
    if rotation is Rotation.DEAD:
        raise Unauthenticated("the session has ended")
    return _answer(pair)


@router.post(
    "/auth/logout",
    status_code=204,
    responses=problems(400, 401, 422),
    dependencies=[limited(RouteClass.LOGIN)],
)
def log_out(sent: RefreshRequest, site: SiteDep) -> None:
    """End a session: its refresh tokens and its access tokens are dead at once."""
    session_id = security.read_session_id(site.keys, Kind.REFRESH, sent.refresh_token)
    with transaction(site.engine) as connection:
        users.revoke_session(connection, session_id)


@router.get("/auth/me", responses=problems(401))
def read_me(user: CurrentUser) -> User:
    """Return who the credentials belong to."""
    return User.of(user)


@router.post("/api-keys", status_code=201, responses=problems(400, 401, 422))
def issue_api_key(sent: NewApiKey, user: CurrentUser, site: SiteDep) -> IssuedApiKey:
    """Make an API key; its secret is in this answer and nowhere else."""
    if sent.expires_at is not None and sent.expires_at <= datetime.now(UTC):
        raise InvalidFields([FieldError("/expires_at", "has to be in the future")])
    with transaction(site.engine) as connection:
        issued = api_keys.issue(connection, user.id, sent.name, sent.expires_at)
    key = ApiKey.of(issued.key)
    return IssuedApiKey(**key.model_dump(), secret=issued.secret)


@router.get("/api-keys", responses=problems(401, 422))
def list_api_keys(
    user: CurrentUser,
    site: SiteDep,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(pattern="^key_[0-9a-f]{32}$")] = None,
) -> Page[ApiKey]:
    """Return a page of your API keys, the newest first."""
    with transaction(site.engine) as connection:
        found = api_keys.read_page(connection, user.id, limit=limit + 1, before=cursor)
    shown = found[:limit]
    more = shown[-1].id if len(found) > limit else None
    return Page(data=[ApiKey.of(view) for view in shown], next_cursor=more)


@router.delete("/api-keys/{key_id}", status_code=204, responses=problems(401, 404))
def delete_api_key(key_id: KeyId, user: CurrentUser, site: SiteDep) -> None:
    """Make an API key worthless at once."""
    with transaction(site.engine) as connection:
        api_keys.revoke(connection, user.id, key_id)


def _stored_form(username: str) -> str:
    """Return an address as it is stored; a NUL, which PostgreSQL refuses, is in none."""
    return username.strip().lower().replace("\x00", "")


def _answer(pair: TokenPair) -> AccessTokens:
    return AccessTokens(
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        token_type="bearer",  # noqa: S106 -- the name of the scheme, as OAuth2 wants it
        expires_in=int(security.ACCESS_LIFETIME.total_seconds()),
    )
