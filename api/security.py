"""Hashes of passwords, and signed access and refresh tokens.

An access token is a JWT (RFC 7519) that lives for minutes and names its session, so that ending
the session ends it at once. A refresh token is one too: its signature proves that we issued it,
which makes a second use of it proof of theft and a forged one merely wrong.

A browser holds one token in a cookie that no script can read, for as long as its session may live.
It is not rotated: two tabs, or a page that was loaded twice, would end each other's session.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.db.engine import new_id
from shared.errors import StartError, Unauthenticated

ACCESS_LIFETIME = timedelta(minutes=15)
# A session ends when it was not used for this long.
REFRESH_LIFETIME = timedelta(days=30)
# RFC 7518, section 3.2: a key of HS256 is at least as long as its hash.
MIN_KEY_BYTES = 32
_ALGORITHM = "HS256"

# OWASP's parameters for argon2id: 19 MiB and some 20 ms a guess, and forty logins at once, the
# size of the thread pool, stay under 1 GiB.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified when nobody has the address, so that the time of an answer does not tell.
_DECOY = _HASHER.hash("nobody has this password")


class Kind(StrEnum):
    """What a signed token is good for."""

    ACCESS = "access"
    REFRESH = "refresh"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a login answers with."""

    access_token: str
    refresh_token: str


def check_key(secret_key: str) -> None:
    """Refuse to sign with a key that could be guessed.

    Raises:
        StartError: It is too short.
    """
    if len(secret_key.encode()) < MIN_KEY_BYTES:
        raise StartError(f"setting COPYTHAT_SECRET_KEY needs at least {MIN_KEY_BYTES} bytes")


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password in its own encoding."""
    return _HASHER.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Tell whether a password is right; takes as long when there is no hash to compare."""
    try:
        return _HASHER.verify(password_hash or _DECOY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """Tell whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def sign_pair(secret_key: str, session_id: str, now: datetime) -> TokenPair:
    """Return an access and a refresh token of a session."""
    return TokenPair(
        _sign(secret_key, Kind.ACCESS, session_id, now, ACCESS_LIFETIME),
        _sign(secret_key, Kind.REFRESH, session_id, now, REFRESH_LIFETIME),
    )


def _sign(secret_key: str, kind: Kind, session_id: str, now: datetime, lifetime: timedelta) -> str:
    claims: dict[str, Any] = {"typ": kind.value, "sid": session_id, "jti": new_id("token")}
    claims |= {"iat": now, "exp": now + lifetime}
    return jwt.encode(claims, secret_key, algorithm=_ALGORITHM)


def sign_cookie(secret_key: str, session_id: str, now: datetime) -> str:
    """Return what a browser shows to be in a session."""
    return _sign(secret_key, Kind.COOKIE, session_id, now, REFRESH_LIFETIME)


def csrf_token(secret_key: str, cookie: str) -> str:
    """Return what a form of ours carries and no other site can know: it hangs on the cookie.

    Source: OWASP, Cross-Site Request Forgery Prevention Cheat Sheet, "HMAC Based Token Pattern".
    """
    return hmac.new(secret_key.encode(), b"csrf " + cookie.encode(), hashlib.sha256).hexdigest()


def read_session_id(secret_key: str, kind: Kind, token: str) -> str:
    """Return the session that a token of ours belongs to; whether that lives, its row says.

    Raises:
        Unauthenticated: The token is not ours, of another kind, or has expired.
    """
    try:
        claims = jwt.decode(
            token,
            secret_key,
            algorithms=[_ALGORITHM],
            options={"require": ["typ", "sid", "jti", "iat", "exp"]},
        )
    except jwt.InvalidTokenError as error:
        raise Unauthenticated(f"the {kind} token is not valid or has expired") from error
    if claims["typ"] != kind:
        raise Unauthenticated(f"this is no {kind} token")
    return str(claims["sid"])
