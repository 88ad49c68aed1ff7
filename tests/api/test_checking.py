"""A design system's file against the screens of a job."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from shared.export import Format, export
from shared.imports import MAX_BYTES
from shared.tokens import Color, Tokens
from tests.api.conftest import MakeJob
from tests.api.server import assert_problem, new_job
from tests.token_sets import of, token

SCREENS = Tokens(color=(token("blue", Color(hex="#2563eb"), usage=3),))
DESIGN = of(
    Tokens(color=(token("brand", Color(hex="#2563eb")), token("red", Color(hex="#b91c1c"))))
)
FILE = export(DESIGN, Format.W3C).content


@pytest.fixture
def address(job_with: MakeJob) -> str:
    """Where files are checked against a job."""
    return f"/api/v1/jobs/{job_with(SCREENS)}/check"


def test_a_file_is_told_what_screens_use_of_it(client: httpx.Client, address: str) -> None:
    found = client.post(address, content=FILE).json()

    assert (found["used"], found["unused"], found["foreign"]) == (1, 1, 0)
    assert found["adherence"] == 1
    (used,) = found["tokens"]["color"]["used"]
    assert (used["design"]["path"], used["seen"]["name"]) == ("color.brand", "blue")
    assert [each["path"] for each in found["tokens"]["color"]["unused"]] == ["color.red"]


def test_a_file_may_be_larger_than_other_bodies(client: httpx.Client, address: str) -> None:
    padded = FILE + b" " * (2 * 2**20)

    assert client.post(address, content=padded).status_code == 200


def test_files_that_come_at_once_are_read_in_turn(client: httpx.Client, address: str) -> None:
    color = json.loads(FILE)["color"]["brand"]
    file = json.dumps({"color": {f"blue-{number}": color for number in range(2000)}})

    with ThreadPoolExecutor(6) as pool:
        checks = [pool.submit(client.post, address, content=file) for _ in range(6)]
        served = client.get("/api/v1/auth/me")
        found = [each.result().json() for each in checks]

    assert served.status_code == 200
    assert all(each == found[0] for each in found)
    assert found[0]["used"] == 2000


def test_a_file_that_is_too_large_is_refused(client: httpx.Client, address: str) -> None:
    assert_problem(client.post(address, content=b" " * (MAX_BYTES + 1)), 413, "upload_too_large")


def test_what_is_wrong_with_a_file_is_told_with_its_place(
    client: httpx.Client, address: str
) -> None:
    file = {"a": {"$type": "color", "$value": "#2563eb"}}

    problem = assert_problem(
        client.post(address, content=json.dumps(file)), 422, "unreadable_tokens"
    )

    assert [each["pointer"] for each in problem["errors"]] == ["/a/$value"]


def test_a_stranger_s_job_is_as_absent(stranger: httpx.Client, address: str) -> None:
    assert_problem(stranger.post(address, content=FILE), 404, "not_found")


def test_a_job_that_runs_is_not_checked(client: httpx.Client) -> None:
    address = f"/api/v1/jobs/{new_job(client)['id']}/check"

    assert_problem(client.post(address, content=FILE), 409, "not_ready")
