"""Celery tasks that do nothing, on an application with the settings of ours."""

import time
from pathlib import Path

from shared.queue import celery_app
from shared.settings import load_settings

QUEUE = "noop"

app = celery_app(load_settings().broker_url)


@app.task(name="bench.noop")
def noop() -> None:
    """Do nothing."""


@app.task(name="bench.mark")
def mark(path: str) -> None:
    """Write down when this ran."""
    draft = Path(f"{path}.draft")
    draft.write_text(str(time.time()))
    draft.rename(path)
