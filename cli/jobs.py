"""The commands that look at jobs, change their course and fetch what came of them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import screen, watching
from cli.client import Client, item_path, job_path
from cli.failure import ExitCode, Failure
from cli.options import DataDirOption, JsonOption, UrlOption, connect

DEFAULT_JOBS = 20
MOST_JOBS = 200
# As the service has them; a wrong one is told before anything is uploaded or awaited.
FORMATS = ("w3c", "legacy", "css", "scss", "react", "tailwind", "tailwind3", "html", "zip")

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
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", help="Only jobs with this label, name=value; may be repeated."),
    ] = None,
    *,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List your jobs, the newest first."""
    chosen = {"limit": limit, "label": labels or []} | ({"status": status} if status else {})
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
        typer.Option("--format", "-f", help=f"{', '.join(FORMATS)}; may be repeated."),
    ],
    out: OutOption = Path(),
    item: Annotated[str | None, typer.Option(help="Export this image's tokens alone.")] = None,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Write a job's tokens as files, and print their paths."""
    chosen = known_formats(formats)
    with connect(url, data_dir) as client:
        write_exports(client, job_id, chosen, out, item)


def known_formats(wanted: Iterable[str]) -> list[str]:
    """Return formats, which may also stand together behind commas.

    Raises:
        Failure: One is not known.
    """
    names = [name.strip() for names in wanted for name in names.split(",")]
    for name in names:
        if name not in FORMATS:
            message = f"no export format {name!r}; there are {', '.join(FORMATS)}"
            raise Failure(message, ExitCode.WRONG_USAGE)
    return names


def write_exports(
    client: Client, job_id: str, formats: Iterable[str], out: Path, item: str | None = None
) -> None:
    """Download exports in some formats, and print the paths of the files."""
    chosen = {"item": item} if item else {}
    for name in formats:
        path = f"{job_path(job_id)}/export/{name}"
        screen.out.print(str(client.download(path, out, params=chosen)), markup=False)


def cancel(
    job_id: JobArgument,
    item: Annotated[str | None, typer.Option(help="Cancel this image alone: item_…")] = None,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Cancel what is not done of a job; what is done stays."""
    path = item_path(job_id, item) if item else job_path(job_id)
    with connect(url, data_dir) as client:
        canceled = client.post(f"{path}/cancel")
    if as_json:
        screen.show_json(canceled)
    elif item:
        screen.show_items([canceled])
    else:
        screen.show_job(canceled)


def retry(
    job_id: JobArgument,
    items: Annotated[
        list[str] | None,
        typer.Option("--item", help="Try this image alone again; may be repeated."),
    ] = None,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Try again what failed or was canceled of a job."""
    with connect(url, data_dir) as client:
        job = client.post(f"{job_path(job_id)}/retry", json={"items": items} if items else {})
    if as_json:
        screen.show_json(job)
        return
    screen.show_job(job)
    screen.say(f"watch it with: copythat watch {job['id']}")


def delete(
    job_id: JobArgument,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    *,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a job that has ended, with its images and all that came of them."""
    if not is_sure and not screen.confirm(f"delete {job_id} and all that came of it?"):
        raise Failure("nothing was deleted; --yes deletes without asking", ExitCode.WRONG_USAGE)
    with connect(url, data_dir) as client:
        client.call("DELETE", job_path(job_id))
    screen.say(f"deleted {job_id}")


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
