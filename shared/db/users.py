"""Users, their sessions and their API keys.

No secret is stored: a password as its argon2 hash, a refresh token and an API key as the SHA-256
of what was handed out, which suffices because those are random and long.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from shared.db.accounts import ApiKey, Session, User
from shared.db.engine import new_id
from shared.errors import EmailTaken, NotFound

# What a key starts with, so that secret scanners and people tell it from other strings.
KEY_PREFIX = "ct_"
# 256 bits: out of reach of guessing, and the reason why a plain hash of it is enough.
SECRET_BYTES = 32
# How exact `last_used_at` is: a key in steady use costs one write a minute, not one a request.
USE_RECORDED_EVERY = text("interval '1 minute'")


@dataclass(frozen=True, slots=True)
class UserView:
    """A user as a reader sees them."""

    id: str
    email: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Login:
    """What a password is checked against."""

    user_id: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class ApiKeyView:
    """A key as a reader sees it; the secret is known to its holder alone."""

    id: str
    name: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key, and the one sight of its secret."""

    secret: str
    key: ApiKeyView


class Rotation(Enum):
    """What came of exchanging a refresh token."""

    ROTATED = auto()
    REUSED = auto()  # it was exchanged before: somebody else holds it, so the session is dead now
    DEAD = auto()  # the session had ended already


def hash_secret(secret: str) -> str:
    """Return the SHA-256 in hex that stands for a refresh token or an API key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_user(connection: Connection, email: str, password_hash: str) -> UserView:
    """Add a user.

    Args:
        connection: An open transaction.
        email: The address, in lower case.
        password_hash: In argon2's encoding.

    Raises:
        EmailTaken: Somebody has this address.
    """
    statement = (
        insert_or_skip(User)
        .values(id=new_id("user"), email=email, password_hash=password_hash)
        .on_conflict_do_nothing(index_elements=[User.email])
        .returning(User.id, User.email, User.created_at)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise EmailTaken(f"{email} is registered already")
    return _user_view(row)


def find_login(connection: Connection, email: str) -> Login | None:
    """Return what the password of an address is checked against, None for an unknown one."""
    row = connection.execute(
        select(User.id, User.password_hash).where(User.email == email)
    ).one_or_none()
    return None if row is None else Login(row.id, row.password_hash)


def change_password_hash(connection: Connection, user_id: str, password_hash: str) -> None:
    """Replace a password's hash."""
    connection.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))


def open_session(
    connection: Connection, session_id: str, user_id: str, refresh_hash: str, expires_at: datetime
) -> None:
    """Begin a login whose first refresh token has this hash."""
    connection.execute(
        insert(Session).values(
            id=session_id, user_id=user_id, refresh_hash=refresh_hash, expires_at=expires_at
        )
    )


def rotate_session(
    connection: Connection, session_id: str, old_hash: str, new_hash: str, expires_at: datetime
) -> Rotation:
    """Put a new refresh token in the place of the old one; end the session on a repeat.

    The caller commits before it refuses, or the end of the session would be rolled back.
    """
    alive = connection.execute(
        select(Session.refresh_hash)
        .where(Session.id == session_id, Session.revoked_at.is_(None))
        .where(Session.expires_at > func.now())
        .with_for_update()
    ).scalar_one_or_none()
    if alive is None:
        return Rotation.DEAD
    if alive != old_hash:
        revoke_session(connection, session_id)
        return Rotation.REUSED
    connection.execute(
        update(Session)
        .where(Session.id == session_id)
        .values(refresh_hash=new_hash, expires_at=expires_at)
    )
    return Rotation.ROTATED


def revoke_session(connection: Connection, session_id: str) -> None:
    """End a session and with it all its tokens; ending it again changes nothing."""
    connection.execute(
        update(Session)
        .where(Session.id == session_id, Session.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )


def session_user(connection: Connection, session_id: str) -> UserView | None:
    """Return whose session this is, None when it has ended."""
    statement = (
        _user_columns()
        .join(Session, Session.user_id == User.id)
        .where(Session.id == session_id, Session.revoked_at.is_(None))
        .where(Session.expires_at > func.now())
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else _user_view(row)


def issue_api_key(
    connection: Connection, user_id: str, name: str, expires_at: datetime | None = None
) -> IssuedKey:
    """Make a key for a user; its secret cannot be read again."""
    secret = KEY_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    row = connection.execute(
        insert(ApiKey)
        .values(
            id=new_id("key"),
            user_id=user_id,
            name=name,
            key_hash=hash_secret(secret),
            expires_at=expires_at,
        )
        .returning(*_KEY_COLUMNS)
    ).one()
    return IssuedKey(secret, _key_view(row))


def list_api_keys(
    connection: Connection, user_id: str, *, limit: int, before: str | None = None
) -> list[ApiKeyView]:
    """Return a user's keys, the newest first.

    Args:
        connection: An open transaction.
        user_id: Whose keys.
        limit: How many at most.
        before: The id of the key that stands before the first one wanted.
    """
    statement = select(*_KEY_COLUMNS).where(ApiKey.user_id == user_id)
    if before is not None:
        statement = statement.where(ApiKey.id < before)
    rows = connection.execute(statement.order_by(ApiKey.id.desc()).limit(limit))
    return [_key_view(row) for row in rows]


def delete_api_key(connection: Connection, user_id: str, key_id: str) -> None:
    """Make a key worthless.

    Raises:
        NotFound: There is none, or it is somebody else's.
    """
    found = connection.execute(
        delete(ApiKey).where(ApiKey.id == key_id, ApiKey.user_id == user_id).returning(ApiKey.id)
    ).one_or_none()
    if found is None:
        raise NotFound(f"no API key {key_id}")


def api_key_user(connection: Connection, secret: str) -> UserView | None:
    """Return whose key this is and note its use, None when it is unknown or has expired."""
    unexpired = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now())
    statement = (
        select(User.id, User.email, User.created_at, ApiKey.id.label("key_id"))
        .join(ApiKey, ApiKey.user_id == User.id)
        .where(ApiKey.key_hash == hash_secret(secret), unexpired)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    stale = ApiKey.last_used_at < func.now() - USE_RECORDED_EVERY
    connection.execute(
        update(ApiKey)
        .where(ApiKey.id == row.key_id, or_(ApiKey.last_used_at.is_(None), stale))
        .values(last_used_at=func.now())
    )
    return _user_view(row)


def _user_columns() -> Select[str, str, datetime]:
    return select(User.id, User.email, User.created_at)


def _user_view(row: Row[*tuple[Any, ...]]) -> UserView:
    return UserView(row.id, row.email, row.created_at)


_KEY_COLUMNS = (
    ApiKey.id,
    ApiKey.name,
    ApiKey.created_at,
    ApiKey.expires_at,
    ApiKey.last_used_at,
)


def _key_view(row: Row[*tuple[Any, ...]]) -> ApiKeyView:
    return ApiKeyView(row.id, row.name, row.created_at, row.expires_at, row.last_used_at)
