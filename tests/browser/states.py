"""Every page in every state that a visitor can bring it to, a step each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.conftest import (
    PASSWORD,
    await_state,
    hand_in,
    register,
    sample_screens,
    visiting,
)
from tests.end_to_end.conftest import Service, drawing
from tests.fakes.claude import OVERLOADED, ClaudeServer

VIEWS = ("images", "color", "spacing", "typography", "shadow", "gradient", "radius", "export")
# What a browser says of an answer that is an error, as some here are meant to be.
REFUSED = "the server responded with a status of"
# Requests to sign in that the unwelcome have in a minute.
LOGINS = 2
BROKEN = b"\x89PNG\r\n\x1a\n nothing"

Step = Callable[[Page], object]


@dataclass(frozen=True)
class Tour:
    """Somebody's session and the paths of all pages that they can see."""

    state: Any
    paths: Mapping[str, str]


def make_tour(chromium: Browser, service: Service, claude: ClaudeServer) -> Tour:
    """Return jobs of every ending; what is handed in afterwards waits for Claude for a while."""
    with visiting(chromium, service.url) as page:
        register(page)
        before = hand_in(page, {"before.png": drawing(886)})
        await_state(page, "Succeeded")
        failed = hand_in(page, {"broken.png": BROKEN})
        await_state(page, "Failed")
        job = hand_in(page, sample_screens() | {"broken.png": BROKEN})
        await_state(page, "Partly succeeded")
        items = page.locator(".tile a").evaluate_all("(all) => all.map((each) => each.pathname)")
        claude.always = OVERLOADED
        paths = {
            "jobs": "/",
            "no-such-jobs": "/?status=canceled",
            "status": "/status",
            "docs": "/docs",
            **{f"job-{view}": f"{job}?show={view}" for view in VIEWS},
            "job-failed": failed,
            "job-failed-images": f"{job}?show=images&status=failed",
            "compare-choose": f"{job}/compare",
            "compare": f"{job}/compare?before={before.rpartition('/')[2]}",
            "report": f"/api/v1{urlsplit(job).path}/report?format=html",
            "item": items[0],
            "item-failed": items[-1],
            "no-such-job": "/jobs/job_0",
            "no-such-page": "/nothing",
            "not-understood": "/?status=nonsense",
        }
        return Tour(page.context.storage_state(), paths)


def steps_of_a_member(tour: Tour) -> Iterator[tuple[str, Step]]:
    """Yield what somebody with jobs sees."""
    for name, path in tour.paths.items():
        yield name, partial(_go, path)
    yield "job-waiting", _wait_for_claude
    yield "not-ready", _compare_too_early
    yield "jobs-deleting", _ask_for_deletion
    yield "jobs-chosen", _choose_files
    yield "jobs-broken-off", _break_off
    yield "item-token", lambda page: _point_at_a_token(page, tour.paths["item"])
    yield "keys-made", _make_a_key
    yield "keys-refused", _make_a_nameless_key
    yield "forged", lambda page: _forge(page, "/keys", "Make a key")


def steps_of_a_newcomer() -> Iterator[tuple[str, Step]]:
    """Yield what somebody sees who has no account, and then one without anything in it."""
    yield "login", lambda page: page.goto("/login")
    yield "login-refused", partial(_guess, "the password is wrong")
    yield "login-paused", partial(_guess, "Too many logins")
    yield "login-forged", lambda page: _forge(page, "/login", "Sign in")
    yield "register", lambda page: page.goto("/register")
    yield "register-refused", _register_with_a_common_password
    yield "jobs-none", register
    yield "keys-none", lambda page: page.goto("/keys")


def steps_of_the_unwelcome() -> Iterator[tuple[str, Step]]:
    """Yield what a service says that lets nobody register, and few sign in."""
    yield "register-closed", lambda page: page.goto("/register")
    yield "too-many-requests", partial(_guess, "Too many requests")


def steps_without_a_database() -> Iterator[tuple[str, Step]]:
    """Yield what a service says whose database is away."""
    yield "unavailable", _sign_in


def _guess(told: str, page: Page) -> None:
    """Sign in wrongly until there is something to be told about it."""
    _sign_in(page)
    while not page.get_by_text(told).count():
        _sign_in(page)


def _wait_for_claude(page: Page) -> None:
    hand_in(page, {f"{seed}.png": drawing(seed) for seed in (881, 882)})
    page.locator(".standing", has_text="Waits for").wait_for()


def _compare_too_early(page: Page) -> None:
    job_id = page.url.rpartition("/")[2]
    page.goto(f"{page.url}/compare?before={job_id}")
    page.get_by_text("not_ready").wait_for()


def _ask_for_deletion(page: Page) -> None:
    page.goto("/")
    page.get_by_text("Delete…").first.click()


def _choose_files(page: Page) -> None:
    _choose(page, 883, 884)
    page.get_by_text("Options").click()
    expect(page.locator('[data-upload="estimate"]')).to_contain_text("call")


def _choose(page: Page, *seeds: int) -> None:
    page.goto("/")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(
        [
            FilePayload(name=f"screen {n}.png", mimeType="image/png", buffer=drawing(n))
            for n in seeds
        ]
    )


def _break_off(page: Page) -> None:
    _choose(page, 885)
    page.route("**/api/v1/jobs", lambda route: route.fulfill(status=499, body=""))
    page.get_by_role("button", name="Start the job").click()
    page.get_by_role("alert").wait_for()
    page.unroute("**/api/v1/jobs")


def _point_at_a_token(page: Page, path: str) -> None:
    page.goto(path)
    page.locator(".finding summary").first.click()


def _make_a_key(page: Page) -> None:
    page.goto("/keys")
    page.get_by_label("Name of the new key").fill("build server")
    page.get_by_role("button", name="Make a key").click()
    page.locator("#secret").wait_for()


def _make_a_nameless_key(page: Page) -> None:
    page.goto("/keys")
    page.evaluate("document.querySelector('form.card').noValidate = true")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_role("alert").wait_for()


def _go(path: str, page: Page) -> None:
    page.goto(path)


def _sign_in(page: Page) -> None:
    """Send the form to sign in, and wait for what is said to it."""
    page.goto("/login")
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


def _register_with_a_common_password(page: Page) -> None:
    page.goto("/register")
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password").fill("password1234")
    page.get_by_role("button", name="Register").click()
    page.get_by_role("alert").wait_for()


def _forge(page: Page, path: str, button: str) -> None:
    """Send a form without what our pages put into it."""
    page.goto(path)
    page.evaluate(
        """() => {
            for (const each of document.querySelectorAll('form')) each.noValidate = true;
            for (const each of document.querySelectorAll('[name=csrf]')) each.value = '';
        }"""
    )
    page.get_by_role("button", name=button).click()
    page.get_by_text("forged_request").wait_for()
