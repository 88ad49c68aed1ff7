"""The commands that judge a job's tokens."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli import screen
from cli.client import job_path
from cli.failure import ExitCode, Failure
from cli.options import DataDirOption, JsonOption, UrlOption, connect
from cli.values import describe

BeforeArgument = Annotated[str, typer.Argument(metavar="BEFORE", help="A job's id: job_…")]
JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's id: job_…")]
AfterArgument = Annotated[str, typer.Argument(metavar="AFTER", help="A later job's id: job_…")]

DTCG = "application/design-tokens+json"


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


def report(
    job_id: JobArgument,
    out: Annotated[
        Path | None, typer.Option(help="Write the report as a page into this folder.")
    ] = None,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Tell where a job's screens drift from the design system that they otherwise follow."""
    path = f"{job_path(job_id)}/report"
    with connect(url, data_dir) as client:
        if out is not None:
            page = client.download(path, out, params={"format": "html"})
            screen.out.print(str(page), markup=False)
            return
        found = client.get(path, params={"format": "json"})
    if as_json:
        screen.show_json(found)
        return
    for title, rows in _findings(found):
        screen.out.print(f"{title}: {len(rows) or 'none'}", markup=False)
        if rows:
            screen.show_table(("token", "", "uses", "images", "should be", "", "why"), rows)


def _findings(found: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Yield the title and the rows of each kind of finding."""
    yield (
        "text that is hard to read",
        [
            _finding("color", each, f"{each['ratio']} : 1 on {each['background']['value']['hex']}")
            for each in found["low_contrast"]
        ],
    )
    yield (
        "colors nearly the same",
        [_finding("color", each, f"ΔE {each['delta_e']}") for each in found["near_duplicates"]],
    )
    for title, kind in (("off the scale", "off_scale"), ("rarely used", "rare")):
        yield title, [_finding(each["type"], each, _sureness(each)) for each in found[kind]]


def _sureness(found: dict[str, Any]) -> str:
    return str(found["type"]) if found["token"]["confirmed"] else f"{found['type']}, unsure"


def _finding(token_type: str, found: dict[str, Any], why: str) -> tuple[str, ...]:
    token, better = found["token"], found["probably"]
    uses = (str(token["usage"]), str(token["image_count"]))
    instead = (better["name"] or "", describe(token_type, better["value"])) if better else ("", "")
    return *_cells(token_type, token), *uses, *instead, why


def check(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A DTCG 2025.10 file.")],
    job_id: Annotated[str, typer.Option("--job", help="The job whose screens are looked at.")],
    least: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="End with 1 if less of all uses than this is in the file."
        ),
    ] = 1.0,
    url: UrlOption = None,
    data_dir: DataDirOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Tell how much of a design system a job's screens use, and what they show besides."""
    content = _read(path)
    with connect(url, data_dir) as client:
        headers = {"Content-Type": DTCG}
        found = client.post(f"{job_path(job_id)}/check", content=content, headers=headers)
    if as_json:
        screen.show_json(found)
    else:
        _show_check(found)
    adheres = found["adherence"] is None or found["adherence"] >= least
    raise typer.Exit(ExitCode.DONE if adheres else ExitCode.DIFFERENT)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise Failure(message, ExitCode.WRONG_USAGE) from error


def _show_check(found: dict[str, Any]) -> None:
    """Print what is used, what is not, and what is on the screens besides."""
    types = [(name, usage) for name, usage in found["tokens"].items() if _is_judged(usage)]
    for name, usage in types:
        count = len(usage["used"])
        line = f"{name}: {count} of {count + len(usage['unused'])} used"
        screen.out.print(f"{line}, {_percent(usage['adherence'])}", markup=False)
    unused = [
        (name, each["path"], describe(name, each["value"]))
        for name, usage in types
        for each in usage["unused"]
    ]
    if unused:
        screen.show_table(("unused", "token", ""), unused)
    foreign = [_stranger(name, each) for name, usage in types for each in usage["foreign"]]
    if foreign:
        screen.show_table(("not in it", "", "uses", "images", "should be", ""), foreign)
    if found["ignored"]:
        screen.say(f"{len(found['ignored'])} tokens of other types were left out")


def _is_judged(usage: dict[str, Any]) -> bool:
    return bool(usage["used"] or usage["unused"])


def _percent(part: float | None) -> str:
    return (
        "none on the screens" if part is None else f"{part:.1%} of what is on the screens is in it"
    )


def _stranger(token_type: str, found: dict[str, Any]) -> tuple[str, ...]:
    token, better = found["token"], found["probably"]
    instead = (better["path"], describe(token_type, better["value"])) if better else ("", "")
    seen = (token_type, describe(token_type, token["value"]))
    return *seen, str(token["usage"]), str(token["image_count"]), *instead


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
