import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import drawing
from tests.archives import zip_of
from tests.programs import environment

LIMIT_S = 200.0


@pytest.mark.timeout(240)
def test_the_demo_goes_from_nothing_to_exports_and_leaves_no_process(tmp_path: Path) -> None:
    image = drawing.draw_page(120, 90, "#f5f5f5")
    drawing.draw_box(image, (20, 20, 80, 50), "#1e50c8")
    (tmp_path / "screens.zip").write_bytes(zip_of({"one.png": drawing.encode(image, "PNG")}))

    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-m", "cli.main", "demo", tmp_path / "screens.zip", "--out", tmp_path],
        env=environment(COPYTHAT_URL="http://127.0.0.1:9", COPYTHAT_API_KEY="another"),
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )

    assert done.returncode == 0, done.stderr
    assert "1 image: 1 succeeded" in done.stdout
    assert (tmp_path / "tokens.html").as_uri() in done.stdout
    made = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    assert made == {
        "screens.zip",
        "tokens.json",
        "legacy.tokens.json",
        "tokens.css",
        "tokens.scss",
        "theme.ts",
        "tailwind.css",
        "tailwind.config.js",
        "tokens.html",
    }
    left = [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(p.info["cmdline"])]
    assert left == []
