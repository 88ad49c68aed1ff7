"""What people do here, from the first visit to the last, in a real browser."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import (
    TIMEOUT_S,
    await_state,
    drop,
    hand_in,
    register,
    sample_screens,
    visiting,
)
from tests.end_to_end.conftest import Service, drawing
from tests.fakes.claude import OVERLOADED, ClaudeServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(TIMEOUT_S)]


def test_from_a_dropped_archive_to_an_export_and_out(page: Page) -> None:
    drop(page, sample_screens())
    expect(page.locator('[data-upload="estimate"]')).to_contain_text("8 images · 8 calls")
    page.get_by_role("button", name="Start the job").click()
    await_state(page, "Succeeded")

    page.get_by_role("link", name="Spacing").click()
    expect(page.locator(".token").first).to_be_visible()
    page.locator(".about summary").first.click()
    page.locator(".seen a").first.click()
    expect(page.locator(".overlay .lit")).to_have_count(1)

    page.get_by_role("link", name="screens.zip").click()
    page.get_by_role("link", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Tailwind 4").click()
    page.get_by_role("button", name="Sign out").click()

    assert "@theme" in download.value.path().read_text()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_images_of_a_running_job_appear_by_themselves(
    page: Page, claude: ClaudeServer
) -> None:
    claude.always = OVERLOADED
    hand_in(page, {"one.png": drawing(1300), "two.png": drawing(1301)})
    expect(page.locator(".tile")).to_have_count(2)
    claude.reset()

    await_state(page, "Succeeded")

    expect(page.get_by_role("link", name="Color")).to_be_visible()
    expect(page.locator(".tile .badge.queued")).to_have_count(0)


def test_two_jobs_at_once_are_followed_on_the_list(page: Page) -> None:
    for seed in (1310, 1311):
        hand_in(page, {f"{seed}.png": drawing(seed)})
    page.goto("/")

    expect(page.locator(".job .badge.succeeded")).to_have_count(2)


def test_a_failed_image_tells_its_reason_and_is_tried_again(page: Page) -> None:
    hand_in(page, {"good.png": drawing(1320), "broken.png": b"\x89PNG\r\n\x1a\n then nothing"})
    await_state(page, "Partly succeeded")
    page.get_by_role("link", name="Failed 1").click()
    expect(page.locator(".tile-reason")).to_contain_text("image")

    page.get_by_role("button", name="Retry 1 image").click()

    await_state(page, "Partly succeeded")


def test_a_job_is_canceled_tried_again_and_deleted(page: Page, claude: ClaudeServer) -> None:
    claude.always = OVERLOADED
    hand_in(page, {f"{seed}.png": drawing(seed) for seed in range(1330, 1334)})
    page.get_by_role("button", name="Cancel").click()
    await_state(page, "Canceled")
    claude.reset()
    page.get_by_role("button", name="Retry").click()
    await_state(page, "Succeeded")

    page.get_by_text("Delete…").click()
    page.get_by_role("button", name="Delete this job").click()

    expect(page.get_by_text("Nothing here yet")).to_be_visible()


def test_an_upload_that_breaks_off_is_sent_again_as_the_same_job(
    chromium: Browser, service: Service
) -> None:
    with visiting(chromium, service.url, tolerated="net::ERR_FAILED") as page:
        register(page)
        drop(page, {"one.png": drawing(1340)})
        page.route("**/api/v1/jobs", lambda route: route.abort())
        page.get_by_role("button", name="Start the job").click()
        expect(page.get_by_role("alert")).to_contain_text("the connection broke")
        page.unroute("**/api/v1/jobs")
        page.get_by_role("button", name="Try again").click()

        page.wait_for_url("**/jobs/job_*")


def test_a_token_is_copied_in_the_format_that_was_chosen(page: Page) -> None:
    hand_in(page, {"one.png": drawing(1350)})
    await_state(page, "Succeeded")
    page.get_by_role("link", name="Color").click()
    page.get_by_label("Copy as").select_option("scss")
    name = page.locator(".token strong").first.inner_text()

    page.locator(".token").first.hover()
    page.get_by_role("button", name=f"Copy {name}", exact=True).click()

    expect(page.locator(".toast")).to_have_text("Copied")
    assert f"$color-{name}: " in page.evaluate("navigator.clipboard.readText()")


def test_everything_is_read_without_a_script(
    page: Page, chromium: Browser, service: Service
) -> None:
    path = hand_in(page, {"one.png": drawing(1360)})
    await_state(page, "Succeeded")
    state = page.context.storage_state()

    plainly = visiting(chromium, service.url, storage_state=state, java_script_enabled=False)
    with plainly as plain:
        plain.goto(path)
        expect(plain.locator(".token")).not_to_have_count(0)
        plain.get_by_role("link", name="Images").click()
        plain.locator(".tile a").click()
        expect(plain.locator(".overlay g path")).not_to_have_count(0)
        plain.goto("/")
        expect(plain.locator(".job-name")).to_have_text("one.png")


def test_an_operation_is_tried_from_the_documentation(page: Page) -> None:
    page.goto("/docs")
    page.locator("#operations-authentication-read_me .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    expect(page.locator(".live-responses-table .response")).to_contain_text("@example.com")
