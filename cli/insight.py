"""The commands that judge a job's tokens."""

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli import screen
from cli.client import job_path
from cli.failure import ExitCode
from cli.options import DataDirOption, JsonOption, UrlOption, connect
from cli.values import describe

BeforeArgument = Annotated[str, typer.Argument(metavar="BEFORE", help="A job's id: job_…")]
AfterArgument = Annotated[str, typer.Argument(metavar="AFTER", help="A later job's id: job_…")]


def diff(
    before: BeforeArgument,
    after: AfterArgument,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Tell what became of a job's tokens in another job; ends with 1 where anything did."""
    with connect(url, data_dir) as client:
        comparison = client.get(f"{job_path(before)}/diff/{quote(after, safe='')}")
    if as_json:
        screen.show_json(comparison)
    elif comparison["same"]:
        screen.out.print("the tokens are the same")
    else:
        columns = ("what", "type", "before", "", "after", "")
        screen.show_table(columns, list(_rows(comparison["tokens"])))
        counts = (f"{count} {what}" for what, count in comparison["counts"].items() if count)
        screen.out.print(", ".join(counts))
    raise typer.Exit(ExitCode.DONE if comparison["same"] else ExitCode.DIFFERENT)


def _rows(changes: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each token that came, went or changed."""
    for token_type, found in changes.items():
        for token in found["added"]:
            yield "added", token_type, "", "", *_cells(token_type, token)
        for token in found["removed"]:
            yield "removed", token_type, *_cells(token_type, token), "", ""
        for what in ("changed", "renamed"):
            for pair in found[what]:
                before, after = (_cells(token_type, pair[side]) for side in ("before", "after"))
                yield what, token_type, *before, *after


def _cells(token_type: str, token: dict[str, Any]) -> tuple[str, str]:
    return token["name"], describe(token_type, token["value"])
