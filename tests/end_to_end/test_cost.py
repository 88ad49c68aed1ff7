"""What jobs cost: foretold, capped, and told after."""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.conftest import Service, all_items, drawing, finished, submit, up
from tests.fakes.claude import ClaudeServer

SAMPLES = Path(__file__).parents[2] / "samples/screens.zip"
# A call about a drawing costs a little more than this, and with the rules in it twice as much.
CALL_USD = 0.00009
CAP_USD = 0.0006


def screens() -> dict[str, bytes]:
    with zipfile.ZipFile(SAMPLES) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def estimate(http: httpx.Client, files: dict[str, bytes]) -> dict[str, float]:
    parts = [("files", file) for file in files.items()]
    told: dict[str, float] = http.post("/jobs/estimate", files=parts).json()
    return told


@pytest.fixture
def newcomer(service: Service, http: httpx.Client) -> Iterator[httpx.Client]:
    """Somebody whose images nobody has measured before, so that none tells what others have."""
    del http  # nothing is scripted
    user = {"email": "berta@example.com", "password": os.urandom(12).hex()}
    with httpx.Client(base_url=f"{service.url}/api/v1", timeout=30) as client:
        client.post("/auth/register", json=user).raise_for_status()
        form = {"username": user["email"], "password": user["password"]}
        pair = client.post("/auth/login", data=form).raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {pair['access_token']}"
        yield client


def test_an_estimate_is_within_15_percent_of_what_the_job_then_costs(
    newcomer: httpx.Client,
) -> None:
    files = screens()
    told = estimate(newcomer, files)

    job = finished(newcomer, submit(newcomer, files)["id"])
    again = estimate(newcomer, files)

    assert job["counts"]["succeeded"] == told["images"] == len(files)
    assert told["calls"] == job["cost"]["calls"]
    assert told["usd"] == pytest.approx(job["cost"]["usd"], rel=0.15)
    assert (again["calls"], again["usd"]) == (0, 0)
    assert again["saved_usd"] == pytest.approx(job["cost"]["usd"], rel=0.15)


def test_images_past_the_cap_of_their_job_are_named_by_rule_and_say_why(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    files = {f"{seed}.png": drawing(seed) for seed in range(820, 836)}

    job = finished(http, submit(http, files, max_cost_usd=CAP_USD)["id"])

    degraded = [item for item in all_items(http, job["id"]) if item["degraded"]]
    assert job["status"] == "succeeded"
    assert 0 < len(claude.requests) <= CAP_USD / CALL_USD
    assert len(degraded) == job["counts"]["degraded"] == len(files) - len(claude.requests)
    assert {item["error"]["code"] for item in degraded} == {"cost_cap_reached"}
    assert job["cost"]["capped_by"] == "job"


@pytest.fixture(scope="module")
def thrifty(
    claude: ClaudeServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A service that may spend what a few calls cost a day."""
    cap = {"COPYTHAT_DAILY_COST_CAP_USD": str(CAP_USD)}
    with (
        up(tmp_path_factory.mktemp("thrifty"), claude, **cap) as service,
        service.client() as client,
    ):
        yield client


def test_a_service_that_may_spend_no_more_today_names_by_rule_and_says_why(
    thrifty: httpx.Client, claude: ClaudeServer
) -> None:
    claude.reset()
    jobs = [
        finished(thrifty, submit(thrifty, {f"{seed}.png": drawing(seed) for seed in seeds})["id"])
        for seeds in (range(840, 856), range(860, 868))
    ]

    assert [job["status"] for job in jobs] == ["succeeded", "succeeded"]
    assert [job["cost"]["capped_by"] for job in jobs] == ["day", "day"]
    assert 0 < len(claude.requests) <= CAP_USD / CALL_USD
    assert sum(job["cost"]["calls"] for job in jobs) == len(claude.requests)
