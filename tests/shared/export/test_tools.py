"""The exports, read by the tools that people feed them to."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from shared.export import Format, export
from tests.token_sets import RICH

HARNESS = Path(__file__).parents[4] / "shared" / "validate-exports"
NPM = shutil.which("npm")
# Installing some 280 packages and running a dozen tools.
TIMEOUT_S = 600


@pytest.mark.skipif(not HARNESS.is_dir(), reason=f"no validation harness at {HARNESS}")
@pytest.mark.skipif(NPM is None, reason="npm, which the validation harness needs, is missing")
@pytest.mark.timeout(TIMEOUT_S)
def test_a_rich_set_passes_every_tool_that_reads_our_exports(tmp_path: Path) -> None:
    harness, exported = tmp_path / "harness", tmp_path / "exported"
    shutil.copytree(HARNESS, harness)
    archive = tmp_path / "tokens.zip"
    archive.write_bytes(export(RICH, Format.ZIP).content)
    zipfile.ZipFile(archive).extractall(exported)
    install = [str(NPM), "ci", "--no-audit", "--no-fund"]
    installed = subprocess.run(  # noqa: S603 -- npm, on the harness's own lock file
        install, cwd=harness, capture_output=True, text=True, check=False
    )
    if installed.returncode:
        pytest.skip(f"npm ci failed: {installed.stderr[-300:]}")

    validated = subprocess.run(  # noqa: S603 -- the harness
        [str(harness / "validate.sh"), str(exported)], capture_output=True, text=True, check=False
    )

    assert validated.returncode == 0, validated.stdout + validated.stderr
    assert "FAIL" not in validated.stdout
