"""The commands that run parts of the service: all of it, or one process each."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli import options, screen, servers, service, up
from cli.data_dir import find_socket_dir
from cli.options import DataDirOption
from cli.service import Address, WorkerQueue
from shared.settings import load_settings

DEFAULT_PORT = 8000
HIGHEST_PORT = 65_535

HostOption = Annotated[str, typer.Option(help="Address to listen on.")]
PortOption = Annotated[
    int, typer.Option(min=0, max=HIGHEST_PORT, help="Port to listen on; 0 takes a free one.")
]


def run_up(
    port: PortOption = DEFAULT_PORT,
    host: HostOption = "127.0.0.1",
    data_dir: DataDirOption = None,
    cv_workers: Annotated[
        int | None, typer.Option(min=1, help="Images measured at once; default: one a core.")
    ] = None,
    claude_workers: Annotated[
        int, typer.Option(min=1, help="Calls to Claude at once.")
    ] = service.CLAUDE_THREADS,
) -> None:
    """Run the whole service on this machine until Ctrl-C.

    PostgreSQL and Redis are started too, unless COPYTHAT_DATABASE_URL and COPYTHAT_BROKER_URL
    name others. The same data directory finds its jobs again.
    """
    settings = load_settings()
    wanted = up.UpOptions(
        address=Address(host, port),
        data_dir=data_dir or settings.data_dir,
        cv_workers=cv_workers or service.default_concurrency(WorkerQueue.CV),
        claude_workers=claude_workers,
    )
    up.run_service(wanted, settings)


def run_api(port: PortOption = DEFAULT_PORT, host: HostOption = "127.0.0.1") -> None:
    """Run the HTTP API alone."""
    become(service.api_command(Address(host, port)))


def run_worker(
    queues: Annotated[
        str, typer.Option(help="Queues to serve, separated by commas: cv, claude, io.")
    ],
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Units worked on at once; default: fits the queue.")
    ] = None,
) -> None:
    """Run one worker alone."""
    chosen = _queues(queues)
    size = concurrency or max(service.default_concurrency(queue) for queue in chosen)
    become(service.worker_command(chosen, size))


def _queues(names: str) -> list[WorkerQueue]:
    try:
        return [WorkerQueue(name.strip()) for name in names.split(",")]
    except ValueError as error:
        known = ", ".join(WorkerQueue)
        message = f"{names!r} names an unknown queue; there are {known}"
        raise typer.BadParameter(message, param_hint="--queues") from error


def run_pump() -> None:
    """Run the pump alone: it takes back lost work and hands out hints."""
    become(service.pump_command())


def run_migrate() -> None:
    """Bring the database's schema up to date."""
    become(service.migrate_command())


def rotate_key(data_dir: DataDirOption = None) -> None:
    """Sign with a new key from the next `copythat up` on.

    What the former key has signed is accepted until the next change: sessions go on. Change it
    twice to make stolen ones worthless.
    """
    options.data_dir(data_dir).rotate_secret_key()
    screen.say("there is a new key; it signs when `copythat up` starts again")


def measure(
    paths: Annotated[list[str], typer.Argument(help="Images, or folders of images.")],
    jsonl: Annotated[  # noqa: ARG001, FBT002 -- the only form there is, named for what may come
        bool, typer.Option("--jsonl", help="One JSON line an image (the only form).")
    ] = True,
    overlay: Annotated[
        Path | None,
        typer.Option(help="Draw each image with its measures into this folder, as SVG."),
    ] = None,
) -> None:
    """Measure local images without any service; one JSON line an image, in CSS pixels."""
    drawn = str(overlay.absolute()) if overlay else None
    command = service.measure_command([str(Path(path).absolute()) for path in paths], drawn)
    become(command)


def doctor(data_dir: DataDirOption = None) -> None:
    """Look at key, model, database, broker and storage; a line each, exit code 1 on a failure.

    Database and broker are those of the settings, else those of a running `copythat up`.
    """
    become(service.doctor_command(), **running_service(data_dir))


def running_service(data_dir: Path | None) -> dict[str, str]:
    """Return the settings that lead to database and broker of a running `copythat up`.

    Those that were set otherwise are left as they are.
    """
    place, settings = options.data_dir(data_dir), load_settings()
    found = {"COPYTHAT_DATA_DIR": str(place.path)}
    sockets = find_socket_dir(place)
    if sockets is not None and "database_url" not in settings.model_fields_set:
        found["COPYTHAT_DATABASE_URL"] = servers.database_url(sockets)
    if sockets is not None and "broker_url" not in settings.model_fields_set:
        found["COPYTHAT_BROKER_URL"] = servers.broker_url(sockets)
    return found


def become(command: tuple[str, ...], **overrides: str) -> None:
    """Go on as another program, which so gets our signals and gives our exit code."""
    variables = service.environment(load_settings(), **overrides)
    os.chdir(service.NEUTRAL_DIRECTORY)
    os.execve(command[0], command, variables)  # noqa: S606 -- our own programs
