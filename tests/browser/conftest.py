"""A real Chromium at a real service; every page is held to an empty console."""

import base64
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from samples.render import ARCHIVE
from tests.end_to_end.conftest import Service, claude, service

__all__ = ["claude", "service"]
PASSWORD = "correct horse battery"
# Measuring on a machine that is shared may take this long; what does not come by then is missing.
WITHIN_MS = 60_000
# A test has a service to start, an archive to wait for, and a dozen pages to look at.
TIMEOUT_S = 400
expect.set_options(timeout=WITHIN_MS)
_numbers = count(1)

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's browser, driven by Playwright."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def visiting(
    chromium: Browser,
    base_url: str,
    tolerated: str | None = None,
    **options: Any,  # noqa: ANN401 -- Playwright's own
) -> Iterator[Page]:
    """Lend a window of somebody with no cookies; it may complain of nothing else."""
    complaints: list[str] = []
    context = chromium.new_context(base_url=base_url, **options)
    context.set_default_timeout(WITHIN_MS)
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
    yield page
    context.close()
    assert [each for each in complaints if tolerated is None or tolerated not in each] == []


@pytest.fixture
def page(chromium: Browser, service: Service) -> Iterator[Page]:
    """A window of somebody who has just registered."""
    permissions = ["clipboard-read", "clipboard-write"]
    with visiting(chromium, service.url, permissions=permissions) as window:
        register(window)
        yield window


def register(page: Page) -> None:
    """Register somebody new, who lands on the list of their jobs."""
    page.goto("/register")
    page.get_by_label("Email").fill(f"visitor-{next(_numbers)}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Register").click()
    page.get_by_role("heading", name="Jobs", exact=True).wait_for()


def drop(page: Page, files: Mapping[str, bytes]) -> None:
    """Drop files onto the page, once its scripts have run."""
    page.wait_for_load_state()
    encoded = {name: base64.b64encode(data).decode() for name, data in files.items()}
    transfer = page.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [name, data] of Object.entries(files)) {
                const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
                transfer.items.add(new File([bytes], name));
            }
            return transfer;
        }""",
        encoded,
    )
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})


def hand_in(page: Page, files: Mapping[str, bytes]) -> str:
    """Drop files, start the job, and return the path of its page, which is open then."""
    page.goto("/")
    drop(page, files)
    page.get_by_role("button", name="Start the job").click()
    page.wait_for_url("**/jobs/job_*")
    return page.url


def await_state(page: Page, state: str) -> None:
    """Wait until the page of a job says its state by itself, without being loaded again."""
    page.locator('[data-live="head"] .badge', has_text=state).wait_for()


def sample_screens() -> dict[str, bytes]:
    """The archive of sample screens."""
    return {"screens.zip": ARCHIVE.read_bytes()}
