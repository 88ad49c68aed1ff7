"""What people see: lines, tables and progress bars.

Answers go to standard output; progress and errors go to standard error, so that a command in a
pipe hands on nothing but its answer.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

# Some counts are parts of others, and zeros say nothing.
SHOWN_COUNTS = ("queued", "running", "succeeded", "degraded", "cached", "failed", "canceled")


def say(line: str) -> None:
    """Tell a person what happens, at once even into a pipe."""
    err.print(printable(line), markup=False)


def confirm(question: str) -> bool:
    """Ask a person; where nobody is at the terminal, the answer is no."""
    return sys.stdin.isatty() and typer.confirm(printable(question), err=True)


def show_json(answer: Any) -> None:  # noqa: ANN401 -- JSON
    """Print JSON as a program wants it."""
    out.file.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
    out.file.flush()


def show_job(job: Mapping[str, Any]) -> None:
    """Print a job in a few lines."""
    counts = job["counts"]
    parts = [f"{counts[name]} {name}" for name in SHOWN_COUNTS if counts.get(name)]
    out.print(f"{job['id']}  {printable(job['name'])}  {job['status']}", markup=False)
    out.print(f"  {images(counts['total'])}: {', '.join(parts) or 'none yet'}", markup=False)
    out.print(f"  {cost_line(job['cost'])}", markup=False)
    if job["error"]:
        reason = f"{job['error']['title']}: {job['error']['detail']}"
        out.print(f"  {printable(reason)}", markup=False)


def show_estimate(estimate: Mapping[str, Any]) -> None:
    """Print what a job would cost in a few lines."""
    seen = f", {estimate['cached']} without a call" if estimate["cached"] else ""
    bad = f", {estimate['unreadable']} files that cannot be read" if estimate["unreadable"] else ""
    out.print(f"{images(estimate['images'])}{seen}{bad}", markup=False)
    who = estimate["model"] or "no model"
    out.print(f"  {cost_line(estimate)} ({who}, prices of {estimate['priced_on']})", markup=False)


def images(count: int) -> str:
    """Return a number of images in words."""
    return f"{count} image" if count == 1 else f"{count} images"


def cost_line(cost: Mapping[str, Any]) -> str:
    """Return what Claude's part came to."""
    calls = f"{cost['calls']} Claude call" + ("" if cost["calls"] == 1 else "s")
    return f"{calls}, {dollars(cost['usd'])}"


def dollars(usd: float | None) -> str:
    """Return an amount that may be a fraction of a cent, or not known yet."""
    return "cost not known" if usd is None else f"${usd:.4f}"


def show_token_counts(token_set: Mapping[str, Any]) -> None:
    """Print how many tokens of each type there are."""
    out.print(f"  tokens: {token_counts(token_set)}", markup=False)


def token_counts(token_set: Mapping[str, Any]) -> str:
    """Return how many tokens of each type a set holds."""
    return ", ".join(f"{len(tokens)} {name}" for name, tokens in token_set["tokens"].items())


def show_jobs(jobs: Iterable[Mapping[str, Any]]) -> None:
    """Print jobs as a table."""
    rows = [
        (
            job["id"],
            job["created_at"].partition(".")[0].rstrip("Z").replace("T", " "),
            job["status"],
            f"{job['counts']['succeeded']}/{job['counts']['total']}",
            dollars(job["cost"]["usd"]),
            job["name"],
        )
        for job in jobs
    ]
    show_table(("job", "created (UTC)", "status", "done", "cost", "name"), rows)


def show_items(items: Iterable[Mapping[str, Any]]) -> None:
    """Print items as a table, with the reason where one failed or is degraded."""
    rows = [
        (
            item["id"],
            item["status"] + (" (cached)" if item["cached"] else ""),
            item["filename"],
            f"{item['width']}x{item['height']}" if item["width"] else "",
            item["error"]["detail"] if item["error"] else "",
        )
        for item in items
    ]
    show_table(("item", "status", "file", "size", "reason"), rows)


def show_table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows in columns, never cut: ids are copied, and a pipe has no width."""
    table = [columns, *(tuple(printable(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.print("  ".join(cells).rstrip(), markup=False)


def printable(text: str) -> str:
    """Return text without what would move a terminal's cursor: names come from anywhere."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


@contextmanager
def upload_progress(total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Show a bar of bytes; call what is yielded with the length of each piece sent."""
    columns = (BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(TextColumn("sending   "), *columns, console=err) as progress:
        task = progress.add_task("", total=total_bytes)
        yield lambda count: progress.advance(task, count)


@contextmanager
def job_progress() -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Show a bar of items; call what is yielded with each new state of the job."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    what = TextColumn("{task.description:<10}", markup=False)
    with Progress(what, *columns, console=err) as progress:
        task = progress.add_task("queued", total=None)

        def show(job: Mapping[str, Any]) -> None:
            counts = job["counts"]
            done = counts["succeeded"] + counts["failed"] + counts["canceled"]
            # The total is not known before every archive is unpacked.
            total = None if job["status"] in {"queued", "unpacking"} else counts["total"]
            description = job["status"].replace("_", " ")
            progress.update(task, completed=done, total=total, description=description)

        yield show
