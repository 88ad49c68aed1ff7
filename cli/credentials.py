"""Which service the commands talk to, and with which key.

``credentials.json`` in the data directory is readable by its owner alone. Its ``url`` and
``api_key`` are those of the last ``up`` or ``login``; ``local`` keeps the user that ``up`` made
on this machine, so that a login elsewhere does not lose it.
"""

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from cli.data_dir import DataDir, write_private
from cli.failure import ExitCode, Failure


@dataclass(frozen=True, slots=True)
class LocalUser:
    """The user that `up` registered with the service on this machine."""

    email: str
    password: str
    api_key: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """The address of a service, and a key to it."""

    url: str
    api_key: str


def find_credentials(place: DataDir, url: str | None) -> Credentials:
    """Return what the caller and the environment say, completed by what is stored.

    Args:
        place: Where credentials are stored.
        url: The service that was asked for, if one was.

    Raises:
        Failure: There is no address or no key.
    """
    stored = read(place)
    url = url or stored.get("url")
    api_key = os.environ.get("COPYTHAT_API_KEY") or stored.get("api_key")
    if not url or not api_key:
        missing = "key to" if url else "address of"
        message = (
            f"no {missing} a service: start one with `copythat up`, sign in with `copythat login`,"
            " or set COPYTHAT_URL and COPYTHAT_API_KEY"
        )
        raise Failure(message, ExitCode.WRONG_USAGE)
    return Credentials(url.rstrip("/"), api_key)


def of_last_up(place: DataDir) -> Credentials:
    """Return what a service that has just started here has stored, whatever else is set."""
    stored = read(place)
    return Credentials(stored["url"], stored["api_key"])


def read(place: DataDir) -> dict[str, Any]:
    """Return what is stored; empty when nothing is.

    Raises:
        Failure: The file cannot be read.
    """
    file = place.credentials_file
    try:
        content = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Failure(f"cannot read {file}: {error}", ExitCode.WRONG_USAGE) from error
    return content if isinstance(content, dict) else {}


def local_user(place: DataDir) -> LocalUser | None:
    """Return the user that `up` made here earlier."""
    stored = read(place).get("local")
    return LocalUser(**stored) if stored else None


def store(place: DataDir, credentials: Credentials, local: LocalUser | None = None) -> None:
    """Make these the credentials of the commands, and remember the local user.

    Raises:
        Failure: The file cannot be written.
    """
    content = read(place) | asdict(credentials)
    if local:
        content["local"] = asdict(local)
    try:
        place.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(place.credentials_file, json.dumps(content, indent=2) + "\n")
    except OSError as error:
        message = f"cannot write {place.credentials_file}: {error.strerror}"
        raise Failure(message, ExitCode.WRONG_USAGE) from error
