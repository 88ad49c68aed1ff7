"""`copythat demo`: the main job from nothing, shown once.

Starts a service of its own on a free port, submits, exports, says what was found, stops.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import credentials, jobs, screen, service, watching
from cli.client import Client
from cli.data_dir import DataDir, claim, holder
from cli.failure import ExitCode, Failure
from cli.program import Child, Program, last_words
from cli.submit import send
from cli.uploads import find_files

# A file each; the zip would hold them all once more.
EXPORTS = tuple(name for name in jobs.FORMATS if name != "zip")
# The export that a person opens.
PAGE = "tokens.html"
# The service lives beside what it made, so that it can be looked at later.
SERVICE_FOLDER = ".service"
STARTED_S = 120.0
LOOK_EVERY_S = 0.1
# `up` stops its programs one group after the other, each in its own time.
STOP_S = 90.0


def demo(
    paths: Annotated[list[str], typer.Argument(metavar="PATH…", help="What to submit.")],
    out: Annotated[Path, typer.Option(help="Folder for the exports.")] = Path("out"),
) -> None:
    """Show the whole way: a fresh service, one job, its exports and what they hold."""
    files = find_files(paths)
    place = _fresh_place(out)
    with _own_service(place) as client:
        started_s = time.monotonic()
        job = watching.follow(client, send(client, files, {})["id"])
        seconds = time.monotonic() - started_s
        jobs.report(client, job, as_json=False)
        if job["counts"]["succeeded"]:
            jobs.write_exports(client, job["id"], EXPORTS, out)
        _say_where(place, job, seconds, out)
    jobs.leave(job)


def _fresh_place(out: Path) -> DataDir:
    """Return an empty place for the service, in the place of an earlier demo's.

    Raises:
        StartError: An earlier demo still runs there, or it cannot be written.
    """
    path = (out / SERVICE_FOLDER).absolute()
    with claim(path):
        shutil.rmtree(path)
    return DataDir(path)


@contextmanager
def _own_service(place: DataDir) -> Iterator[Client]:
    """Run `copythat up` in its own process until the block ends.

    Raises:
        Failure: It does not start.
    """
    log = place.path.with_name(f"{place.path.name}.log")
    log.unlink(missing_ok=True)
    program = Program(
        name="up",
        command=service.python("cli.main", "up", "--port", "0", "--data-dir", str(place.path)),
        directory=Path.cwd(),
        log=log,
        environment={**os.environ, "PYTHONPATH": service.python_path()},
        orphan_signal=signal.SIGTERM,
        grace_s=STOP_S,
    )
    screen.say("starting PostgreSQL, Redis, the API and the workers")
    child = Child(program, time.monotonic())
    child.start(time.monotonic())
    try:
        _await_start(child, place)
        yield Client.of(credentials.of_last_up(place))
    finally:
        screen.say("stopping the service")
        child.end()


def _await_start(child: Child, place: DataDir) -> None:
    deadline_s = time.monotonic() + STARTED_S
    while not holder(place).get("url"):
        ended = child.reap(time.monotonic()) is not None
        if ended or time.monotonic() > deadline_s:
            reason = last_words(child.program.log).removeprefix("copythat: ")
            raise Failure(f"the service does not start: {reason}", ExitCode.UNREACHABLE)
        time.sleep(LOOK_EVERY_S)


def _say_where(place: DataDir, job: dict[str, Any], seconds: float, out: Path) -> None:
    """Say how long it took and what it cost, and what to open in a browser."""
    total = screen.images(job["counts"]["total"])
    say = screen.out.print
    say(f"{total} in {seconds:.1f} s for {screen.dollars(job['cost']['usd'])}", markup=False)
    say(f"look at it: {(out / PAGE).absolute().as_uri()}", markup=False, soft_wrap=True)
    say(f"run it again: copythat up --data-dir {place.path}", markup=False, soft_wrap=True)
