"""The whole service as a user starts it, with a Claude of our own behind it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from cli.data_dir import DataDir, holder
from tests.conftest import until
from tests.fakes.claude import ClaudeServer
from tests.programs import environment, free_port

COPYTHAT = Path(sys.executable).with_name("copythat")
JOB_WITHIN_S = 110.0


@dataclass(frozen=True)
class Service:
    """A running service and how to talk to it."""

    url: str
    api_key: str
    data_dir: Path
    pid: int

    def client(self) -> httpx.Client:
        """Return a client that is logged in."""
        return httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {self.api_key}"},
            timeout=30,
        )


@pytest.fixture(scope="session")
def claude() -> Iterator[ClaudeServer]:
    """A real HTTP server that speaks the Messages API."""
    with ClaudeServer() as server:
        yield server


@pytest.fixture(scope="session")
def service(claude: ClaudeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`copythat up`, once for all tests."""
    place = tmp_path_factory.mktemp("up")
    with up(place, claude, COPYTHAT_WEBHOOK_ALLOW_PRIVATE="true") as started:
        yield started


@contextmanager
def up(data_dir: Path, claude: ClaudeServer, **variables: str) -> Iterator[Service]:
    """Run `copythat up` with more in its environment until the block ends."""
    port = free_port()
    more = {"ANTHROPIC_API_KEY": "test-key", "ANTHROPIC_BASE_URL": claude.base_url}
    with (data_dir / "up.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 -- our own program
            (COPYTHAT, "up", "--port", str(port), "--data-dir", data_dir, "--cv-workers", "2"),
            env=environment(**more | variables),
            stdout=log,
            stderr=log,
        )

    def started() -> bool:
        assert process.poll() is None, (data_dir / "up.log").read_text()
        running = holder(DataDir(data_dir))
        return running.get("pid") == process.pid and running["url"] is not None

    try:
        until(started, within_s=60)
        known = json.loads((data_dir / "credentials.json").read_text())
        yield Service(known["url"], known["api_key"], data_dir, process.pid)
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def http(service: Service, claude: ClaudeServer) -> Iterator[httpx.Client]:
    """A logged-in client, and a Claude with nothing scripted."""
    claude.reset()
    with service.client() as client:
        yield client


def drawing(seed: int) -> bytes:
    """Return a small PNG: a card with two lines of bars, in colors told by the seed."""
    image = np.full((120, 160, 3), 250, np.uint8)
    color = (40 + seed % 200, 60 + seed // 200, 180)
    cv2.rectangle(image, (16, 16), (143, 103), color, -1)
    cv2.rectangle(image, (32, 32), (127, 40), (255, 255, 255), -1)
    cv2.rectangle(image, (32, 56), (111, 64), (255, 255, 255), -1)
    return cv2.imencode(".png", image)[1].tobytes()


def submit(http: httpx.Client, files: Mapping[str, bytes], **options: object) -> dict[str, Any]:
    """Submit files and return the job as accepted."""
    answer = http.post(
        "/jobs",
        files=[("files", (name, data)) for name, data in files.items()],
        data={"options": json.dumps(options)},
    )
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def finished(http: httpx.Client, job_id: str) -> dict[str, Any]:
    """Wait for a job's end and return it."""
    job: dict[str, Any] = {}

    def ended() -> bool:
        job.update(http.get(f"/jobs/{job_id}", headers={"Prefer": "wait=5"}).json())
        return job["finished_at"] is not None

    until(ended, within_s=JOB_WITHIN_S)
    return job


def all_items(http: httpx.Client, job_id: str) -> list[dict[str, Any]]:
    """Return every item of a job, page by page."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = http.get(f"/jobs/{job_id}/items", params=query).json()
        items += page["data"]
        if (cursor := page["next_cursor"]) is None:
            return items
