"""`copythat estimate`: what a job would cost, before anything is handed in."""

import json
from typing import Annotated, Any

import typer

from cli import screen
from cli.options import DataDirOption, JsonOption, UrlOption, connect
from cli.uploads import find_files, form_files


def estimate(  # noqa: PLR0913 -- one parameter an option
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="Images, archives, folders or globs.")
    ],
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
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    force: Annotated[bool, typer.Option("--force", help="As if no result were at hand.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell what a job of these files would cost; nothing is queued, no file is kept."""
    options = {
        "mode": mode,
        "model": model,
        "claude": claude,
        "token_types": [t for types in token_types or [] for t in types.split(",")],
        "force": force or None,
    }
    chosen = {key: value for key, value in options.items() if value not in (None, [])}
    files = find_files(paths)
    with (
        connect(url, data_dir) as client,
        screen.upload_progress(sum(file.size_bytes for file in files)) as count,
    ):
        answer: dict[str, Any] = client.post(
            "/jobs/estimate",
            data={"options": json.dumps(chosen)},
            files=form_files(files, count),
        )
    if as_json:
        screen.show_json(answer)
    else:
        screen.show_estimate(answer)
