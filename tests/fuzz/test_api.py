"""Every operation of the OpenAPI document, with what its schemas allow and what they do not."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Service, up
from tests.fakes.claude import ClaudeServer
from tests.fuzz import FUZZ_S

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")
CASES = 1000
# The short form: the edges of every schema, a few random cases beside them, and some chains of
# calls. The same each time in CI, so that a change is blamed for its own failures.
SHORT = ("--max-examples", "4", *(("--seed", "7") if os.environ.get("CI") else ()))
# The last cases of a full run are made after its time is over.
GRACE_S = 300


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service that nobody else needs."""
    with ClaudeServer() as claude, up(tmp_path, claude) as started:
        yield started


@pytest.mark.timeout((FUZZ_S or 0) + GRACE_S)
def test_the_api_does_as_its_document_says(service: Service) -> None:
    form = ("--max-time", str(FUZZ_S)) if FUZZ_S else SHORT

    run = subprocess.run(  # noqa: S603 -- a tool of our own environment
        (
            *(SCHEMATHESIS, "--config-file", CONFIG, "run", f"{service.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {service.api_key}"),
            *("--checks", "all", "--no-color", "--generation-database", "none", *form),
        ),
        # It leaves its cache there, and finds its hooks in the other.
        cwd=service.data_dir,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    print(run.stdout)
    made = re.search(r"(\d+) generated", run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    assert made is not None
    assert int(made[1]) >= CASES
