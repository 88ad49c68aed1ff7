"""The commands that look at jobs and fetch what came of them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import screen, watching
from cli.client import Client, job_path
from cli.failure import ExitCode
from cli.options import DataDirOption, JsonOption, UrlOption, connect

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
        job = watching.follow(client, job_id)
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
