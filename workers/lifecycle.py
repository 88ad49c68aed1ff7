"""How workers stop, and what becomes of units whose process died on this machine.

A lease would end by itself, after a minute. A worker that stops gives its units back at once.
Every process that works, a prefork child as much as a worker of threads, starts by taking back
what the dead of its machine held; as Celery replaces a child as soon as it is gone, nobody has to
watch children. A process is known by its number and the time it was started, in its namespace of
numbers, so another's is never taken for it; a process that is merely frozen is alive.

Celery's own soft shutdown is not used: it sleeps for its whole time, even if the last task ends
at once (``WorkController.wait_for_soft_shutdown``, 5.7), and cannot end a thread.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import structlog
from sqlalchemy import Engine

from shared.db import leases, steps
from shared.db.engine import connect, transaction
from shared.errors import Unavailable

log = structlog.get_logger(__name__)

# Units in hand have this long to end when a worker stops; `up` kills it a few seconds later.
SOFT_STOP_S = 15.0
# What is locked as its owner dies is left alone, until PostgreSQL has noticed that death too.
LOOK_AGAIN_S = 0.5
# How long a worker that stops tries to give back everything, before `up` kills it.
GIVE_BACK_S = 3.0
# Fields of /proc/PID/stat behind the name, which may hold anything (proc_pid_stat(5)).
STATE_FIELD, START_FIELD = 0, 19


def process_name(pid: int) -> str:
    """Return what a process is called as the owner of leases."""
    return f"{_machine()}:{pid}:{_started(pid)}"


def is_dead(owner: str) -> bool:
    """Tell whether an owner of leases was a process of this machine and is no more."""
    machine, _, process = owner.partition(":")
    pid, _, started = process.partition(":")
    return machine == _machine() and pid.isdecimal() and _is_gone(int(pid), started)


@cache
def _machine() -> str:
    """Name this machine, or this container: whatever has process numbers of its own.

    Machines may share a host name, and the first namespace has the same number on all of them,
    so the kernel's run is named too.
    """
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{socket.gethostname()}.{boot_id}.{namespace}"


def _is_gone(pid: int, started: str) -> bool:
    """Tell whether a process has ended; what we may not look at has not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        # With hidepid (proc(5)), those of other users are missing from /proc.
        return Path(f"/proc/{pid}").exists() and _started(pid) != started
    return _started(pid) != started


def _started(pid: int) -> str:
    """Return when a process was started, in clock ticks since boot; empty if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[STATE_FIELD] in "ZX" else fields[START_FIELD]


def take_back_from_dead(engine: Engine) -> bool:
    """Queue again what dead processes of this machine held; the pump hints at it.

    Returns:
        Whether there was anything. What is locked as its owner dies may be left.
    """
    with transaction(engine) as connection:
        dead = [owner for owner in leases.lease_owners(connection) if is_dead(owner)]
        if dead:
            log.warning("taking back from the dead", owners=dead)
            steps.advance_keys(connection, leases.take_back_from(connection, dead))
    return bool(dead)


def start_recovery(engine: Engine) -> None:
    """Take back from the dead beside the work, when the database is there."""
    recovery = threading.Thread(target=_recover, args=(engine,), daemon=True, name="recovery")
    recovery.start()


def _recover(engine: Engine) -> None:
    pause = threading.Event()
    owed = True
    while owed:
        try:
            owed = take_back_from_dead(engine)
        except Unavailable as error:
            log.warning("units of dead processes wait", reason=error.detail)
        if owed:
            pause.wait(LOOK_AGAIN_S)


def end_in_time(database_url: str) -> None:
    """Let units in hand end, give back those that do not, and be gone."""
    timer = threading.Timer(SOFT_STOP_S, _end, (database_url,))
    timer.daemon = True
    timer.start()


def _end(database_url: str) -> None:
    """Give back what this process and its children hold, and end them all.

    Threads cannot be ended one by one; what they still write is fenced off.
    """
    children = list(_children())
    owners = {process_name(pid) for pid in (os.getpid(), *children)}
    _kill(children)
    try:
        give_back(connect(database_url), owners)
    except Unavailable as error:
        log.warning("units left to their leases", reason=error.detail)
    finally:
        os._exit(0)


def give_back(engine: Engine, owners: Collection[str]) -> None:
    """Queue again what these owners hold, also what the last of their transactions had locked.

    Raises:
        Unavailable: The database cannot be reached.
    """
    pause = threading.Event()
    deadline = time.monotonic() + GIVE_BACK_S
    held = True
    while held and time.monotonic() < deadline:
        with transaction(engine) as connection:
            log.warning("units given back", count=leases.release(connection, owners))
            held = not set(owners).isdisjoint(leases.lease_owners(connection))
        if held:
            pause.wait(LOOK_AGAIN_S)


def _children() -> Iterable[int]:
    """Yield the living children of this process, whichever thread started them."""
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            for pid in (task / "children").read_text().split():
                if _started(int(pid)):
                    yield int(pid)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
