"""The exports under the validation harness that lies beside the project, where it does.

It runs some fifteen checks in six seconds a set; ``make exports`` gives it 200 random sets more.
"""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.tokens import TokenSet
from tests.shared.export.toolbox import (
    ROOT,
    TIMEOUT_S,
    draw_sets,
    install,
    measure_job,
    sample_job,
    write,
)
from tests.token_sets import RICH

HARNESS = ROOT.parent / "shared/validate-exports"
PAGES = ROOT.parent / "shared/bench/dev/img"
SYSTEMS = ("bootstrap", "soft-ui-dashboard", "tabler")
RANDOM_SETS = int(os.environ.get("EXPORTS_SETS", "0"))
# A set takes six seconds on its own, and twice that on a busy machine.
TIMEOUT_A_SET_S = 12
# The harness is a program of one thread.
AT_ONCE = 2


def token_sets() -> Iterator[tuple[str, TokenSet]]:
    yield "rich", RICH
    yield "samples", sample_job()
    for system in SYSTEMS if PAGES.is_dir() else ():
        pages = sorted(PAGES.glob(f"{system}--*.png"))
        yield system, measure_job((page.name, page.read_bytes()) for page in pages)
    if RANDOM_SETS:
        for at, each in enumerate(draw_sets(RANDOM_SETS)):
            yield f"random-{at}", each


@pytest.mark.skipif(
    not HARNESS.is_dir(), reason="no ../shared/validate-exports beside the project"
)
@pytest.mark.timeout(TIMEOUT_S + RANDOM_SETS * TIMEOUT_A_SET_S)
def test_every_export_passes_the_harness(tmp_path: Path) -> None:
    harness = install(HARNESS, tmp_path / "harness")
    folders = [write(each, tmp_path / name) for name, each in token_sets()]

    def complaints(folder: Path) -> list[str]:
        command = [str(harness / "validate.sh"), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        lines = (done.stdout + done.stderr).splitlines()
        bad = [line for line in lines if line.startswith(("FAIL", "WARN"))]
        return [folder.name, *bad] if bad or done.returncode else []

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert [each for each in pool.map(complaints, folders) if each] == []
