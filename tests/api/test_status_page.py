"""The page for who runs the service."""

import httpx
from sqlalchemy import Engine

from shared.errors import Problem
from tests.api.browsing import token
from tests.api.playing import claim_next, fail, finish_all
from tests.api.server import new_job


def test_what_waits_and_what_runs_is_told(browser: httpx.Client, engine: Engine) -> None:
    browser.headers["X-CSRF-Token"] = token(browser.get("/"))
    new_job(browser)
    waiting = browser.get("/status").text
    claim_next(engine)
    running = browser.get("/status").text

    row = '<th scope="row">cv</th><td>{}</td><td>{}</td>'
    assert row.format(1, 0) in waiting
    assert row.format(0, 1) in running


def test_pace_and_failures_are_told(browser: httpx.Client, engine: Engine) -> None:
    browser.headers["X-CSRF-Token"] = token(browser.get("/"))
    new_job(browser)
    finish_all(engine)
    new_job(browser, force=True, token_types=["color"])
    while claimed := claim_next(engine):
        fail(engine, claimed, Problem("decode_failed", "The image <cannot> be decoded", "x"))

    page = browser.get("/status").text

    assert '<th scope="row">assemble</th><td>1</td><td>0.2</td>' in page
    assert "The image &lt;cannot&gt; be decoded" in page


def test_it_is_told_whether_everything_answers(browser: httpx.Client) -> None:
    page = browser.get("/status").text

    assert page.count('<span class="badge succeeded">Up</span>') == 3
    assert "No key" in page


def test_it_is_for_users_alone(anonymous: httpx.Client) -> None:
    assert anonymous.get("/status").headers["location"] == "/login?next=/status"
