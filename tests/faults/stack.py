"""The whole service as processes that a test may kill, freeze and keep away, one by one.

Unlike `copythat up`, which mends what dies, a stack mends only while a test waits in ``until``,
and never what the test keeps away.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from cli import data_dir, servers, service
from cli.data_dir import DataDir
from cli.program import Child, Program
from cli.service import Address, WorkerQueue
from shared.db.engine import connect
from shared.db.migrate import migrate
from tests.programs import environment, free_port

# Longer than all that a fault may cost by design: a lease (60 s), waits before new tries, and
# starts of programs on a machine that is busy with other things.
WITHIN_S = 240.0
LOOK_EVERY_S = 0.02
PROBE_TIMEOUT_S = 2.0

# One call at a time, so that a kill loses one at most.
CLAUDE_THREADS = 1
CV_PROCESSES = 2
IO_THREADS = 2


class Stack:
    """PostgreSQL, Redis, a worker a queue, the pump and the API."""

    def __init__(self, place: DataDir, claude_url: str, variables: Mapping[str, str]) -> None:
        """Prepare the programs; ``start_all`` runs them."""
        self.place = place
        self._account = servers.server_account(place)
        self._binaries = servers.postgres_binaries(self._account)
        servers.prepare_postgres(place, self._binaries, self._account)
        self.sockets = data_dir.make_socket_dir(place, self._account)
        self._address = Address("127.0.0.1", free_port())
        self.database_url = servers.database_url(self.sockets)
        self.broker_url = servers.broker_url(self.sockets)
        self._variables = environment(
            COPYTHAT_DATABASE_URL=self.database_url,
            COPYTHAT_BROKER_URL=self.broker_url,
            COPYTHAT_DATA_DIR=str(place.path),
            COPYTHAT_SECRET_KEY=place.secret_key(),
            ANTHROPIC_API_KEY="test-key",
            ANTHROPIC_BASE_URL=claude_url,
            PYTHONPATH=service.python_path(),
            PYTHONUNBUFFERED="1",
            OPENCV_FOR_THREADS_NUM="1",
            OMP_NUM_THREADS="1",
            **variables,
        )
        self._children: dict[str, Child] = {}
        self._away: set[str] = set()
        self.kills = 0

    @property
    def url(self) -> str:
        """Where the API is."""
        return self._address.url

    def engine(self) -> Engine:
        """Return a new pool of connections to the database."""
        return connect(self.database_url)

    def start_all(self) -> None:
        """Start every program, and wait until the API is ready."""
        postgres = servers.postgres_program(
            self.place, self._binaries, self.sockets, self._account
        )
        self.start(postgres)
        self.start(servers.redis_program(self.place, self.sockets))
        self.until(self.postgres_ready)
        self.until(self.redis_ready)
        migrate(self.database_url)
        self.start(self.worker(WorkerQueue.CV, CV_PROCESSES))
        self.start(self.worker(WorkerQueue.CLAUDE, CLAUDE_THREADS))
        self.start(self.worker(WorkerQueue.IO, IO_THREADS))
        self.start(self.program("pump", service.pump_command()))
        self.start(self.program("api", service.api_command(self._address)))
        self.until(self.api_ready)

    def program(self, name: str, command: tuple[str, ...], **variables: str) -> Program:
        """Return one of our programs, with more in its environment."""
        return service.program(self.place, name, command, self._variables | variables)

    def worker(
        self, queue: WorkerQueue, concurrency: int, name: str = "", **variables: str
    ) -> Program:
        """Return a worker, by default called after its queue: ``worker-cv``."""
        name = name or f"worker-{queue}"
        # Two workers of one name would disturb each other, and two of a queue have one.
        command = service.worker_command([queue], concurrency)
        return self.program(name, (*command, "-n", f"{name}@%h"), **variables)

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

    def postgres_ready(self) -> bool:
        """Tell whether PostgreSQL takes connections."""
        return servers.postgres_ready(self.place)

    def redis_ready(self) -> bool:
        """Tell whether Redis answers."""
        return servers.redis_ready(self.sockets)

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

    def stop_all(self) -> None:
        """Stop what runs, the last started first."""
        for child in reversed(self._children.values()):
            self._resume(child)
            child.end()


def _wait_until(condition: Callable[[], object], what: str, within_s: float = WITHIN_S) -> None:
    pause = threading.Event()
    deadline_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline_s:
            pytest.fail(f"not true within {within_s:.0f} s: {what}")
        pause.wait(LOOK_EVERY_S)


@contextmanager
def running_stack(directory: Path, claude_url: str, **variables: str) -> Iterator[Stack]:
    """Run a stack in a directory until the block ends."""
    with data_dir.claim(directory) as place:
        stack = Stack(place, claude_url, variables)
        with ExitStack() as closing:
            closing.callback(stack.stop_all)
            stack.start_all()
            yield stack
