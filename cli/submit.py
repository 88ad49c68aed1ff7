"""`copythat submit`: local files to a job, and, if wished, to its end and its exports."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import jobs, screen, watching
from cli.client import Client
from cli.jobs import OutOption
from cli.options import DataDirOption, JsonOption, UrlOption, connect
from cli.uploads import LocalFile, find_files, form_files


def submit(  # noqa: PLR0913 -- one parameter an option
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="Images, archives, folders or globs.")
    ],
    name: Annotated[str | None, typer.Option(help="What to call the job.")] = None,
    mode: Annotated[str | None, typer.Option(help="hybrid (Claude names) or cv (rules).")] = None,
    model: Annotated[str | None, typer.Option(help="The Claude model.")] = None,
    token_types: Annotated[
        list[str] | None,
        typer.Option("--token-type", help="Only this type of token; may be repeated."),
    ] = None,
    priority: Annotated[str | None, typer.Option(help="normal or low.")] = None,
    *,
    exports: Annotated[
        list[str] | None,
        typer.Option("--export", help="Wait, and write this format; may be repeated."),
    ] = None,
    out: OutOption = Path(),
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Work even where a result is at hand.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the job has ended.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Submit screenshots; prints the job's id.

    Exit codes: 0 done, 1 the job failed, 2 wrong usage, 3 partly failed, 4 out of reach.
    """
    options = {
        "name": name,
        "mode": mode,
        "model": model,
        "token_types": [t for types in token_types or [] for t in types.split(",")],
        "priority": priority,
        "force": force,
    }
    files = find_files(paths)
    with connect(url, data_dir) as client:
        job = send(client, files, {key: value for key, value in options.items() if value})
        if not wait and not exports:
            _acknowledge(job, as_json=as_json)
            return
        job = watching.follow(client, job["id"])
        jobs.report(client, job, as_json=as_json)
        if exports and job["counts"]["succeeded"]:
            jobs.write_exports(client, job["id"], exports, out)
    jobs.leave(job)


def send(client: Client, files: list[LocalFile], options: dict[str, Any]) -> dict[str, Any]:
    """Stream files to a new job behind a progress bar, and return the job.

    Raises:
        Failure: The service is out of reach or refuses, or a file cannot be read.
    """
    try:
        with screen.upload_progress(sum(file.size_bytes for file in files)) as count:
            job: dict[str, Any] = client.post(
                "/jobs", data={"options": json.dumps(options)}, files=form_files(files, count)
            )
    except KeyboardInterrupt as error:
        screen.say("nothing was submitted")
        raise typer.Exit(watching.INTERRUPTED) from error
    return job


def _acknowledge(job: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        screen.show_json(job)
        return
    screen.out.print(job["id"], markup=False)
    screen.say(f"watch it with: copythat watch {job['id']}")
