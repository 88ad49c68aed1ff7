"""The commands that look at jobs and fetch what came of them."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import screen
from cli.client import Client, job_path
from cli.failure import ExitCode, Failure
from cli.options import DataDirOption, JsonOption, UrlOption, connect

ENDED = frozenset({"succeeded", "partially_succeeded", "failed", "canceled", "expired"})
# A service that restarts is back by then; one that is not is taken for gone.
PATIENCE_S = 30.0
RETRY_EVERY_S = 0.5
# As shells report a program that Ctrl-C ended: 128 and the number of SIGINT.
INTERRUPTED = 130
DEFAULT_JOBS = 20
MOST_JOBS = 200

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's id: job_…")]
OutOption = Annotated[Path, typer.Option(help="Folder that exports are written to.")]


def status(
    job_id: JobArgument,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show where a job stands."""
    with connect(url, data_dir) as client:
        job = client.get(job_path(job_id))
    if as_json:
        screen.show_json(job)
    else:
        screen.show_job(job)
    leave(job)


def watch(
    job_id: JobArgument,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Follow a job to its end."""
    with connect(url, data_dir) as client:
        job = follow(client, job_id)
        report(client, job, as_json=as_json)
    leave(job)


def items(
    job_id: JobArgument,
    status: Annotated[
        str | None,
        typer.Option(help="Only those: queued, running, waiting, succeeded, failed, canceled."),
    ] = None,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List the images of a job."""
    chosen = {"status": status} if status else {}
    with connect(url, data_dir) as client:
        rows = list(client.pages(f"{job_path(job_id)}/items", **chosen))
    if as_json:
        screen.show_json({"data": rows, "next_cursor": None})
    else:
        screen.show_items(rows)


def list_jobs(
    limit: Annotated[int, typer.Option(min=1, max=MOST_JOBS, help="The newest so many.")] = (
        DEFAULT_JOBS
    ),
    status: Annotated[str | None, typer.Option(help="Only jobs with this status.")] = None,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List your jobs, the newest first."""
    chosen = {"limit": limit} | ({"status": status} if status else {})
    with connect(url, data_dir) as client:
        page = client.get("/jobs", params=chosen)
    if as_json:
        screen.show_json(page)
    else:
        screen.show_jobs(page["data"])


def export(
    job_id: JobArgument,
    formats: Annotated[
        list[str],
        typer.Option("--format", "-f", help="w3c, css, scss, react, tailwind, tailwind3 or zip."),
    ],
    out: OutOption = Path(),
    item: Annotated[str | None, typer.Option(help="Export this image's tokens alone.")] = None,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Write a job's tokens as files, and print their paths."""
    with connect(url, data_dir) as client:
        write_exports(client, job_id, formats, out, item)


def write_exports(
    client: Client, job_id: str, formats: Iterable[str], out: Path, item: str | None = None
) -> None:
    """Download exports in some formats, which may also stand together behind commas."""
    chosen = {"item": item} if item else {}
    for name in (name.strip() for names in formats for name in names.split(",")):
        path = f"{job_path(job_id)}/export/{name}"
        screen.out.print(str(client.download(path, out, params=chosen)), markup=False)


def follow(client: Client, job_id: str) -> dict[str, Any]:
    """Show a job's progress until it ends; Ctrl-C leaves the job alone and says how to go on.

    Raises:
        Failure: The service stays out of reach, or there is no such job.
    """
    try:
        with screen.job_progress() as show:
            tag: str | None = None
            while True:
                job, tag = _next_state(client, job_id, tag)
                if job is not None:
                    show(job)
                    if job["status"] in ENDED:
                        return job
    except KeyboardInterrupt as error:
        screen.say(f"the job goes on; watch it with: copythat watch {job_id}")
        raise typer.Exit(INTERRUPTED) from error


def _next_state(
    client: Client, job_id: str, tag: str | None
) -> tuple[dict[str, Any] | None, str | None]:
    """Ask for the next state of a job, over a restart of the service."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return client.job_after(job_id, tag)
        except Failure as failure:
            gone = failure.exit_code is ExitCode.UNREACHABLE
            if not gone or time.monotonic() > deadline_s:
                raise
        time.sleep(RETRY_EVERY_S)


def report(client: Client, job: dict[str, Any], *, as_json: bool) -> None:
    """Show what came of a job: counts, tokens, and the items that failed."""
    if as_json:
        screen.show_json(job)
        return
    screen.show_job(job)
    if job["counts"]["succeeded"]:
        screen.show_token_counts(client.get(f"{job_path(job['id'])}/tokens"))
    if job["counts"]["failed"]:
        screen.show_items(client.pages(f"{job_path(job['id'])}/items", status="failed"))


def leave(job: dict[str, Any]) -> None:
    """End the command with the exit code that a job's status amounts to."""
    codes = {
        "partially_succeeded": ExitCode.PARTLY_FAILED,
        "failed": ExitCode.JOB_FAILED,
        "canceled": ExitCode.JOB_FAILED,
        "expired": ExitCode.JOB_FAILED,
    }
    raise typer.Exit(codes.get(job["status"], ExitCode.DONE))
