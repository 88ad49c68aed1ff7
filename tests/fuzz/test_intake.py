"""Archives and images of which bytes are flipped, cut, copied or spliced are read or refused."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.fuzz import FUZZ_S
from tests.fuzz.seeds import MOST_BYTES, archive_seeds, image_seeds

ROOT = Path(__file__).parents[2]
# The short form: some seconds, the same changes each time.
SHORT = ("-runs=3000", "-seed=7")
# An image of the largest size takes two seconds of a busy machine; what takes this long hangs.
HANG_S = 30
# One image of 48 Mpx takes 0.8 GB with all that is loaded.
MOST_MB = 1500


@pytest.mark.timeout((FUZZ_S or 0) + 120)
@pytest.mark.parametrize(("kind", "seeds"), [("archives", archive_seeds), ("images", image_seeds)])
def test_changed_files_are_read_or_refused(
    kind: str, seeds: Callable[[], Iterable[bytes]], tmp_path: Path
) -> None:
    pytest.importorskip("atheris", reason="atheris has no wheel for this machine")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, data in enumerate(seeds()):
        (corpus / f"{number:03}").write_bytes(data)
    form = (f"-max_total_time={FUZZ_S}",) if FUZZ_S else SHORT

    run = subprocess.run(  # noqa: S603 -- our own program
        (
            *(sys.executable, "-m", "tests.fuzz.intake", kind, *form),
            *(f"-max_len={MOST_BYTES}", f"-timeout={HANG_S}", f"-rss_limit_mb={MOST_MB}"),
            *(f"-artifact_prefix={tmp_path}/found-", "-print_final_stats=1", corpus),
        ),
        cwd=ROOT,
        env={**os.environ, "OPENCV_LOG_LEVEL": "SILENT"},
        capture_output=True,
        check=False,
    )

    said = run.stderr.decode(errors="replace")
    found = {file.name: file.read_bytes().hex() for file in tmp_path.glob("found-*")}
    print(*re.findall(r"stat::.*|.*cov: .*DONE.*", said), sep="\n")
    assert (run.returncode, found) == (0, {}), said[-4000:]
