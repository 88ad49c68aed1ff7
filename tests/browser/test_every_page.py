"""What every page is held to: the rules of axe, in light and dark, and a budget of bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response

from tests.browser.conftest import (
    TIMEOUT_S,
    await_state,
    hand_in,
    register,
    sample_screens,
    visiting,
)
from tests.end_to_end.conftest import Service
from tests.shared.export.toolbox import ROOT, install

pytestmark = [pytest.mark.browser, pytest.mark.timeout(TIMEOUT_S)]
# HTML, CSS and JavaScript of a page as they are sent, without images.
MOST_BYTES = 150_000
# "Good" ends at 0.1; half of it is what these pages allow themselves.
MOST_SHIFT = 0.05
KINDS = {"document", "stylesheet", "script"}
WATCH_SHIFTS = """
    window.shifts = 0;
    new PerformanceObserver((list) => {
        for (const shift of list.getEntries())
            if (!shift.hadRecentInput) window.shifts += shift.value;
    }).observe({ type: 'layout-shift', buffered: true });
"""
VIEWS = ("images", "color", "spacing", "typography", "shadow", "gradient", "radius", "export")
Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Tour:
    """Somebody's session and the paths of all pages that they can see."""

    state: Any
    paths: tuple[str, ...]


@pytest.fixture(scope="module")
def tour(chromium: Browser, service: Service) -> Tour:
    """A job that has ended, with an image that failed, and one of fewer screens before it."""
    with visiting(chromium, service.url) as page:
        register(page)
        before = hand_in(page, dict(list(sample_screens().items())[:3]))
        await_state(page, "Succeeded")
        page.goto("/")
        job = hand_in(page, sample_screens() | {"broken.png": b"\x89PNG\r\n\x1a\n nothing"})
        await_state(page, "Partly succeeded")
        items = page.locator(".tile a").evaluate_all("(all) => all.map((each) => each.pathname)")
        views = (f"{job}?show={view}" for view in VIEWS)
        compared = f"{job}/compare?before={before.rpartition('/')[2]}"
        insight = (f"{job}/compare", compared, f"{report_of(job)}?format=html")
        paths = ("/", "/keys", "/status", *views, *insight, items[0], items[-1], "/jobs/job_0")
        return Tour(page.context.storage_state(), paths)


def report_of(job: str) -> str:
    """Return the path of a job's drift report, which is the API's own page."""
    return f"/api/v1{urlsplit(job).path}/report"


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core."""
    tools = install(ROOT / "tests/browser/axe", tmp_path_factory.mktemp("axe") / "axe")
    return Path(tools / "node_modules/axe-core/axe.min.js").read_text()


def complaints_of_axe(page: Page) -> Iterator[str]:
    for violation in page.evaluate("axe.run().then(({ violations }) => violations)"):
        for node in violation["nodes"]:
            yield f"{page.url}: {violation['id']}: {node['html'][:200]} {node['failureSummary']}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_to_say(
    chromium: Browser, service: Service, tour: Tour, axe: str, scheme: Scheme
) -> None:
    said: list[str] = []
    # A page that was not found says so in the console, too.
    session = {"storage_state": tour.state, "tolerated": "404 (Not Found)"}
    with visiting(chromium, service.url, color_scheme=scheme, **session) as page:
        for path in tour.paths:
            page.goto(path)
            page.evaluate(axe)
            said += complaints_of_axe(page)
    with visiting(chromium, service.url, color_scheme=scheme) as page:
        for path in ("/login", "/register"):
            page.goto(path)
            page.evaluate(axe)
            said += complaints_of_axe(page)

    assert said == []


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_are_light_stand_still_and_fit(
    chromium: Browser, service: Service, tour: Tour, width: int
) -> None:
    bodies: list[Response] = []
    session: Any = {"storage_state": tour.state, "tolerated": "404 (Not Found)"}
    size = {"width": width, "height": 800}
    with visiting(chromium, service.url, viewport=size, **session) as page:
        page.add_init_script(WATCH_SHIFTS)
        page.on("response", lambda answer: bodies.append(answer))  # noqa: PLW0108 -- takes no marks
        for path in tour.paths:
            bodies.clear()
            page.goto(path)
            page.wait_for_load_state("networkidle")
            sent = sum(len(each.body()) for each in bodies if each.request.resource_type in KINDS)

            assert sent < MOST_BYTES, path
            assert page.evaluate("window.shifts") < MOST_SHIFT, path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
