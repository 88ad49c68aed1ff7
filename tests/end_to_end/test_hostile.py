"""The whole corpus of hostile files through a running service, which must not feel it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.end_to_end.conftest import Service, all_items, drawing, finished, submit, up
from tests.fakes.claude import ClaudeServer
from tests.hostile.archives import archive_cases
from tests.hostile.images import image_cases
from workers.app import ADDRESS_SPACE_BYTES

# One image of 48 Mpx takes 0.7 GB at most, all programs at rest 0.6 GB.
MOST_BYTES = 1_500_000_000
LOOK_S = 0.25
# What a file of no kind that we know is in a request by itself.
REFUSED = "nothing_usable"


@pytest.fixture(scope="module")
def besieged(claude: ClaudeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own, whose memory nothing else has grown."""
    claude.reset()
    with up(tmp_path_factory.mktemp("besieged"), claude) as started:
        yield started


@contextmanager
def watched(service: Service) -> Iterator[list[int]]:
    """Look at the memory of all programs of a service until the block ends.

    Yields the largest sum so far, in bytes; what processes share counts once (PSS).
    """
    most, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            total = 0
            for process in family(service):
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    total += process.memory_full_info().pss
            most[0] = max(most[0], total)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        over.set()
        looking.join()


def family(service: Service) -> list[psutil.Process]:
    up_itself = psutil.Process(service.pid)
    return [up_itself, *up_itself.children(recursive=True)]


def send(http: httpx.Client, name: str, data: bytes) -> dict[str, Any] | None:
    """Submit one archive; None when it is refused for holding nothing usable."""
    files = [("files", (name, data))]
    answer = http.post("/jobs", files=files, data={"options": json.dumps({"mode": "cv"})})
    if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        assert answer.json()["code"] == REFUSED
        return None
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    job: dict[str, Any] = answer.json()
    return job


def code_of(row: dict[str, Any]) -> str | None:
    return row["error"]["code"] if row["error"] else None


@pytest.mark.timeout(400)
def test_hostile_files_end_as_they_may_and_the_service_stays(besieged: Service) -> None:
    images = list(image_cases())
    with besieged.client() as http, watched(besieged) as most:
        together = [("files", (case.name, case.data)) for case in images]
        options = {"options": json.dumps({"mode": "cv"})}
        accepted = http.post("/jobs", files=together, data=options)
        assert accepted.status_code == httpx.codes.ACCEPTED, accepted.text
        job_id = accepted.json()["id"]
        ended = finished(http, job_id)
        items = all_items(http, job_id)
        wrong = [
            (case.name[:40], code_of(item))
            for case, item in zip(images, items, strict=True)
            if code_of(item) not in case.ends
        ]

        sent = [(case, send(http, case.name, case.data)) for case in archive_cases()]
        for case, archive in sent:
            if archive is None:
                continue
            over = finished(http, archive["id"])
            codes = {code_of(item) for item in all_items(http, archive["id"])}
            if not codes <= case.ends | case.broken:
                wrong.append((case.name, str(codes)))
            if over["status"] == "failed" and code_of(over) not in {*case.broken, REFUSED}:
                wrong.append((case.name, str(over["error"])))

        after = finished(http, submit(http, {"good.png": drawing(780)}, mode="cv")["id"])
        ready = httpx.get(f"{besieged.url}/readyz")

    assert wrong == []
    assert ended["status"] == "partially_succeeded"
    assert after["status"] == "succeeded"
    assert ready.status_code == httpx.codes.OK
    assert most[0] < MOST_BYTES, most


def test_no_child_may_address_more_than_its_share(besieged: Service) -> None:
    limits = [
        Path(f"/proc/{process.pid}/limits").read_text()
        for process in family(besieged)
        if "-P prefork" in " ".join(process.cmdline())
    ]

    bounded = [text for text in limits if f"space         {ADDRESS_SPACE_BYTES}" in text]
    # The parent of two children measures nothing.
    assert len(limits) == 3
    assert len(bounded) == 2
