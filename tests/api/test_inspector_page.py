"""One image's page without a script, and its overlay as SVG."""

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from shared.db import results
from shared.db.engine import transaction
from tests.api.browsing import HOSTILE, token
from tests.api.playing import finish_all
from tests.api.server import IMAGE, assert_problem, submit

DRAWN = re.compile(r'<path (?:data-token|id)="([^"]+)" d="([^"]*)"')


@pytest.fixture
def owner(browser: httpx.Client) -> httpx.Client:
    """Somebody signed in, whose scripts may use the API."""
    browser.headers["X-CSRF-Token"] = token(browser.get("/"))
    return browser


def image(owner: httpx.Client, engine: Engine) -> dict[str, Any]:
    """An image that was measured, of 160 by 120 pixels."""
    job = submit(owner, (HOSTILE + ".png", IMAGE[1])).json()
    item: dict[str, Any] = owner.get(job["links"]["items"]).json()["data"][0]
    finish_all(engine)
    with transaction(engine) as connection:
        results.store_image_size(connection, item["sha256"], 160, 120)
    return item


def page_of(item: dict[str, Any]) -> str:
    return f"/jobs/{item['job_id']}/items/{item['id']}"


def test_an_image_is_shown_with_its_tokens_and_their_places(
    owner: httpx.Client, engine: Engine
) -> None:
    item = image(owner, engine)

    page = owner.get(page_of(item), params={"type": "color", "at": "8,4"}).text

    assert 'viewBox="0 0 160 120"' in page
    assert dict(DRAWN.findall(page)) == {"color.blue-600": "M8 4h12v6h-12z"}
    assert 'data-token="color.blue-600" open' in page
    assert "<script>alert" not in page


def test_an_image_that_waits_says_so(owner: httpx.Client) -> None:
    job = submit(owner, IMAGE).json()
    item = owner.get(job["links"]["items"]).json()["data"][0]

    page = owner.get(page_of(item)).text

    assert "still worked on" in page
    assert f"{page_of(item)}/cancel" in page


def test_an_image_leads_to_its_neighbours(owner: httpx.Client) -> None:
    files = [(f"{n}.png", IMAGE[1] + bytes([n])) for n in range(3)]
    job = submit(owner, *files).json()
    first, second, third = owner.get(job["links"]["items"]).json()["data"]

    page = owner.get(page_of(second)).text

    assert f'rel="prev" href="{page_of(first)}"' in page
    assert f'rel="next" href="{page_of(third)}"' in page
    assert 'rel="prev"' not in owner.get(page_of(first)).text


def test_one_image_is_canceled_and_tried_again(owner: httpx.Client) -> None:
    job = submit(owner, IMAGE).json()
    item = owner.get(job["links"]["items"]).json()["data"][0]
    form = {"csrf": owner.headers["X-CSRF-Token"]}

    owner.post(f"{page_of(item)}/cancel", data=form)
    canceled = owner.get(item["links"]["self"]).json()["status"]
    owner.post(f"{page_of(item)}/retry", data=form)

    assert canceled == "canceled"
    assert owner.get(item["links"]["self"]).json()["status"] == "queued"


def test_an_overlay_is_a_drawing_of_the_image_s_size(owner: httpx.Client, engine: Engine) -> None:
    item = image(owner, engine)

    answer = owner.get(f"{item['links']['self']}/overlay.svg")

    assert answer.headers["content-type"] == "image/svg+xml"
    assert 'width="160" height="120" viewBox="0 0 160 120"' in answer.text
    assert dict(DRAWN.findall(answer.text)) == {"color.blue-600": "M8 4h12v6h-12z"}


def test_an_overlay_holds_the_types_that_are_asked_for(
    owner: httpx.Client, engine: Engine
) -> None:
    item = image(owner, engine)

    drawing = owner.get(f"{item['links']['self']}/overlay.svg", params={"types": "spacing,radius"})

    assert re.findall('<g id="([a-z]+)"', drawing.text) == ["spacing", "radius"]


def test_an_unknown_type_and_an_unmeasured_image_have_no_overlay(
    owner: httpx.Client,
) -> None:
    waiting = submit(owner, IMAGE).json()
    item = owner.get(waiting["links"]["items"]).json()["data"][0]
    path = f"{item['links']['self']}/overlay.svg"

    assert_problem(owner.get(path), 409, "not_ready")
    assert_problem(owner.get(path, params={"types": "sound"}), 422, "validation_failed")
