"""Programs that a test may kill, freeze and keep away, one by one.

Unlike the supervisor of `copythat up`, which mends what dies at any moment, these are mended
only while a test waits in ``until``, and never what the test keeps away.
"""

import os
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cli import servers
from cli.program import Child, Program

# Longer than all that a fault may cost by design: a lease (60 s), waits before new tries, and
# starts of programs on a machine that is busy with other things.
WITHIN_S = 240.0
LOOK_EVERY_S = 0.02
PROBE_TIMEOUT_S = 2.0


class Programs(ABC):
    """What runs, and what has been done to it."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._children: dict[str, Child] = {}
        self._away: set[str] = set()
        self.kills = 0

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the API is."""

    @property
    @abstractmethod
    def sockets(self) -> Path:
        """Where the sockets of PostgreSQL and Redis are."""

    @property
    def database_url(self) -> str:
        """The database."""
        return servers.database_url(self.sockets)

    @property
    def broker_url(self) -> str:
        """The broker."""
        return servers.broker_url(self.sockets)

    def start(self, program: Program) -> None:
        """Start one more program."""
        child = self._children[program.name] = Child(program, time.monotonic())
        child.start(time.monotonic())

    @contextmanager
    def also(self, program: Program) -> Iterator[None]:
        """Run one more program until the block ends."""
        self.start(program)
        try:
            yield
        finally:
            child = self._children.pop(program.name)
            self._away.discard(program.name)
            self._resume(child)
            child.end()

    def pid(self, name: str) -> int:
        """Return the process id of a program, which is started again first if it died."""
        self.until(lambda: self._children[name].pid is not None)
        return self._children[name].pid or 0

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill a program's first process; it is mended while the test waits."""
        os.kill(self.pid(name), number)
        self.kills += 1
        child = self._children[name]
        # Its other processes go with it, as where a supervisor finds it dead.
        _wait_until(lambda: child.reap(time.monotonic()) is not None, f"the end of {name}")

    def kill_process(self, pid: int) -> None:
        """Kill one process of a program, which mends that by itself."""
        os.kill(pid, signal.SIGKILL)
        self.kills += 1

    def freeze(self, name: str) -> None:
        """Stop every process of a program where it stands."""
        os.killpg(self.pid(name), signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen program go on."""
        self._resume(self._children[name])

    def thaw_all(self) -> None:
        """Let everything go on, whatever a test left frozen."""
        for child in self._children.values():
            self._resume(child)

    def _resume(self, child: Child) -> None:
        if child.pid is not None:
            os.killpg(child.pid, signal.SIGCONT)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Keep a program frozen until the block ends."""
        self.freeze(name)
        try:
            yield
        finally:
            self.thaw(name)

    @contextmanager
    def away(self, name: str) -> Iterator[None]:
        """Kill a program and keep it from being started until the block ends."""
        self._away.add(name)
        try:
            self.kill(name)
            yield
        finally:
            self._away.discard(name)

    def mend(self) -> None:
        """Start again what has died, as a supervisor does."""
        now_s = time.monotonic()
        for name, child in list(self._children.items()):
            child.reap(now_s)
            if child.pid is None and child.due_s <= now_s and name not in self._away:
                child.start(now_s)

    def until(self, condition: Callable[[], object], *, within_s: float = WITHIN_S) -> None:
        """Wait for a condition while mending; fail loudly when it does not come true in time."""

        def holds() -> bool:
            self.mend()
            return bool(condition())

        _wait_until(holds, str(condition), within_s)

    def wait(self, seconds: float) -> None:
        """Let a fault last, while all else is mended."""
        over_at_s = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= over_at_s, within_s=seconds + WITHIN_S)

    def api_ready(self) -> bool:
        """Tell whether the API finds all that it needs."""
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=PROBE_TIMEOUT_S, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK

    def log(self, name: str) -> str:
        """Return what a program has said."""
        return self._children[name].program.log.read_text(errors="replace")

    def close(self) -> None:
        """Stop what runs, the last started first."""
        self.thaw_all()
        for child in reversed(self._children.values()):
            child.end()


def _wait_until(condition: Callable[[], object], what: str, within_s: float = WITHIN_S) -> None:
    pause = threading.Event()
    deadline_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline_s:
            pytest.fail(f"not true within {within_s:.0f} s: {what}")
        pause.wait(LOOK_EVERY_S)
