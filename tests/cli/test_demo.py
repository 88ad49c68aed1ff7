import os
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

LIMIT_S = 200.0


@pytest.mark.timeout(240)
def test_the_demo_goes_from_nothing_to_exports_and_leaves_no_process(tmp_path: Path) -> None:
    image = np.full((90, 120, 3), 245, np.uint8)
    cv2.rectangle(image, (20, 20), (99, 69), (200, 80, 30), -1)
    with zipfile.ZipFile(tmp_path / "screens.zip", "w") as archive:
        archive.writestr("one.png", cv2.imencode(".png", image)[1].tobytes())
    ours = ("COPYTHAT_", "ANTHROPIC_")
    variables = {k: v for k, v in os.environ.items() if not k.startswith(ours)}

    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-m", "cli.main", "demo", tmp_path / "screens.zip", "--out", tmp_path],
        env=variables | {"COPYTHAT_URL": "http://127.0.0.1:9", "COPYTHAT_API_KEY": "another"},
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
        "tokens.css",
        "tokens.scss",
        "theme.ts",
        "tailwind.css",
        "tailwind.config.js",
        "tokens.html",
    }
    left = [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(p.info["cmdline"])]
    assert left == []
