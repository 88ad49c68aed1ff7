"""The programs that make up the service, as commands and their environment.

They are started as processes and never imported, so that this package stays a client of HTTP.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from cli.data_dir import DataDir
from cli.program import Program
from shared.settings import Settings

# What the programs are imported from: a checkout, or the packages of an installation.
IMPORT_ROOT = Path(__file__).resolve().parents[1]
# Programs start in a directory without packages, or Python would take an `api` or `workers`
# folder of whoever starts them for ours.
NEUTRAL_DIRECTORY = Path("/")
# A worker ends what it has in hand for 15 s, then gives the rest back.
WORKER_GRACE_S = 20.0
# The API lets requests that are under way end for 20 s by itself.
API_GRACE_S = 25.0
# Waiting for Claude and for disks costs a thread, not a core.
CLAUDE_THREADS = 16
IO_THREADS = 8
# Measuring takes every core for as long as there is work; answers to users go before it.
CV_NICENESS = 10
# Messages to users' servers have a queue, so that they crowd out nothing, and no worker. They
# take no more than half the threads of io.
WEBHOOKS = ("webhooks",)


class WorkerQueue(StrEnum):
    """The queues that a worker can serve."""

    CV = "cv"  # pixels: a process a core
    CLAUDE = "claude"  # waiting for Claude: threads
    IO = "io"  # archives and rows: threads


@dataclass(frozen=True, slots=True)
class Address:
    """Where the API listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as a client on this machine uses it."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104 -- compared
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def default_concurrency(queue: WorkerQueue) -> int:
    """Return how many units of a queue one machine works on at once."""
    cores = len(os.sched_getaffinity(0))
    return {
        WorkerQueue.CV: cores,
        WorkerQueue.CLAUDE: CLAUDE_THREADS,
        WorkerQueue.IO: IO_THREADS,
    }[queue]


def api_command(address: Address) -> tuple[str, ...]:
    """Return the command of the API."""
    return python("api", "--host", address.host, "--port", str(address.port))


def worker_command(queues: Sequence[WorkerQueue], concurrency: int) -> tuple[str, ...]:
    """Return the command of a Celery worker on some queues.

    Pixels need processes; a worker without them serves its queues with threads.
    """
    pool = "prefork" if WorkerQueue.CV in queues else "threads"
    served = ",".join((*queues, *(WEBHOOKS if WorkerQueue.IO in queues else ())))
    options = (
        *("-A", "workers.app", "worker", "-Q", served, "-P", pool, "-c", str(concurrency)),
        *("-n", f"{'-'.join(queues)}@%h", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle"),
    )
    return python("celery", *options)


def pump_command() -> tuple[str, ...]:
    """Return the command of the pump."""
    return python("workers.pump")


def migrate_command(*arguments: str) -> tuple[str, ...]:
    """Return the command that brings the schema up to date."""
    return python("shared.db.migrate", *arguments)


def account_command(*arguments: str) -> tuple[str, ...]:
    """Return the command that makes and changes accounts."""
    return python("api.accounts", *arguments)


def measure_command(paths: Sequence[str], overlay: str | None = None) -> tuple[str, ...]:
    """Return the command that measures local images and draws them into a folder if given."""
    drawn = ("--overlay", overlay) if overlay else ()
    return python("workers.local", *paths, "--jsonl", *drawn)


def doctor_command() -> tuple[str, ...]:
    """Return the command that looks at all that the service needs."""
    return python("workers.doctor")


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs a module with this interpreter."""
    return (sys.executable, "-m", module, *arguments)


def environment(settings: Settings, **overrides: str) -> dict[str, str]:
    """Return the environment of our programs: what we were given, with the settings as read.

    Settings may come from a `.env` in the directory of whoever starts us, which the programs
    would not find where they start.
    """
    named = {
        _variable(name): _text(getattr(settings, name))
        for name in settings.model_fields_set
        if getattr(settings, name) is not None
    }
    return {
        **os.environ,
        **named,
        "PYTHONPATH": python_path(),
        "PYTHONUNBUFFERED": "1",
        # One thread a process: parallel work is the workers' (and OpenCV's pool hangs in forks).
        "OPENCV_FOR_THREADS_NUM": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        **overrides,
    }


def python_path() -> str:
    """Return where our processes look for modules: our own before all else."""
    parts = (str(IMPORT_ROOT), os.environ.get("PYTHONPATH", ""))
    return os.pathsep.join(part for part in parts if part)


def _variable(name: str) -> str:
    alias = Settings.model_fields[name].alias
    return alias or f"COPYTHAT_{name.upper()}"


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def workers(place: DataDir, variables: dict[str, str], cv: int, claude: int) -> list[Program]:
    """Return a worker for each queue."""
    sizes = {WorkerQueue.CV: cv, WorkerQueue.CLAUDE: claude, WorkerQueue.IO: IO_THREADS}
    programs = [
        program(place, f"worker-{queue}", worker_command([queue], size), variables, WORKER_GRACE_S)
        for queue, size in sizes.items()
    ]
    return [
        replace(each, niceness=CV_NICENESS) if queue is WorkerQueue.CV else each
        for queue, each in zip(sizes, programs, strict=True)
    ]


def program(
    place: DataDir,
    name: str,
    command: tuple[str, ...],
    variables: dict[str, str],
    grace_s: float = 10.0,
) -> Program:
    """Return one of our programs, which logs to a file of its name."""
    return Program(
        name=name,
        command=command,
        directory=NEUTRAL_DIRECTORY,
        log=place.logs / f"{name}.log",
        environment=variables,
        grace_s=grace_s,
    )
