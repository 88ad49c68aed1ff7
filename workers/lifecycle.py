"""How workers stop, and what becomes of units whose process died on this machine.

A lease would end by itself, after a minute. A worker that stops gives its units back at once. One
whose child died (killed, out of memory, over its time) takes back what the child held, and one
that starts does so for whatever died here before. A process is known by its number and the time
it was started, in its namespace of numbers, so another's is never taken for it; a process that is
merely frozen is alive.

Celery's own soft shutdown is not used: it sleeps for its whole time, even if the last task ends
at once (``WorkController.wait_for_soft_shutdown``, 5.7), and cannot end a thread.
"""

import os
import signal
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import structlog
from sqlalchemy import Engine

from shared.db import leases, steps
from shared.db.engine import connect, transaction
from shared.errors import Unavailable

log = structlog.get_logger(__name__)

# Units in hand have this long to end when a worker stops; `up` kills it a few seconds later.
SOFT_STOP_S = 15.0
# How soon the death of a child is noticed.
LOOK_EVERY_S = 0.5
# Fields of /proc/PID/stat behind the name, which may hold anything (proc_pid_stat(5)).
STATE_FIELD, START_FIELD = 0, 19


def process_name(pid: int) -> str:
    """Return what a process is called as the owner of leases."""
    return f"{_machine()}:{pid}:{_started(pid)}"


def is_dead(owner: str) -> bool:
    """Tell whether an owner of leases was a process of this machine and is no more."""
    machine, _, process = owner.partition(":")
    pid, _, started = process.partition(":")
    return machine == _machine() and pid.isdecimal() and _started(int(pid)) != started


def _machine() -> str:
    """Name this machine, or this container: whatever has process numbers of its own."""
    return f"{socket.gethostname()}.{Path('/proc/self/ns/pid').stat().st_ino}"


def _started(pid: int) -> str:
    """Return when a process was started, in clock ticks since boot; empty if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[STATE_FIELD] in "ZX" else fields[START_FIELD]


def take_back_from_dead(engine: Engine) -> None:
    """Queue again what dead processes of this machine held; the pump hints at it."""
    with transaction(engine) as connection:
        dead = [owner for owner in leases.lease_owners(connection) if is_dead(owner)]
        if dead:
            log.warning("taking back from the dead", owners=dead)
            steps.advance_keys(connection, leases.take_back_from(connection, dead))


class Watch:
    """A worker's look after its children, and after its own end, in threads of its main process.

    It has an engine of its own: connections of a main process must not be those of its children.
    """

    def __init__(self, database_url: str) -> None:
        """Watch nothing yet."""
        self._database_url = database_url
        self._children: set[int] = set()

    def start(self) -> None:
        """Take back what died here before, then look after the children."""
        threading.Thread(target=self._look_after, daemon=True, name="children").start()

    def end_in_time(self) -> None:
        """Let units in hand end, give back those that do not, and be gone."""
        timer = threading.Timer(SOFT_STOP_S, self._give_back)
        timer.daemon = True
        timer.start()

    def _look_after(self) -> None:
        pause = threading.Event()
        owed = True
        while True:
            present = set(_children())
            owed = owed or bool(self._children - present)
            self._children = present
            if owed:
                owed = not self._settle()
            pause.wait(LOOK_EVERY_S)

    def _settle(self) -> bool:
        """Take back from the dead; tell whether the database was there to do so."""
        engine = connect(self._database_url)
        try:
            take_back_from_dead(engine)
        except Unavailable as error:
            log.warning("units of dead processes wait", reason=error.detail)
            return False
        finally:
            engine.dispose()
        return True

    def _give_back(self) -> None:
        ours = [os.getpid(), *_children()]
        owners = [process_name(pid) for pid in ours]
        _kill(ours[1:])
        engine = connect(self._database_url)
        try:
            with transaction(engine) as connection:
                log.warning("units given back", count=leases.release(connection, owners))
        except Unavailable as error:
            log.warning("units left to their leases", reason=error.detail)
        # Threads cannot be ended one by one; what they still write is fenced off.
        os._exit(0)


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
