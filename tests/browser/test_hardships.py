"""Names that want to be more than names, a server that goes away, and ten thousand images."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from shared.db import items
from shared.db.engine import transaction
from shared.db.items import NewItem
from tests.api.browsing import token
from tests.api.conftest import anonymous, base_url, browser, settings
from tests.api.server import new_job
from tests.browser.conftest import TIMEOUT_S, await_state, hand_in, visiting
from tests.end_to_end.conftest import Service, drawing
from tests.fakes.claude import OVERLOADED, ClaudeServer

__all__ = ["anonymous", "base_url", "browser", "settings"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(TIMEOUT_S)]
IMAGES = 10_000
HOSTILE = (
    "<script>alert(1)</script>.png",
    '"><img src=x onerror=alert(2)>.png',
    "\u202egnp.exe\u2066.png",
    "🎨 {{ 7 * 7 }} ${x}.png",
    "a" * 5000 + ".png",
)


def test_hostile_names_are_text_everywhere(page: Page) -> None:
    job = hand_in(page, {name: drawing(1500 + at) for at, name in enumerate(HOSTILE)})
    await_state(page, "Succeeded")
    page.get_by_role("link", name="Images").click()
    names = page.locator(".tile-name").all_inner_texts()
    for link in page.locator(".tile a").evaluate_all("(all) => all.map((each) => each.href)"):
        page.goto(link)
        expect(page.locator("h1")).to_be_visible()
    page.goto(f"{job}?show=color")
    page.locator(".about summary").first.click()
    page.goto("/")

    # Browsers write a quotation mark in a file's name as %22.
    assert names[:2] == [name.replace('"', "%22") for name in HOSTILE[:2]]
    assert "{{ 7 * 7 }}" in names[3]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def api_process(service: Service) -> psutil.Process:
    """The process that serves the pages."""
    children = psutil.Process(service.pid).children(recursive=True)
    (found,) = (each for each in children if each.cmdline()[1:3] == ["-m", "api"])
    return found


def test_a_page_follows_its_job_over_a_restart_of_the_server(
    chromium: Browser, service: Service, page: Page, claude: ClaudeServer
) -> None:
    # While nobody answers, the browser says so in its console.
    state = page.context.storage_state()
    with visiting(chromium, service.url, "Failed to load", storage_state=state) as window:
        claude.always = OVERLOADED
        hand_in(window, {f"{seed}.png": drawing(seed) for seed in (1510, 1511)})
        api_process(service).kill()
        claude.reset()

        await_state(window, "Succeeded")


@pytest.fixture
def large_job(browser: httpx.Client, engine: Engine) -> str:
    """The path of a job of ten thousand images, which wait."""
    browser.headers["X-CSRF-Token"] = token(browser.get("/"))
    job_id: str = new_job(browser)["id"]
    first = browser.get(f"/api/v1/jobs/{job_id}/items").json()["data"][0]
    for begin in range(1, IMAGES, 500):
        end = min(begin + 500, IMAGES)
        some = [NewItem(f"screen-{at}.png", first["sha256"]) for at in range(begin, end)]
        with transaction(engine) as connection:
            items.add_items(connection, job_id, begin, some)
    return f"/jobs/{job_id}"


@pytest.fixture
def visitor(chromium: Browser, browser: httpx.Client) -> Iterator[Page]:
    """A window with the session of a visitor."""
    address = str(browser.base_url)
    cookies = [
        {"name": each.name, "value": each.value or "", "domain": urlsplit(address).hostname or "",
         "path": "/", "httpOnly": True, "expires": -1, "secure": False, "sameSite": "Lax"}
        for each in browser.cookies.jar
    ]  # fmt: skip
    state = {"cookies": cookies, "origins": []}
    with visiting(chromium, address, storage_state=state) as window:
        yield window


def test_ten_thousand_images_come_as_one_scrolls(visitor: Page, large_job: str) -> None:
    visitor.goto(large_job)
    tiles = visitor.locator(".tile")
    first = tiles.count()
    last = visitor.locator("text=screen-599.png")

    while not last.count():
        visitor.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        visitor.locator("#chunks").wait_for()

    expect(visitor.locator('[data-live="head"]')).to_contain_text("10\u202f000")
    assert first <= 300
    assert tiles.count() < IMAGES
