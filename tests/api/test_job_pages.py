"""A job's page without a script: its progress, its images, its tokens as what they are."""

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from shared.db import results
from shared.db.engine import transaction
from shared.errors import Problem
from shared.tokens import PIPELINE_VERSION, Tokens
from tests.api.browsing import HOSTILE, token
from tests.api.playing import claim_next, fail, finish_all
from tests.api.server import IMAGE, new_job, submit
from tests.token_sets import RICH, px
from tests.token_sets import token as a_token


@pytest.fixture
def owner(browser: httpx.Client) -> httpx.Client:
    """Somebody signed in, whose scripts may use the API."""
    browser.headers["X-CSRF-Token"] = token(browser.get("/"))
    return browser


def done(owner: httpx.Client, engine: Engine, tokens: Tokens) -> str:
    """A job that came to these tokens."""
    job_id: str = new_job(owner, name=HOSTILE)["id"]
    finish_all(engine)
    stored: dict[str, Any] = tokens.model_dump(mode="json", by_alias=True)
    with transaction(engine) as connection:
        results.store_job_tokens(connection, job_id, PIPELINE_VERSION, ["one.png"], stored)
    return f"/jobs/{job_id}"


def test_a_job_that_waits_shows_its_images_and_what_can_be_done(owner: httpx.Client) -> None:
    job = new_job(owner, name=HOSTILE)

    page = owner.get(f"/jobs/{job['id']}").text

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "one.png" in page
    assert f"/jobs/{job['id']}/cancel" in page


@pytest.mark.parametrize(
    "view", ["color", "spacing", "typography", "shadow", "gradient", "radius"]
)
def test_every_token_of_a_type_is_shown(owner: httpx.Client, engine: Engine, view: str) -> None:
    page = owner.get(done(owner, engine, RICH.tokens), params={"show": view}).text

    shown = set(re.findall(r'class="token" id="([^"]+)"', page))
    assert shown == {each.name for each in getattr(RICH.tokens, view)}


def test_a_type_without_tokens_says_so(owner: httpx.Client, engine: Engine) -> None:
    page = owner.get(done(owner, engine, Tokens()), params={"show": "shadow"}).text

    assert "None was found" in page


def test_many_tokens_are_shown_on_demand(owner: httpx.Client, engine: Engine) -> None:
    many = Tokens(spacing=tuple(a_token(f"s-{n}", px(n)) for n in range(1, 201)))
    path = done(owner, engine, many)

    some = owner.get(path, params={"show": "spacing"}).text
    all_of_them = owner.get(path, params={"show": "spacing", "extent": "all"}).text

    assert some.count('class="token"') == 60
    assert "Show 140 more" in some
    assert all_of_them.count('class="token"') == 200


def test_a_token_is_copied_as_its_own_export(owner: httpx.Client, engine: Engine) -> None:
    path = done(owner, engine, Tokens(spacing=(a_token("4", px(4)), a_token("8", px(8)))))

    css = owner.get(f"{path}/tokens/spacing/8")
    scss = owner.get(f"{path}/tokens/spacing/8", params={"format": "scss"})

    assert "--spacing-8: 8px" in css.text
    assert "--spacing-4" not in css.text
    assert "$spacing-8: 8px" in scss.text
    assert owner.get(f"{path}/tokens/spacing/9").status_code == 404


def test_a_failed_image_says_why(owner: httpx.Client, engine: Engine) -> None:
    job = submit(owner, IMAGE, ("two.png", b"no image")).json()
    claimed = claim_next(engine)
    assert claimed is not None
    fail(engine, claimed, Problem("decode_failed", "It cannot be decoded", "an <early> end"))
    finish_all(engine)

    page = owner.get(f"/jobs/{job['id']}", params={"show": "images", "status": "failed"}).text

    assert "an &lt;early&gt; end" in page
    assert "Retry 2 images" in page


def test_images_come_page_by_page(owner: httpx.Client) -> None:
    files = [(f"{n:03}.png", IMAGE[1] + bytes([n])) for n in range(120)]
    assert submit(owner, *files[:20]).status_code == 202
    job = owner.get("/api/v1/jobs").json()["data"][0]

    first = owner.get(f"/jobs/{job['id']}").text
    rest = owner.get(f"/jobs/{job['id']}", params={"show": "images", "after": 17}).text

    assert first.count('class="tile"') == 20
    assert rest.count('class="tile"') == 2


def test_what_is_not_confirmed_stands_apart(owner: httpx.Client, engine: Engine) -> None:
    tokens = (a_token("4", px(4)), a_token("5", px(5), confirmed=False))
    page = owner.get(done(owner, engine, Tokens(spacing=tokens)), params={"show": "spacing"}).text

    assert page.index('id="4"') < page.index("not confirmed") < page.index('id="5"')


def test_a_job_is_compared_with_an_earlier_one(owner: httpx.Client, engine: Engine) -> None:
    before = done(owner, engine, Tokens(spacing=(a_token("4", px(4)), a_token("16", px(16)))))
    after = done(owner, engine, Tokens(spacing=(a_token("4", px(4)), a_token("40", px(40)))))

    offer = owner.get(f"{after}/compare").text
    page = owner.get(f"{after}/compare", params={"before": before.removeprefix("/jobs/")}).text
    same = owner.get(f"{after}/compare", params={"before": after.removeprefix("/jobs/")}).text

    assert f'value="{before.removeprefix("/jobs/")}"' in offer
    assert re.findall(r"<h3>(\w+) <", page) == ["Changed"]
    assert re.findall(r"<strong>(\d+)<", page) == ["16", "40"]
    assert "Nothing changed" in same


def test_images_are_to_be_had_alone(owner: httpx.Client) -> None:
    job = new_job(owner)

    images = owner.get(f"/jobs/{job['id']}", params={"show": "images", "part": "images"}).text

    assert images.count('class="tile"') == 1
    assert "<html" not in images


def test_the_head_is_to_be_had_alone(owner: httpx.Client) -> None:
    job = new_job(owner)

    head = owner.get(f"/jobs/{job['id']}/head").text

    assert 'data-live="head"' in head
    assert "<html" not in head


def test_the_page_of_a_stranger_s_job_is_not_found(
    owner: httpx.Client, client: httpx.Client
) -> None:
    job = new_job(client)

    assert owner.get(f"/jobs/{job['id']}").status_code == 404


def test_an_unknown_view_is_refused_on_a_page(owner: httpx.Client) -> None:
    answer = owner.get(f"/jobs/{new_job(owner)['id']}", params={"show": "sounds"})

    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")
