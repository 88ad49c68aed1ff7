"""`copythat submit`: local files to a job, and, if wished, to its end and its exports."""

import json
import time
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from cli import jobs, screen, watching
from cli.client import Client
from cli.failure import ExitCode, Failure, Limited, LostConnection
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
    claude: Annotated[
        str | None, typer.Option(help="interactive, or batch: half the price, within a day.")
    ] = None,
    token_types: Annotated[
        list[str] | None,
        typer.Option("--token-type", help="Only this type of token; may be repeated."),
    ] = None,
    *,
    priority: Annotated[str | None, typer.Option(help="normal or low.")] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", help="name=value, to find the job by; may be repeated."),
    ] = None,
    deadline_s: Annotated[
        float | None,
        typer.Option("--deadline", help="Seconds after which images that are not done fail."),
    ] = None,
    max_cost_usd: Annotated[
        float | None,
        typer.Option("--max-cost", help="USD that Claude may cost; then names come from rules."),
    ] = None,
    webhook_url: Annotated[
        str | None, typer.Option(help="Address that is told when the job ends.")
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(help="The same key and files again give the same job; default: a new key."),
    ] = None,
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
        "claude": claude,
        "token_types": [t for types in token_types or [] for t in types.split(",")],
        "priority": priority,
        "labels": dict(_label(label) for label in labels or []),
        "deadline_s": deadline_s,
        "max_cost_usd": max_cost_usd,
        "webhook_url": webhook_url,
        "force": force or None,
    }
    chosen = {key: value for key, value in options.items() if value not in (None, [], {})}
    formats = jobs.known_formats(exports or [])
    files = find_files(paths)
    with connect(url, data_dir) as client:
        job = send(client, files, chosen, idempotency_key)
        if not wait and not formats:
            _acknowledge(job, as_json=as_json)
            return
        job = watching.follow(client, job["id"])
        jobs.report(client, job, as_json=as_json)
        if formats and job["counts"]["succeeded"]:
            jobs.write_exports(client, job["id"], formats, out)
    jobs.leave(job)


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Failure(f"the label {text!r} is not of the form name=value", ExitCode.WRONG_USAGE)
    return name, value


def send(
    client: Client, files: list[LocalFile], options: dict[str, Any], key: str | None = None
) -> dict[str, Any]:
    """Stream files to a new job, and return the job.

    A connection that is lost may have been lost after the job was stored, so the request is sent
    again under the same Idempotency-Key, which makes no second job.

    Args:
        client: The service.
        files: What to send.
        options: The job's.
        key: The Idempotency-Key; default: a new one.

    Raises:
        Failure: The service is out of reach or refuses, or a file cannot be read.
    """
    key = key or uuid4().hex
    try:
        return _send_once(client, files, options, key)
    except LostConnection as lost:
        screen.say(f"{lost}; sending again")
    except Limited as limited:
        screen.say(f"{limited}; sending again then")
        time.sleep(limited.wait_s)
    deadline = time.monotonic() + watching.PATIENCE_S
    while True:
        time.sleep(watching.RETRY_EVERY_S)
        try:
            return _send_once(client, files, options, key)
        except Failure as failure:
            # A service that restarts refuses connections, and then has no database for a moment.
            if failure.exit_code is not ExitCode.UNREACHABLE or time.monotonic() > deadline:
                raise


def _send_once(
    client: Client, files: list[LocalFile], options: dict[str, Any], key: str
) -> dict[str, Any]:
    """Stream files behind a progress bar; see ``send``."""
    try:
        with screen.upload_progress(sum(file.size_bytes for file in files)) as count:
            job: dict[str, Any] = client.post(
                "/jobs",
                data={"options": json.dumps(options)},
                files=form_files(files, count),
                headers={"Idempotency-Key": key},
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
