"""The drift report of a job."""

import httpx
import pytest

from shared.tokens import Color, TextOn, Tokens
from tests.api.conftest import MakeJob
from tests.api.server import assert_problem, new_job
from tests.token_sets import token

AMBER = token(
    "amber", Color(hex="#d97a1e"), role="text", on=(TextOn(background="#ffffff", count=7),)
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def address(job_with: MakeJob) -> str:
    """Where the report of a job is."""
    return f"/api/v1/jobs/{job_with(Tokens(color=(AMBER,)))}/report"


def test_a_report_tells_what_drifts_and_what_it_should_be(
    client: httpx.Client, address: str
) -> None:
    found = client.get(address).json()

    (low,) = found["low_contrast"]
    assert (low["ratio"], low["required"], low["lines"]) == (3.11, 4.5, 7)
    assert low["token"]["name"] == "amber"
    assert low["probably"] == {"name": None, "value": low["probably"]["value"]}
    assert set(found) == {"off_scale", "near_duplicates", "rare", "low_contrast", "scales"}


@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        ("", "*/*", "application/json"),
        ("", "application/json, text/html", "application/json"),
        ("", BROWSER, "text/html; charset=utf-8"),
        ("?format=html", "application/json", "text/html; charset=utf-8"),
        ("?format=json", BROWSER, "application/json"),
    ],
)
def test_a_report_comes_as_it_is_asked_for(
    client: httpx.Client, address: str, query: str, accept: str, media_type: str
) -> None:
    answer = client.get(address + query, headers={"Accept": accept})

    assert answer.headers["content-type"] == media_type
    assert answer.headers["vary"] == "Accept"


def test_the_page_may_run_and_load_nothing(client: httpx.Client, address: str) -> None:
    answer = client.get(address, params={"format": "html"})

    assert answer.headers["content-security-policy"].startswith("default-src 'none';")
    assert "amber on #ffffff" in answer.text


def test_another_format_is_refused(client: httpx.Client, address: str) -> None:
    assert_problem(client.get(address, params={"format": "pdf"}), 422, "validation_failed")


def test_a_stranger_s_report_is_as_absent(stranger: httpx.Client, address: str) -> None:
    assert_problem(stranger.get(address), 404, "not_found")


def test_a_job_that_runs_has_no_report(client: httpx.Client) -> None:
    address = f"/api/v1/jobs/{new_job(client)['id']}/report"

    assert_problem(client.get(address), 409, "not_ready")
