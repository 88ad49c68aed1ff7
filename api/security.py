"""The keys of the service, and what it signs with them: access and refresh tokens, forms.

An access token is a JWT (RFC 7519) that lives for minutes and names its session, so that ending
the session ends it at once. A refresh token is one too: its signature proves that we issued it,
which makes a second use of it proof of theft and a forged one merely wrong. Each names its key
(RFC 7515, 4.1.4), so that keys can be changed while sessions go on.

A browser holds one token in a cookie that no script can read, for as long as its session may live.
It is not rotated: two tabs, or a page that was loaded twice, would end each other's session.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

import jwt
from pydantic import SecretStr

from shared.db.engine import new_id
from shared.errors import StartError, Unauthenticated

ACCESS_LIFETIME = timedelta(minutes=15)
# A session ends when it was not used for this long.
REFRESH_LIFETIME = timedelta(days=30)
# RFC 7518, section 3.2: a key of HS256 is at least as long as its hash.
MIN_KEY_BYTES = 32
_ALGORITHM = "HS256"
# Tells a handful of keys apart, and tells nothing of them.
_KEY_ID_DIGITS = 8


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


@dataclass(frozen=True, slots=True)
class Keys:
    """The key that signs, and before it is changed for good, those that signed before."""

    signing: str
    retired: tuple[str, ...] = ()

    @classmethod
    def of(cls, setting: SecretStr) -> Self:
        """Return the keys of a setting: separated by commas, the first one signs.

        Raises:
            StartError: One of them could be guessed.
        """
        signing, *retired = (key.strip() for key in setting.get_secret_value().split(","))
        if any(len(key.encode()) < MIN_KEY_BYTES for key in (signing, *retired)):
            raise StartError(f"setting COPYTHAT_SECRET_KEY needs at least {MIN_KEY_BYTES} bytes")
        return cls(signing, tuple(retired))

    @property
    def all(self) -> tuple[str, ...]:
        """Every key that is accepted."""
        return (self.signing, *self.retired)

    def named(self, key_id: str | None) -> str | None:
        """Return the key of an id; None for an unknown one."""
        return next((key for key in self.all if _key_id(key) == key_id), None)


def _key_id(key: str) -> str:
    return hmac.new(key.encode(), b"kid", hashlib.sha256).hexdigest()[:_KEY_ID_DIGITS]


def sign_pair(keys: Keys, session_id: str, now: datetime) -> TokenPair:
    """Return an access and a refresh token of a session."""
    return TokenPair(
        _sign(keys, Kind.ACCESS, session_id, now, ACCESS_LIFETIME),
        _sign(keys, Kind.REFRESH, session_id, now, REFRESH_LIFETIME),
    )


def _sign(keys: Keys, kind: Kind, session_id: str, now: datetime, lifetime: timedelta) -> str:
    claims: dict[str, Any] = {"typ": kind.value, "sid": session_id, "jti": new_id("token")}
    claims |= {"iat": now, "exp": now + lifetime}
    headers = {"kid": _key_id(keys.signing)}
    return jwt.encode(claims, keys.signing, algorithm=_ALGORITHM, headers=headers)


def sign_cookie(keys: Keys, session_id: str, now: datetime) -> str:
    """Return what a browser shows to be in a session."""
    return _sign(keys, Kind.COOKIE, session_id, now, REFRESH_LIFETIME)


def csrf_token(keys: Keys, cookie: str) -> str:
    """Return what a form of ours carries and no other site can know: it hangs on the cookie.

    Source: OWASP, Cross-Site Request Forgery Prevention Cheat Sheet, "HMAC Based Token Pattern".
    """
    return _csrf_token(keys.signing, cookie)


def is_csrf_token(keys: Keys, cookie: str, sent: str) -> bool:
    """Tell whether what a form carried is what a page of this cookie's holder was given."""
    expected = (_csrf_token(key, cookie) for key in keys.all)
    return any(hmac.compare_digest(token.encode(), sent.encode()) for token in expected)


def _csrf_token(key: str, cookie: str) -> str:
    return hmac.new(key.encode(), b"csrf " + cookie.encode(), hashlib.sha256).hexdigest()


def read_session_id(keys: Keys, kind: Kind, token: str) -> str:
    """Return the session that a token of ours belongs to; whether that lives, its row says.

    Raises:
        Unauthenticated: The token is not ours, of another kind, or has expired.
    """
    try:
        claims = jwt.decode(
            token,
            # Releases that named no key signed with what is the oldest one now.
            keys.named(jwt.get_unverified_header(token).get("kid")) or keys.all[-1],
            algorithms=[_ALGORITHM],
            options={"require": ["typ", "sid", "jti", "iat", "exp"]},
        )
    except jwt.InvalidTokenError as error:
        raise Unauthenticated(f"the {kind} token is not valid or has expired") from error
    if claims["typ"] != kind:
        raise Unauthenticated(f"this is no {kind} token")
    return str(claims["sid"])
