"""What people wait for in a browser: the first paint of a page, and scrolling 10,000 images.

Source: "First Contentful Paint" and "Long tasks" of the W3C's Paint Timing and Long Tasks APIs.
"""

import shutil
import sys
import time
from statistics import median

import httpx
from playwright.sync_api import Page, sync_playwright

from samples.render import ARCHIVE
from tests.bench.figures import Figure, report
from tests.bench.pictures import write_zip
from tests.bench.running import Bench, await_end, bench, hand_in
from tests.end_to_end.conftest import drawing

PART = "pages"
ITEMS = 10_000
LOADS = 5
SCROLLING_S = 30.0
MOST_PAINT_MS = 1000.0
MOST_TASK_MS = 200.0
ACCOUNT = {"email": "bench@example.com", "password": "correct horse battery"}
WATCH_TASKS = """
    window.tasks = [0];
    new PerformanceObserver((list) => {
        for (const task of list.getEntries()) window.tasks.push(task.duration);
    }).observe({ type: 'longtask', buffered: true });
"""
FIRST_PAINT = """() => new Promise((tell) => {
    new PerformanceObserver((list) => {
        const [paint] = list.getEntriesByName('first-contentful-paint');
        if (paint) tell(paint.startTime);
    }).observe({ type: 'paint', buffered: true });
})"""


def hand_in_both(running: Bench) -> tuple[str, str]:
    """Return the ids of a job of the samples and of one of 10,000 images, which have ended."""
    base = f"{running.service.url}/api/v1"
    with httpx.Client(base_url=base, timeout=30) as http:
        http.post("/auth/register", json=ACCOUNT).raise_for_status()
        form = {"username": ACCOUNT["email"], "password": ACCOUNT["password"]}
        access_token = http.post("/auth/login", data=form).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {access_token}"
        samples = hand_in(http, ARCHIVE)
        copies = [(f"{number:05}.png", drawing(1)) for number in range(ITEMS)]
        large = hand_in(http, write_zip(running.scratch / "copies.zip", copies))
        for job_id in (samples, large):
            await_end(running.engine, job_id)
        return samples, large


def first_paint_ms(page: Page, path: str) -> float:
    """Return the median time to the first paint of some loads."""
    taken = []
    for _ in range(LOADS):
        page.goto(path)
        taken.append(float(page.evaluate(FIRST_PAINT)))
    return median(taken)


def scroll(page: Page, path: str) -> tuple[float, int]:
    """Return the longest task of scrolling for a while, in ms, and the images that came by."""
    page.goto(path)
    page.mouse.move(400, 400)
    end_s = time.monotonic() + SCROLLING_S
    while time.monotonic() < end_s:
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(50)
    return float(page.evaluate("Math.max(...window.tasks)")), page.locator(".tile").count()


def run() -> list[Figure]:
    """Return paints of the main pages, and the longest task of scrolling."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("pages: chromium is not installed on this machine")
        return []
    with bench() as running, sync_playwright() as playwright:
        samples, large = hand_in_both(running)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(base_url=running.service.url)
        page.add_init_script(WATCH_TASKS)
        page.goto("/login")
        page.get_by_label("Email").fill(ACCOUNT["email"])
        page.get_by_label("Password").fill(ACCOUNT["password"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        paths = {
            "jobs": "/",
            "colors of a job": f"/jobs/{samples}?show=color",
            "images of 10,000": f"/jobs/{large}?show=images",
        }
        paints = {name: first_paint_ms(page, path) for name, path in paths.items()}
        task_ms, tiles = scroll(page, paths["images of 10,000"])
        browser.close()
    figures = [
        Figure(PART, f"first paint, {name}", value, "ms", at_most=MOST_PAINT_MS)
        for name, value in paints.items()
    ]
    longest = Figure(PART, "longest task while scrolling", task_ms, "ms", at_most=MOST_TASK_MS)
    return [*figures, longest, Figure(PART, f"images in {SCROLLING_S:.0f} s", tiles, "")]


if __name__ == "__main__":
    sys.exit(0 if report(run()) else 1)
