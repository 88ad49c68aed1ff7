"""One program of the service and the process that runs it.

Should `up` itself be killed, the kernel signals each process it started: every one of them asks
for a parent-death signal before it becomes its program (prctl(2), PR_SET_PDEATHSIG).
"""

import ctypes
import os
import random
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cli.data_dir import Account
from shared.errors import StartError

PR_SET_PDEATHSIG = 1  # linux/prctl.h
AUTOGROUP = Path("/proc/self/autogroup")
# A program that dies is started again after a pause that doubles: a passing fault costs little,
# and a lasting one does not keep the machine busy.
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 10.0
MAX_DOUBLINGS = 16  # far past the longest pause, far from the largest float
# A program that ran this long before it died has not failed to start.
STEADY_AFTER_S = 30.0
# Larger logs are set aside when their program starts.
LOG_MAX_BYTES = 16 * 1024 * 1024

_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and how it wants to be stopped."""

    name: str
    command: tuple[str, ...]
    directory: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    stop_signal: signal.Signals = signal.SIGTERM
    # What the kernel sends when the supervisor dies without stopping it.
    orphan_signal: signal.Signals = signal.SIGKILL
    # How long it may take to stop before its whole process group is killed.
    grace_s: float = 10.0
    account: Account | None = None
    # How much it leaves to others that want the processor, 0 to 19: nice(1).
    niceness: int = 0


class Child:
    """One program and the process that runs it at the moment.

    ``deaths`` counts those in a row; ``due_s`` is when, on the monotonic clock, a program that
    does not run is to be started.
    """

    def __init__(self, program: Program, now_s: float) -> None:
        self.program = program
        self.deaths = 0
        self.due_s = now_s
        self._started_s = now_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None between a death and the next start."""
        return self._process.pid if self._process else None

    def start(self, now_s: float) -> None:
        """Start the process, in a session of its own and tied to this one's life.

        Raises:
            StartError: The command cannot be run.
        """
        program, account, parent_pid = self.program, self.program.account, os.getpid()
        set_aside(program.log)
        with program.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603 -- our own programs
                    program.command,
                    cwd=program.directory,
                    env=dict(program.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=lambda: _settle(parent_pid, program),  # noqa: PLW1509 -- one thread
                    user=account.uid if account else None,
                    group=account.gid if account else None,
                    extra_groups=[] if account else None,
                )
            except OSError as error:
                message = f"cannot run {program.command[0]}: {error.strerror}"
                raise StartError(message) from error
        self._started_s = now_s

    def reap(self, now_s: float) -> int | None:
        """Return the exit status if the process has ended since the last look."""
        if self._process is None or (status := self._process.poll()) is None:
            return None
        self._kill_group()
        self._process = None
        steady = now_s - self._started_s >= STEADY_AFTER_S
        self.deaths = 1 if steady else self.deaths + 1
        self.due_s = now_s + pause_s(self.deaths, random.random())  # noqa: S311 -- spreads load
        return status

    def ask_to_stop(self) -> None:
        """Send the signal that the program takes for a wish to stop."""
        if self._process:
            self._process.send_signal(self.program.stop_signal)

    def end(self) -> None:
        """Ask the process to stop, and kill it when it takes longer than its grace."""
        self.ask_to_stop()
        if self._process:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self.program.grace_s)
        self.kill()

    def kill(self) -> None:
        """Kill the process and all that it started."""
        if self._process:
            self._kill_group()
            self._process.wait()
            self._process = None

    def _kill_group(self) -> None:
        """Kill what is left in the process group, which carries the leader's id."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def pause_s(deaths: int, chance: float) -> float:
    """Return the pause before the next start: doubling, capped, and half of it by chance.

    Args:
        deaths: How often in a row the program died, from 1.
        chance: A number in [0, 1) that spreads programs that died together.
    """
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(deaths - 1, MAX_DOUBLINGS))
    return longest * (0.5 + chance / 2)


def set_aside(log: Path) -> None:
    """Keep one older log beside a log that has grown large."""
    if log.exists() and log.stat().st_size > LOG_MAX_BYTES:
        log.replace(log.with_suffix(".log.1"))


def log_size(log: Path) -> int:
    """Return where in a log the words of the next start will begin, in bytes."""
    set_aside(log)
    return log.stat().st_size if log.exists() else 0


def text_since(log: Path, mark: int) -> str:
    """Return what a log says after a mark."""
    with log.open("rb") as opened:
        opened.seek(mark)
        return opened.read().decode(errors="replace")


def last_words(log: Path) -> str:
    """Return the last line of a log."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1].strip() if lines else "it left no word"


def _settle(parent_pid: int, program: Program) -> None:
    """Make a new process wait behind others, and die with its parent; runs before exec."""
    os.nice(program.niceness)
    if program.niceness:
        # Where sessions are scheduled as groups, niceness is the group's (sched(7), autogroup).
        with suppress(OSError):
            AUTOGROUP.write_text(str(program.niceness))
    _LIBC.prctl(PR_SET_PDEATHSIG, program.orphan_signal.value)
    # The parent may have died before the call above; then nobody would ever send the signal.
    if os.getppid() != parent_pid:
        os._exit(1)
