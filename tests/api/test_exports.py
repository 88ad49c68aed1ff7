"""Token sets as files."""

import hashlib

import httpx
import pytest
from sqlalchemy import Engine

from shared.export import Format
from tests.api.playing import finish_all
from tests.api.server import new_job


@pytest.fixture
def exports(client: httpx.Client, engine: Engine) -> str:
    """Where the exports of a job are that has ended."""
    job = new_job(client)
    finish_all(engine)
    return f"{job['links']['self']}/export"


@pytest.mark.parametrize(
    ("format_", "name", "media_type"),
    [
        (Format.W3C, "tokens.json", "application/design-tokens+json"),
        (Format.LEGACY, "legacy.tokens.json", "application/json"),
        (Format.CSS, "tokens.css", "text/css; charset=utf-8"),
        (Format.SCSS, "tokens.scss", "text/x-scss; charset=utf-8"),
        (Format.REACT, "theme.ts", "text/typescript; charset=utf-8"),
        (Format.TAILWIND, "tailwind.css", "text/css; charset=utf-8"),
        (Format.TAILWIND3, "tailwind.config.js", "text/javascript; charset=utf-8"),
        (Format.HTML, "tokens.html", "text/html; charset=utf-8"),
        (Format.ZIP, "tokens.zip", "application/zip"),
    ],
)
def test_a_file_says_what_it_is_and_is_known_by_its_bytes(
    client: httpx.Client, exports: str, format_: Format, name: str, media_type: str
) -> None:
    answer = client.get(f"{exports}/{format_.value}")

    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'


@pytest.mark.parametrize("known", ["{tag}", "W/{tag}", '"other", {tag}', "*"])
def test_a_file_that_the_client_has_is_not_sent_again(
    client: httpx.Client, exports: str, known: str
) -> None:
    tag = client.get(f"{exports}/css").headers["etag"]

    same = client.get(f"{exports}/css", headers={"If-None-Match": known.format(tag=tag)})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)


def test_another_format_is_another_file(client: httpx.Client, exports: str) -> None:
    tag = client.get(f"{exports}/css").headers["etag"]

    assert client.get(f"{exports}/scss", headers={"If-None-Match": tag}).status_code == 200


def test_an_unknown_format_is_refused(client: httpx.Client, exports: str) -> None:
    assert client.get(f"{exports}/sketch").status_code == 422


def test_an_item_s_own_set_is_a_file_of_its_own(client: httpx.Client, engine: Engine) -> None:
    job = new_job(client)
    (item,) = client.get(job["links"]["items"]).json()["data"]
    finish_all(engine)
    url = f"{job['links']['self']}/export/css"

    whole, alone = client.get(url), client.get(url, params={"item": item["id"]})

    assert "--color-blue-600: #2563eb" in alone.text
    assert alone.headers["content-disposition"] == whole.headers["content-disposition"]
