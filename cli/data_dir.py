"""The directory one service lives in: its lock, its secrets and the place of its sockets.

A service owns its directory through an advisory lock on ``up.lock``. The kernel drops the lock
with the process that holds it, so no crash leaves a stale one; the text in the file only serves
to say who holds it.
"""

import fcntl
import json
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from shared.errors import StartError

SECRET_BYTES = 32
# sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL included (unix(7)).
MAX_SOCKET_PATH_BYTES = 103
# The longest name put into the socket directory: PostgreSQL's lock file beside its socket.
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"


@dataclass(frozen=True, slots=True)
class Account:
    """The system account a program runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class DataDir:
    """Names what lies where; creates nothing by itself."""

    path: Path

    @property
    def lock_file(self) -> Path:
        """Who runs the service: ``{"pid", "url"}``; the URL comes when it is ready."""
        return self.path / "up.lock"

    @property
    def pgdata(self) -> Path:
        """PostgreSQL's own directory."""
        return self.path / "pgdata"

    @property
    def logs(self) -> Path:
        """One log a program."""
        return self.path / "logs"

    @property
    def credentials_file(self) -> Path:
        """The address and key that the commands of this machine use."""
        return self.path / "credentials.json"

    @property
    def secret_key_file(self) -> Path:
        """The keys that sign access tokens, one a line: the first signs, all are accepted."""
        return self.path / "secret_key"

    def secret_key(self) -> str:
        """Return the keys, as the setting holds them; the first one is made at the first call."""
        if not self.secret_key_file.exists():
            self.rotate_secret_key()
        return ",".join(self.secret_key_file.read_text().split())

    def rotate_secret_key(self) -> None:
        """Put a new key before the one that signs now; what was before that goes.

        Raises:
            StartError: The directory cannot be written.
        """
        try:
            file = self.secret_key_file
            former = file.read_text().split()[:1] if file.exists() else []
            write_private(file, "\n".join((secrets.token_hex(SECRET_BYTES), *former)))
        except OSError as error:
            raise StartError(f"cannot write to {self.path}: {error.strerror}") from error


@contextmanager
def claim(path: Path) -> Iterator[DataDir]:
    """Make the directory when it is new and hold it until the end of the block.

    Raises:
        StartError: Somebody holds it already, or it cannot be written.
    """
    place = DataDir(path.expanduser().resolve())
    try:
        place.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.logs.mkdir(exist_ok=True)
        lock = place.lock_file.open("a+")
    except OSError as error:
        raise StartError(f"cannot write to {place.path}: {error.strerror}") from error
    with lock:
        _lock(lock, place)
        announce(place, url=None)
        yield place
        _remove_socket_dir(place)
        lock.truncate(0)


def announce(place: DataDir, url: str | None) -> None:
    """Write who runs the service, and where once it is ready, into the lock file."""
    place.lock_file.write_text(json.dumps({"pid": os.getpid(), "url": url}))


def holder(place: DataDir) -> dict[str, Any]:
    """Return what the lock file says of who runs the service; empty when nobody does."""
    try:
        content = json.loads(place.lock_file.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _lock(lock: IO[str], place: DataDir) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        other = holder(place)
        at = f" at {other['url']}" if other.get("url") else ""
        who = f"pid {other.get('pid', 'unknown')}"
        message = f"the service in {place.path} is running already{at} ({who})"
        raise StartError(message) from error


def write_private(file: Path, text: str) -> None:
    """Replace a file at once by one that its owner alone can read."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
    draft.replace(file)


def make_socket_dir(place: DataDir, owner: Account) -> Path:
    """Make an empty directory for sockets: short enough, and private to one account.

    The data directory itself may lie too deep for a socket's path, and below directories that
    the account may not enter.

    Raises:
        StartError: There is no such place, or somebody else has taken its name.
    """
    path = _socket_base(place, owner) / _socket_dir_name(place)
    if path.is_symlink() or (path.exists() and path.stat().st_uid not in {0, owner.uid}):
        raise StartError(f"{path} belongs to somebody else; remove it or set TMPDIR")
    try:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, owner.uid, owner.gid)
    except OSError as error:
        raise StartError(f"cannot make {path} for sockets: {error.strerror}") from error
    return path


def find_socket_dir(place: DataDir) -> Path | None:
    """Return the directory that a running service has for its sockets; None without one."""
    paths = (base / _socket_dir_name(place) for base in _socket_bases())
    return next((path for path in paths if path.is_dir() and not path.is_symlink()), None)


def _remove_socket_dir(place: DataDir) -> None:
    for base in _socket_bases():
        path = base / _socket_dir_name(place)
        if not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


def _socket_dir_name(place: DataDir) -> str:
    return f"copythat-{os.getuid()}-{sha256(os.fsencode(place.path)).hexdigest()[:12]}"


def _socket_base(place: DataDir, owner: Account) -> Path:
    for base in _socket_bases():
        longest = os.fsencode(base / _socket_dir_name(place) / LONGEST_SOCKET_NAME)
        short = len(longest) <= MAX_SOCKET_PATH_BYTES
        if short and os.access(base, os.W_OK | os.X_OK) and reachable(base, owner):
            return base
    raise StartError("no writable directory with a short path for sockets: set TMPDIR to one")


def _socket_bases() -> list[Path]:
    wishes = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp", "/var/tmp")  # noqa: S108 -- only as a parent
    return [Path(wish) for wish in wishes if wish]


def reachable(path: Path, account: Account) -> bool:
    """Tell whether an account may read a path and enter every directory on the way to it."""
    if account.uid == os.geteuid():
        return True
    steps = (path, *path.parents)
    return all(_allows(step.stat(), account) for step in steps)


def _allows(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        needed = stat.S_IRUSR | stat.S_IXUSR
    elif status.st_gid == account.gid:
        needed = stat.S_IRGRP | stat.S_IXGRP
    else:
        needed = stat.S_IROTH | stat.S_IXOTH
    return status.st_mode & needed == needed
