"""Token sets in files, and the tools of other people that read them."""

import io
import shutil
import subprocess
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from shared.export import Format, export
from shared.scales import infer_scales
from shared.tokens import PIPELINE_VERSION, TokenSet, TokenType
from tests.token_sets import any_sets
from workers.assemble import assemble
from workers.images import decode
from workers.measure import measure_image
from workers.merge import merge

ROOT = Path(__file__).parents[3]
# Installing some 300 packages, and running a dozen tools over hundreds of files.
TIMEOUT_S = 600


def install(tools: Path, folder: Path) -> Path:
    """Return a copy of a package with what it depends on; skip the test where that cannot be."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed on this machine")
    shutil.copytree(tools, folder, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(  # noqa: S603 -- npm, on a lock file of known hashes
        [npm, "ci", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm ci failed: {done.stderr[-300:]}")
    return folder


def write(token_set: TokenSet, folder: Path) -> Path:
    """Write every export of a set into a new folder."""
    archive = io.BytesIO(export(token_set, Format.ZIP).content)
    zipfile.ZipFile(archive).extractall(folder)
    return folder


def measure_job(images: Iterable[tuple[str, bytes]]) -> TokenSet:
    """Return the merged set of images by name, named by rule."""
    sets = [
        (name, assemble(measure_image(decode(data), name=name), None, tuple(TokenType)))
        for name, data in images
    ]
    tokens = merge(sets)
    return TokenSet(
        id="set_1",
        job_id="job_1",
        pipeline_version=PIPELINE_VERSION,
        source_images=tuple(name for name, _ in sets),
        tokens=tokens,
        scales=infer_scales(tokens),
    )


def sample_job() -> TokenSet:
    """Return what the screens of ``make demo`` come to."""
    with zipfile.ZipFile(ROOT / "samples/screens.zip") as archive:
        return measure_job((name, archive.read(name)) for name in archive.namelist())


def draw_sets(count: int) -> list[TokenSet]:
    """Return so many sets of hypothesis's that hold a token: tools want one to start at all."""
    drawn: list[TokenSet] = []
    checks = (HealthCheck.filter_too_much, HealthCheck.too_slow)

    @seed(count)
    @settings(
        max_examples=count, phases=[Phase.generate], database=None, suppress_health_check=checks
    )
    @given(any_sets.filter(lambda each: any(tokens for _, tokens in each.tokens.by_type())))
    def draw(token_set: TokenSet) -> None:
        drawn.append(token_set)

    draw()
    return drawn
