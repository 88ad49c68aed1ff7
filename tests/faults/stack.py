"""The whole service as processes: each on its own, or as `copythat up` runs them."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from cli import data_dir, servers, service
from cli.data_dir import DataDir
from cli.program import Program
from cli.service import Address, WorkerQueue
from shared.db.migrate import migrate
from tests.end_to_end.conftest import COPYTHAT
from tests.faults.programs import Programs
from tests.programs import environment, free_port

# One call at a time, so that a kill loses one at most.
CLAUDE_THREADS = 1
CV_PROCESSES = 2
IO_THREADS = 2


class Stack(Programs):
    """PostgreSQL, Redis, a worker a queue, the pump and the API, each on its own."""

    def __init__(self, place: DataDir, claude_url: str, variables: Mapping[str, str]) -> None:
        """Prepare the programs; ``start_all`` runs them."""
        super().__init__()
        self.place = place
        self._account = servers.server_account(place)
        self._binaries = servers.postgres_binaries(self._account)
        servers.prepare_postgres(place, self._binaries, self._account)
        self._sockets = data_dir.make_socket_dir(place, self._account)
        self._address = Address("127.0.0.1", free_port())
        self._variables = environment(
            COPYTHAT_DATABASE_URL=self.database_url,
            COPYTHAT_BROKER_URL=self.broker_url,
            COPYTHAT_DATA_DIR=str(place.path),
            COPYTHAT_SECRET_KEY=place.secret_key(),
            PYTHONPATH=service.python_path(),
            PYTHONUNBUFFERED="1",
            OPENCV_FOR_THREADS_NUM="1",
            OMP_NUM_THREADS="1",
            **claude_variables(claude_url),
            **variables,
        )

    @property
    def url(self) -> str:
        """Where the API is."""
        return self._address.url

    @property
    def sockets(self) -> Path:
        """Where the sockets of PostgreSQL and Redis are."""
        return self._sockets

    def start_all(self) -> None:
        """Start every program, and wait until the API is ready."""
        postgres = servers.postgres_program(
            self.place, self._binaries, self.sockets, self._account
        )
        self.start(postgres)
        self.start(servers.redis_program(self.place, self.sockets))
        self.until(lambda: servers.postgres_ready(self.place))
        self.until(lambda: servers.redis_ready(self.sockets))
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


@contextmanager
def running_stack(directory: Path, claude_url: str, **variables: str) -> Iterator[Stack]:
    """Run a stack in a directory, with more in its environment, until the block ends."""
    with data_dir.claim(directory) as place:
        stack = Stack(place, claude_url, variables)
        with closing(stack):
            stack.start_all()
            yield stack


class Up(Programs):
    """`copythat up` as one program, which is started again when it is killed."""

    NAME = "up"

    def __init__(self, directory: Path, claude_url: str) -> None:
        """Prepare the program; ``start`` runs it."""
        super().__init__()
        self._directory = directory
        self._url = Address("127.0.0.1", free_port()).url
        # Short, and open to PostgreSQL's own account.
        self._sockets_base = Path(tempfile.mkdtemp())
        self._sockets_base.chmod(0o755)
        self._variables = environment(
            XDG_RUNTIME_DIR=str(self._sockets_base), **claude_variables(claude_url)
        )

    @property
    def url(self) -> str:
        """Where the API is."""
        return self._url

    @property
    def sockets(self) -> Path:
        """Where the sockets of PostgreSQL and Redis are."""
        (found,) = self._sockets_base.iterdir()
        return found

    def program(self) -> Program:
        """Return the command."""
        port = self._url.rpartition(":")[2]
        options = ("--data-dir", str(self._directory), "--claude-workers", str(CLAUDE_THREADS))
        return Program(
            name=self.NAME,
            command=(str(COPYTHAT), "up", "--port", port, *options),
            directory=Path("/"),
            log=self._directory / "up.log",
            environment=self._variables,
            grace_s=60.0,
        )

    def api_key(self) -> str:
        """Return the key of this machine's own user."""
        return str(json.loads((self._directory / "credentials.json").read_text())["api_key"])

    def close(self) -> None:
        """Stop it and remove its sockets."""
        super().close()
        shutil.rmtree(self._sockets_base)


def claude_variables(url: str) -> Mapping[str, str]:
    """Return the settings that lead to a Claude of our own."""
    return {"ANTHROPIC_API_KEY": "test-key", "ANTHROPIC_BASE_URL": url}


@contextmanager
def running_up(directory: Path, claude_url: str) -> Iterator[Up]:
    """Run `copythat up` until the block ends."""
    with closing(Up(directory, claude_url)) as up:
        up.start(up.program())
        up.until((directory / "credentials.json").exists)
        yield up
