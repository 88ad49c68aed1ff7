"""Jobs canceled, tried again and deleted, by the commands that people type."""

import json
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import until
from tests.end_to_end.conftest import Service, all_items, drawing, finished, submit
from tests.end_to_end.test_command_line import copythat, files, raw
from tests.fakes.claude import OVERLOADED, ClaudeServer


def held_back(http: httpx.Client, claude: ClaudeServer, *seeds: int) -> dict[str, Any]:
    """Submit images of which none can be named before Claude answers."""
    claude.always = OVERLOADED
    job = submit(http, {f"{seed}.png": drawing(seed) for seed in seeds})
    until(lambda: claude.requests)
    return job


def test_a_canceled_job_ends_and_is_taken_up_again(
    service: Service, http: httpx.Client, claude: ClaudeServer
) -> None:
    job_id = held_back(http, claude, *range(720, 724))["id"]

    canceled = raw(service, "cancel", job_id)
    ended = finished(http, job_id)
    claude.reset()
    copythat(service, "retry", job_id)
    again = finished(http, job_id)

    assert canceled["cancel_asked_at"] is not None
    assert ended["status"] == "canceled"
    assert ended["counts"]["canceled"] == 4
    assert (again["status"], again["counts"]["degraded"]) == ("succeeded", 0)


def test_one_image_is_canceled_and_tried_again_alone(
    service: Service, http: httpx.Client, claude: ClaudeServer
) -> None:
    job_id = held_back(http, claude, 730, 731)["id"]
    one, other = all_items(http, job_id)

    canceled = copythat(service, "cancel", job_id, "--item", one["id"])
    claude.reset()
    partly = copythat(service, "watch", job_id)
    retried = raw(service, "retry", job_id, "--item", one["id"])
    ended = finished(http, job_id)

    assert (canceled.returncode, partly.returncode) == (0, 3)
    assert "canceled" in canceled.stdout
    assert other["filename"] not in canceled.stdout
    assert retried["counts"]["queued"] == 1
    assert ended["status"] == "succeeded"


def test_a_job_is_found_by_its_label_and_deleted(service: Service, tmp_path: Path) -> None:
    folder = files(tmp_path, {"a.png": drawing(740)})
    words = ("--label", "team=web", "--label", "run=7", "--deadline", "600", "--mode", "cv")

    submitted = copythat(service, "submit", folder, *words, "--wait", "--json")
    job = json.loads(submitted.stdout)
    found = raw(service, "jobs", "--label", "run=7", "--status", "succeeded")["data"]
    unsure = copythat(service, "delete", job["id"])
    deleted = copythat(service, "delete", job["id"], "--yes")
    gone = copythat(service, "status", job["id"])

    assert job["options"]["labels"] == {"team": "web", "run": "7"}
    assert job["deadline_at"] is not None
    assert [row["id"] for row in found] == [job["id"]]
    assert (unsure.returncode, deleted.returncode, gone.returncode) == (2, 0, 2)


def test_one_key_makes_one_job_on_the_command_line(service: Service, tmp_path: Path) -> None:
    folder = files(tmp_path, {"a.png": drawing(750)})
    words = ("submit", folder, "--mode", "cv", "--idempotency-key", "nightly 7")

    first, second = raw(service, *words), raw(service, *words)
    other = copythat(service, *words, "--priority", "low")

    assert first["id"] == second["id"]
    assert other.returncode == 2
    assert "Idempotency-Key" in other.stderr


def test_what_cannot_be_done_to_a_job_ends_with_2_and_a_reason(
    service: Service, http: httpx.Client, claude: ClaudeServer
) -> None:
    running = held_back(http, claude, 760)["id"]
    refused = copythat(service, "delete", running, "--yes")
    claude.reset()
    finished(http, running)

    pointless = copythat(service, "retry", running)
    absent = copythat(service, "cancel", "job_0")

    assert [done.returncode for done in (refused, pointless, absent)] == [2, 2, 2]
    assert "cancel it first" in refused.stderr
    assert "nothing to try again" in pointless.stderr


def test_results_are_lines_while_the_job_runs_and_after(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    job = held_back(http, claude, *range(770, 773))
    path = f"/jobs/{job['id']}/results.ndjson"

    while_running = http.get(path)
    claude.reset()
    finished(http, job["id"])
    lines = [json.loads(line) for line in http.get(path).text.splitlines()]

    assert while_running.status_code == 200
    assert [line["index"] for line in lines] == [0, 1, 2]
    assert all(line["token_set"]["tokens"]["color"] for line in lines)


def test_the_set_of_a_job_grows_while_the_job_runs(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    images = {f"{seed}.png": drawing(seed) for seed in range(760, 768)}
    finished(http, submit(http, images)["id"])
    claude.always = OVERLOADED
    job = submit(http, images | {"last.png": drawing(768)})
    tokens = f"/jobs/{job['id']}/tokens"

    until(lambda: http.get(tokens).status_code == httpx.codes.OK)
    growing = http.get(tokens).json()
    export = http.get(f"/jobs/{job['id']}/export/css")
    claude.reset()
    finished(http, job["id"])
    whole = http.get(tokens).json()

    assert growing["partial"]
    assert sorted(growing["source_images"]) == sorted(images)
    assert growing["tokens"]["color"]
    assert export.status_code == httpx.codes.CONFLICT
    assert not whole["partial"]
    assert sorted(whole["source_images"]) == sorted([*images, "last.png"])
