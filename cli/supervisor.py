"""Keep a set of programs running and stop them in order, leaving none behind.

Everything happens in one thread: a signal, the death of a child included, wakes the loop through
a pipe (``signal.set_wakeup_fd``).
"""

import os
import select
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from cli.program import Child, Program, last_words
from shared.errors import StartError

# While the service starts, a program may die this often before the start has failed.
DEATHS_AT_START = 3
# How often a condition that gives no signal is looked at.
LOOK_EVERY_S = 0.05
# Enough to empty the pipe at once: a byte a signal, and many signals make one.
WAKE_BYTES = 4096


class StopAsked(Exception):
    """Somebody wants the service to stop while it is still starting."""


class Supervisor:
    """Starts groups of programs, restarts what dies, stops the groups in reverse order."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._groups: list[list[Child]] = []
        self._wishes_to_stop = 0
        self._starting = True

    def __enter__(self) -> Self:
        """Take over the signals."""
        self._wake_r, self._wake_w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._old_wakeup = signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)
        wishes = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # started under nohup
            wishes.remove(signal.SIGHUP)
        self._old = {number: signal.signal(number, self._note_wish) for number in wishes}
        self._old[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything and give the signals back."""
        self._stop_all()
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_wakeup)
        os.close(self._wake_r)
        os.close(self._wake_w)

    def start(self, *programs: Program) -> None:
        """Start programs that will be stopped together, before all that started earlier."""
        now_s = time.monotonic()
        group = [Child(program, now_s) for program in programs]
        self._groups.append(group)
        for child in group:
            child.start(now_s)

    def wait_until(self, condition: Callable[[], bool], what: str, limit_s: float) -> None:
        """Look after the programs until a condition holds.

        Raises:
            StopAsked: Somebody asked to stop in the meantime.
            StartError: The time is over, or a program keeps dying.
        """
        deadline_s = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > deadline_s:
                raise StartError(f"{what} took longer than {limit_s:.0f} s")
            self._look_after(LOOK_EVERY_S)
            if self._wishes_to_stop:
                raise StopAsked

    def run_once(self, program: Program, limit_s: float) -> None:
        """Run a program to its end.

        Raises:
            StopAsked: Somebody asked to stop in the meantime.
            StartError: The program failed or took too long.
        """
        now_s = time.monotonic()
        child = Child(program, now_s)
        child.start(now_s)
        statuses: list[int] = []

        def ended() -> bool:
            status = child.reap(time.monotonic())
            statuses.extend([] if status is None else [status])
            return bool(statuses)

        try:
            self.wait_until(ended, program.name, limit_s)
        finally:
            child.kill()
        if statuses != [0]:
            raise StartError(f"{program.name} failed: {last_words(program.log)}")

    def run(self) -> None:
        """Look after the programs until somebody asks to stop."""
        self._starting = False
        while not self._wishes_to_stop:
            self._look_after(None)

    def pids(self) -> dict[str, int | None]:
        """Return the process id of each program."""
        return {child.program.name: child.pid for group in self._groups for child in group}

    def _note_wish(self, _number: int, _frame: FrameType | None) -> None:
        self._wishes_to_stop += 1

    def _look_after(self, limit_s: float | None) -> None:
        """Wait for a signal, a start that falls due or the limit; then reap and restart."""
        children = [child for group in self._groups for child in group]
        due = [child.due_s for child in children if child.pid is None]
        now_s = time.monotonic()
        waits = [limit_s] if limit_s is not None else []
        waits += [max(0.0, min(due) - now_s)] if due else []
        self._await_signal(min(waits) if waits else None)
        now_s = time.monotonic()
        for child in children:
            status = child.reap(now_s)
            if status is not None:
                self._mourn(child, status, now_s)
            if child.pid is None and child.due_s <= now_s:
                child.start(now_s)

    def _mourn(self, child: Child, status: int, now_s: float) -> None:
        name, words = child.program.name, last_words(child.program.log)
        if self._starting and child.deaths >= DEATHS_AT_START:
            message = f"{name} does not start: {words} (see {child.program.log})"
            raise StartError(message)
        how = f"signal {-status}" if status < 0 else f"status {status}"
        self._say(f"{name} ended with {how}; it starts again in {child.due_s - now_s:.1f} s")

    def _await_signal(self, limit_s: float | None) -> None:
        if self._wishes_to_stop and self._starting:
            return
        if select.select([self._wake_r], [], [], limit_s)[0]:
            os.read(self._wake_r, WAKE_BYTES)

    def _stop_all(self) -> None:
        for group in reversed(self._groups):
            for child in group:
                child.ask_to_stop()
            self._await_end(group)
        self._groups.clear()

    def _await_end(self, group: list[Child]) -> None:
        """Wait for a group to end; kill what is over its time, or all at a second wish."""
        asked_s, wishes = time.monotonic(), self._wishes_to_stop
        while alive := [child for child in group if child.pid is not None]:
            now_s = time.monotonic()
            for child in alive:
                child.reap(now_s)
                left_s = asked_s + child.program.grace_s - now_s
                if child.pid is not None and (left_s <= 0 or self._wishes_to_stop > wishes):
                    self._say(f"{child.program.name} does not stop; killing it")
                    child.kill()
            if any(child.pid is not None for child in alive):
                self._await_signal(LOOK_EVERY_S)
