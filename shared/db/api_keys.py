"""API keys: secrets for programs, kept as their SHA-256 like refresh tokens."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, text, update

from shared.db.accounts import ApiKey, User
from shared.db.engine import new_id
from shared.db.users import USER_COLUMNS, UserView, hash_secret, user_view
from shared.errors import NotFound

# What a key starts with, so that secret scanners and people tell it from other strings.
KEY_PREFIX = "ct_"
# 256 bits: out of reach of guessing, and the reason why a plain hash of it is enough.
SECRET_BYTES = 32
# How much of a key is shown to tell it by: 8 characters, which leaves 208 bits to guess.
SHOWN_LENGTH = len(KEY_PREFIX) + 8
# How exact `last_used_at` is: a key in steady use costs one write a minute, not one a request.
USE_RECORDED_EVERY = text("interval '1 minute'")


@dataclass(frozen=True, slots=True)
class ApiKeyView:
    """A key as a reader sees it; the secret is known to its holder alone."""

    id: str
    name: str
    shown: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key, and the one sight of its secret."""

    secret: str
    key: ApiKeyView


def issue(
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
            shown=secret[:SHOWN_LENGTH],
            expires_at=expires_at,
        )
        .returning(*_KEY_COLUMNS)
    ).one()
    return IssuedKey(secret, _key_view(row))


def read_page(
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


def revoke(connection: Connection, user_id: str, key_id: str) -> None:
    """Make a key worthless.

    Raises:
        NotFound: There is none, or it is somebody else's.
    """
    found = connection.execute(
        delete(ApiKey).where(ApiKey.id == key_id, ApiKey.user_id == user_id).returning(ApiKey.id)
    ).one_or_none()
    if found is None:
        raise NotFound(f"no API key {key_id}")


def find_user(connection: Connection, secret: str) -> UserView | None:
    """Return whose key this is and note its use, None when it is unknown or has expired."""
    unexpired = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now())
    statement = (
        select(*USER_COLUMNS, ApiKey.id.label("key_id"))
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
    return user_view(row)


_KEY_COLUMNS = (
    ApiKey.id,
    ApiKey.name,
    ApiKey.shown,
    ApiKey.created_at,
    ApiKey.expires_at,
    ApiKey.last_used_at,
)


def _key_view(row: Row[*tuple[Any, ...]]) -> ApiKeyView:
    return ApiKeyView(
        row.id, row.name, row.shown, row.created_at, row.expires_at, row.last_used_at
    )
