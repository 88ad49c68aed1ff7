"""A real RabbitMQ for the tests: a node of their own, with nothing of the machine's."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import kombu
import pytest

from tests.conftest import until
from tests.programs import free_port

# Debian wraps the script in one that goes to another account and forgets the environment.
SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
# Erlang starts slowly, most of all beside other tests.
READY_WITHIN_S = 90.0


@contextmanager
def rabbitmq(directory: Path) -> Iterator["RabbitMQ"]:
    """Run a node until the block ends; without RabbitMQ on this machine the test is skipped."""
    if not SCRIPT.exists() or (port_mapper := shutil.which("epmd")) is None:
        pytest.skip("rabbitmq-server is not installed (apt-get install rabbitmq-server)")
    ports = str(free_port())
    environment = {
        **os.environ,
        "HOME": str(directory),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": ports,
    }
    mapper = subprocess.Popen([port_mapper, "-port", ports], env=environment)  # noqa: S603 -- Erlang's own
    try:
        with RabbitMQ(directory, environment) as node:
            yield node
    finally:
        mapper.kill()
        mapper.wait()


@dataclass(slots=True)
class RabbitMQ:
    """A node that can be killed, frozen and started again."""

    directory: Path
    environment: dict[str, str]
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.port = free_port()
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        """Start the node with whatever it kept, and wait until it takes connections."""
        variables = {
            "RABBITMQ_NODENAME": f"tests{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self.directory / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": "/dev/null",
        }
        with (self.directory / "rabbitmq.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- the system's own
                [SCRIPT],
                env=self.environment | variables,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._answers, within_s=READY_WITHIN_S)

    def kill(self) -> None:
        """Kill the node at once."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def restart_empty(self) -> None:
        """Kill the node and start one in its place that knows nothing."""
        self.kill()
        shutil.rmtree(self.directory / "data")
        self.start()

    def freeze(self) -> None:
        """Stop the node where it is: it keeps its connections and answers nothing."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen node go on."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "rabbitmq.log").read_text()
        try:
            with kombu.Connection(self.url, connect_timeout=1) as connection:
                connection.connect()
        except OSError:
            return False
        return True
