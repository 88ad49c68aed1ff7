"""Users and their sessions.

No secret is stored: a password as its argon2 hash, a refresh token as the SHA-256 of what was
handed out, which suffices because it is random and long.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from shared.db.accounts import Session, User
from shared.db.engine import new_id
from shared.errors import EmailTaken, NotFound

# How long a session is kept that nobody renewed.
SESSIONS_KEPT = text("interval '30 days'")


class Role(StrEnum):
    """What somebody may do."""

    USER = "user"  # what is their own
    ADMIN = "admin"  # that, and what concerns the whole service


@dataclass(frozen=True, slots=True)
class UserView:
    """A user as a reader sees them."""

    id: str
    email: str
    created_at: datetime
    role: Role


@dataclass(frozen=True, slots=True)
class Login:
    """What a password is checked against."""

    user_id: str
    password_hash: str


class Rotation(Enum):
    """What came of exchanging a refresh token."""

    ROTATED = auto()
    REUSED = auto()  # it was exchanged before: somebody else holds it, so the session is dead now
    DEAD = auto()  # the session had ended already


def hash_secret(secret: str) -> str:
    """Return the SHA-256 in hex that stands for a refresh token or an API key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_user(
    connection: Connection, email: str, password_hash: str, role: Role = Role.USER
) -> UserView:
    """Add a user.

    Args:
        connection: An open transaction.
        email: The address, in lower case.
        password_hash: In argon2's encoding.
        role: What they may do.

    Raises:
        EmailTaken: Somebody has this address.
    """
    statement = (
        insert_or_skip(User)
        .values(id=new_id("user"), email=email, password_hash=password_hash, role=role)
        .on_conflict_do_nothing(index_elements=[User.email])
        .returning(*USER_COLUMNS)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise EmailTaken(f"{email} is registered already")
    return user_view(row)


def find_login(connection: Connection, email: str) -> Login | None:
    """Return what the password of an address is checked against, None for an unknown one."""
    row = connection.execute(
        select(User.id, User.password_hash).where(User.email == email)
    ).one_or_none()
    return None if row is None else Login(row.id, row.password_hash)


def change_password_hash(connection: Connection, user_id: str, password_hash: str) -> None:
    """Replace a password's hash."""
    connection.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))


def set_password(connection: Connection, email: str, password_hash: str) -> None:
    """Give somebody another password and end all their sessions; their API keys stay.

    Raises:
        NotFound: Nobody has this address.
    """
    user_id = connection.execute(
        update(User)
        .where(User.email == email)
        .values(password_hash=password_hash)
        .returning(User.id)
    ).scalar_one_or_none()
    if user_id is None:
        raise NotFound(f"nobody is registered as {email}")
    connection.execute(
        update(Session)
        .where(Session.user_id == user_id, Session.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )


def set_role(connection: Connection, email: str, role: Role) -> None:
    """Change what somebody may do, from their next request on.

    Raises:
        NotFound: Nobody has this address.
    """
    changed = connection.execute(
        update(User).where(User.email == email).values(role=role).returning(User.id)
    ).one_or_none()
    if changed is None:
        raise NotFound(f"nobody is registered as {email}")


def open_session(
    connection: Connection,
    session_id: str,
    user_id: str,
    *,
    refresh_hash: str,
    expires_at: datetime,
    origin: str,
) -> None:
    """Begin a login from a network address, whose first refresh token has this hash."""
    connection.execute(
        insert(Session).values(
            id=session_id,
            user_id=user_id,
            refresh_hash=refresh_hash,
            expires_at=expires_at,
            origin=origin,
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
        select(*USER_COLUMNS)
        .join(Session, Session.user_id == User.id)
        .where(Session.id == session_id, Session.revoked_at.is_(None))
        .where(Session.expires_at > func.now())
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else user_view(row)


def forget_old(connection: Connection) -> None:
    """Drop the sessions that ended long ago; until then they tell where somebody signed in."""
    connection.execute(delete(Session).where(Session.expires_at < func.now() - SESSIONS_KEPT))


USER_COLUMNS = (User.id, User.email, User.created_at, User.role)


def user_view(row: Row[*tuple[Any, ...]]) -> UserView:
    """Return the user of a row that holds ``USER_COLUMNS``."""
    return UserView(row.id, row.email, row.created_at, Role(row.role))
