"""A user and an API key of this machine's own, so that commands work without a login."""

import secrets
from collections.abc import Callable
from dataclasses import replace

from cli import credentials
from cli.client import Client
from cli.credentials import Credentials, LocalUser
from cli.data_dir import DataDir
from cli.failure import Failure

# Enough that two machines on one database do not meet (32 bits), and nobody guesses (144 bits).
NAME_BYTES = 4
PASSWORD_BYTES = 18
KEY_NAME = "copythat command line"


def ensure_local_key(place: DataDir, url: str, add_account: Callable[[str, str], None]) -> None:
    """Point the commands at a service, with a user that is made at the first time.

    The stored key is kept while the service takes it. A service whose database is new takes it
    no longer, and gets a user of its own.

    Args:
        place: Where the key is kept.
        url: The service.
        add_account: Makes an account of an address and a password, beside the service: whether
            that takes registrations makes no difference.
    """
    known = credentials.local_user(place)
    user = (known and _accepted(url, known)) or _added(url, add_account)
    credentials.store(place, Credentials(url, user.api_key), user)


def _accepted(url: str, user: LocalUser) -> LocalUser | None:
    """Return the user with a key that works, None when the service does not know them."""
    try:
        with Client(url, user.api_key) as client:
            client.get("/auth/me")
    except Failure:
        try:
            return replace(user, api_key=issue_key(url, user.email, user.password))
        except Failure:
            return None
    return user


def _added(url: str, add_account: Callable[[str, str], None]) -> LocalUser:
    email = f"local-{secrets.token_hex(NAME_BYTES)}@copythat.example"
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    add_account(email, password)
    return LocalUser(email, password, issue_key(url, email, password))


def issue_key(url: str, email: str, password: str) -> str:
    """Sign in and return a new API key.

    Raises:
        Failure: The service is out of reach, or the address or password is wrong.
    """
    with Client(url) as client:
        form = {"username": email, "password": password}
        access_token = client.post("/auth/login", data=form)["access_token"]
    with Client(url, access_token) as client:
        key: str = client.post("/api-keys", json={"name": KEY_NAME})["secret"]
    return key
