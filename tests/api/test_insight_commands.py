"""The commands that judge a job's tokens, against the service itself."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from shared.export import Format, export
from shared.tokens import Color, TextOn, Tokens
from tests.api.conftest import MakeJob
from tests.programs import environment
from tests.token_sets import RICH, alias, of, px, token

# A command that takes longer hangs.
WITHIN_S = 60
AMBER = token(
    "amber", Color(hex="#d97a1e"), role="text", on=(TextOn(background="#ffffff", count=7),)
)


def run(client: httpx.Client, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end as its own process: the service logs in ours."""
    secret = client.headers["Authorization"].removeprefix("Bearer ")
    return subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-m", "cli.main", *words],
        env=environment(COPYTHAT_API_KEY=secret, COPYTHAT_URL=str(client.base_url)),
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )


def test_the_same_tokens_end_with_0(client: httpx.Client, job_with: MakeJob) -> None:
    job = job_with(RICH.tokens)

    done = run(client, "diff", job, job)

    assert (done.returncode, done.stdout) == (0, "the tokens are the same\n")


def test_other_tokens_end_with_1_and_are_named(client: httpx.Client, job_with: MakeJob) -> None:
    before = job_with(Tokens(spacing=(token("16", px(16)), token("24", px(24), usage=50))))
    after = job_with(Tokens(spacing=(token("16", px(16)), token("28", px(28), usage=49))))

    done = run(client, "diff", before, after)

    assert done.returncode == 1
    assert done.stdout.splitlines()[1].split() == [
        "changed",
        "spacing",
        "24",
        "24px",
        "28",
        "28px",
    ]
    assert done.stdout.splitlines()[-1] == "1 changed"


def test_every_type_of_value_is_worded(client: httpx.Client, job_with: MakeJob) -> None:
    empty, rich = job_with(Tokens()), job_with(RICH.tokens)

    said = run(client, "diff", empty, rich).stdout

    for value in (
        "#0a0b0c / 12%",
        "1.25rem",
        "700 32px/1.25 Inter, Helvetica Neue, sans-serif spaced -0.02em",
        "inset -2px 0px 0px 3px #000000",
        "linear 135.25deg, #3366cc at 0%, #ffffff at 50%, #9933cc at 100%",
        "radial, #3366cc at 0%, #9933cc at 100%",
    ):
        assert value in said


def test_a_difference_as_json_ends_the_same_way(client: httpx.Client, job_with: MakeJob) -> None:
    before, after = job_with(Tokens()), job_with(RICH.tokens)

    done = run(client, "diff", before, after, "--json")

    assert done.returncode == 1
    assert json.loads(done.stdout)["counts"]["removed"] == 0


def test_a_job_that_is_not_there_is_wrong_usage(client: httpx.Client, job_with: MakeJob) -> None:
    done = run(client, "diff", job_with(Tokens()), "job_1")

    assert done.returncode == 2


def test_a_report_names_what_drifts_and_what_should_be_there(
    client: httpx.Client, job_with: MakeJob
) -> None:
    done = run(client, "report", job_with(Tokens(color=(AMBER,))))

    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "text that is hard to read: 1"
    assert "3.11 : 1 on #ffffff" in done.stdout
    assert "colors nearly the same: none" in done.stdout


def test_a_report_is_a_page_in_a_folder(
    client: httpx.Client, job_with: MakeJob, tmp_path: Path
) -> None:
    done = run(client, "report", job_with(Tokens(color=(AMBER,))), "--out", tmp_path)

    assert done.stdout.strip() == str(tmp_path / "report.html")
    assert "amber on #ffffff" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(("least", "code"), [((), 1), (("--least", "0.75"), 0)])
def test_a_check_ends_with_1_where_too_much_is_foreign(
    client: httpx.Client,
    job_with: MakeJob,
    tmp_path: Path,
    least: tuple[str, ...],
    code: int,
) -> None:
    blue = token("brand", Color(hex="#2563eb"), aliases=(alias("link"),), usage=3)
    design = Tokens(color=(blue, token("green", Color(hex="#1f7a4d"))))
    (tmp_path / "tokens.json").write_bytes(export(of(design), Format.W3C).content)
    job = job_with(Tokens(color=(blue, token("red", Color(hex="#b91c1c")))))

    done = run(client, "check", tmp_path / "tokens.json", "--job", job, *least)

    assert done.returncode == code
    assert "color: 1 of 2 used, 75.0% of what is on the screens is in it" in done.stdout
    assert "color.green" in done.stdout
    assert "#b91c1c" in done.stdout


def test_a_file_that_is_not_there_is_told(client: httpx.Client, tmp_path: Path) -> None:
    done = run(client, "check", tmp_path / "none.json", "--job", "job_1")

    assert done.returncode == 2
