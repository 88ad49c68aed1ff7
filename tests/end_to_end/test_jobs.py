"""The main job over HTTP, with real workers and real servers."""

import os
import signal
from typing import Any

import cv2
import httpx
import numpy as np
import psutil
import pytest
from llmock.scenarios import Delay, Reply

from tests.archives import zip_of
from tests.conftest import until
from tests.end_to_end.conftest import (
    JOB_WITHIN_S,
    Service,
    all_items,
    drawing,
    finished,
    submit,
)
from tests.fakes.claude import (
    CUT_JSON,
    HTML_PAGE,
    NO_TOOL_CALL,
    OVERLOADED,
    REFUSAL,
    ClaudeServer,
    Raw,
)

# Longer than a worker that stops waits for what it has in hand.
HANGS_S = 30


def archive(first: int, count: int) -> dict[str, bytes]:
    files = {f"screens/{n:03}.png": drawing(n) for n in range(first, first + count)}
    return {"screens.zip": zip_of(files)}


def workers(service: Service, queue: str) -> list[psutil.Process]:
    """Return the processes that serve a queue, the parent first."""
    return [
        process
        for process in psutil.Process(service.pid).children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE
        if "celery" in " ".join(process.cmdline()) and f" {queue}" in " ".join(process.cmdline())
    ]


def test_an_archive_of_300_images_succeeds_and_is_cached_the_second_time(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    files = archive(0, 300)

    first = finished(http, submit(http, files)["id"])
    calls = len(claude.requests)
    second = finished(http, submit(http, files)["id"])

    assert (first["status"], first["counts"]["succeeded"]) == ("succeeded", 300)
    assert calls == 300
    assert (second["status"], second["counts"]["cached"]) == ("succeeded", 300)
    assert len(claude.requests) == calls
    items = all_items(http, first["id"])
    assert [item["filename"] for item in items] == [f"screens/{n:03}.png" for n in range(300)]


def test_one_bad_image_fails_alone(http: httpx.Client) -> None:
    files = {
        "good.png": drawing(301),
        "cut.png": drawing(302)[:200],
        "fake.png": b"not an image",
        "notes.txt": b"skip me",
    }

    job = finished(http, submit(http, {"mixed.zip": zip_of(files)})["id"])
    items = {item["filename"]: item for item in all_items(http, job["id"])}

    assert job["status"] == "partially_succeeded"
    assert items["good.png"]["status"] == "succeeded"
    assert items["cut.png"]["error"]["code"] == "decode_failed"
    assert items["fake.png"]["error"]["code"] == "not_an_image"
    assert "notes.txt" not in items


def test_a_damaged_archive_is_a_failed_job_with_its_reason(http: httpx.Client) -> None:
    job = finished(http, submit(http, {"bad.zip": b"PK\x03\x04" + bytes(100)})["id"])

    assert job["status"] == "failed"
    assert job["error"]["code"] == "bad_archive"


def test_a_damaged_archive_beside_good_files_fails_alone(http: httpx.Client) -> None:
    files = {
        "bad.zip": b"PK\x03\x04" + bytes(100),
        "good.zip": zip_of({"a.png": drawing(303)}),
        "b.png": drawing(304),
    }

    job = finished(http, submit(http, files, mode="cv")["id"])
    items = all_items(http, job["id"])

    assert job["status"] == "partially_succeeded"
    assert [item["status"] for item in items] == ["failed", "succeeded", "succeeded"]
    assert items[0]["error"]["code"] == "bad_archive"


def test_one_call_names_five_types(http: httpx.Client, claude: ClaudeServer) -> None:
    job = finished(http, submit(http, {"a.png": drawing(310)})["id"])

    (request,) = claude.requests
    properties = request["tools"][0]["input_schema"]["properties"]
    assert {"colors", "spacing", "typography", "shadows", "gradients"} <= set(properties)
    assert job["cost"]["calls"] == 1
    assert float(job["cost"]["usd"]) > 0
    tokens = http.get(f"/jobs/{job['id']}/tokens").json()["tokens"]
    assert {token["source"] for token in tokens["color"]} == {"claude"}


def test_an_overload_is_tried_again_until_it_passes(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    claude.script(OVERLOADED)

    job = finished(http, submit(http, {"a.png": drawing(311)})["id"])
    (item,) = all_items(http, job["id"])

    assert (job["status"], item["degraded"]) == ("succeeded", False)
    assert item["attempts"] == 2
    assert len(claude.requests) == 2


@pytest.mark.parametrize(
    ("seed", "reply"), [(316, CUT_JSON), (317, HTML_PAGE), (318, NO_TOOL_CALL)]
)
def test_a_malformed_reply_is_asked_for_again(
    http: httpx.Client, claude: ClaudeServer, seed: int, reply: Raw | Reply
) -> None:
    claude.script(reply)

    job = finished(http, submit(http, {"a.png": drawing(seed)})["id"])

    assert (job["status"], job["counts"]["degraded"]) == ("succeeded", 0)
    assert len(claude.requests) == 2


def test_a_refusal_leaves_names_by_rule_and_says_why(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    claude.always = REFUSAL

    job = finished(http, submit(http, {"a.png": drawing(312)})["id"])
    (item,) = all_items(http, job["id"])
    tokens = http.get(f"/jobs/{job['id']}/tokens").json()["tokens"]

    assert (job["status"], job["counts"]["degraded"]) == ("succeeded", 1)
    assert item["error"]["code"] == "claude_refused"
    assert {token["source"] for token in tokens["color"]} == {"cv"}


def test_cv_mode_calls_nobody(http: httpx.Client, claude: ClaudeServer) -> None:
    job = finished(http, submit(http, {"a.png": drawing(313)}, mode="cv")["id"])

    assert job["status"] == "succeeded"
    assert claude.requests == []
    assert float(job["cost"]["usd"]) == 0


def test_two_copies_in_one_archive_make_one_call(http: httpx.Client, claude: ClaudeServer) -> None:
    files = {"one.png": drawing(314), "two.png": drawing(314)}

    job = finished(http, submit(http, {"twins.zip": zip_of(files)})["id"])

    assert job["counts"]["succeeded"] == 2
    assert len(claude.requests) == 1


def test_a_blank_page_gives_empty_groups(http: httpx.Client) -> None:
    blank = cv2.imencode(".png", np.full((200, 300, 3), 255, np.uint8))[1].tobytes()
    job = finished(http, submit(http, {"blank.png": blank}, mode="cv")["id"])
    tokens = http.get(f"/jobs/{job['id']}/tokens").json()["tokens"]

    assert [token["value"]["hex"] for token in tokens["color"]] == ["#ffffff"]
    assert [len(tokens[t]) for t in ("spacing", "typography", "shadow", "gradient")] == [0] * 4


@pytest.mark.parametrize(
    ("path", "token_type"),
    [
        ("colors", "color"),
        ("spacing", "spacing"),
        ("typography", "typography"),
        ("shadows", "shadow"),
        ("gradients", "gradient"),
    ],
)
def test_one_image_one_type_is_answered_at_once(
    http: httpx.Client, path: str, token_type: str
) -> None:
    answer = http.post(
        f"/{path}/extract", files={"file": ("a.png", drawing(315))}, headers={"Prefer": "wait=30"}
    )

    assert answer.status_code == 200, answer.text
    tokens: dict[str, list[Any]] = answer.json()["tokens"]
    assert {name for name, found in tokens.items() if found} <= {token_type}


def test_killing_a_measuring_process_loses_nothing(http: httpx.Client, service: Service) -> None:
    job_id = submit(http, archive(400, 60), mode="cv")["id"]
    until(lambda: http.get(f"/jobs/{job_id}").json()["counts"]["succeeded"] > 3)
    os.kill(workers(service, "cv")[-1].pid, signal.SIGKILL)

    job = finished(http, job_id)

    assert (job["status"], job["counts"]["succeeded"]) == ("succeeded", 60)


def test_killing_a_whole_worker_loses_nothing(http: httpx.Client, service: Service) -> None:
    job_id = submit(http, archive(500, 60), mode="cv")["id"]
    until(lambda: http.get(f"/jobs/{job_id}").json()["counts"]["succeeded"] > 3)
    os.kill(workers(service, "cv")[0].pid, signal.SIGKILL)

    job = finished(http, job_id)

    assert (job["status"], job["counts"]["succeeded"]) == ("succeeded", 60)


def test_claude_that_is_away_holds_a_job_back_and_costs_it_nothing(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    claude.always = OVERLOADED
    # More images than failures in a row that shut the gate.
    files = {f"{seed}.png": drawing(seed) for seed in range(700, 712)}
    job = submit(http, files)
    waiting: dict[str, Any] = {}

    def is_held() -> bool:
        waiting.update(http.get(f"/jobs/{job['id']}").json()["waiting_on"] or {})
        return bool(waiting)

    until(is_held, within_s=JOB_WITHIN_S)
    claude.always = None
    ended = finished(http, job["id"])

    assert (waiting["what"], bool(waiting["retry_at"])) == ("claude", True)
    assert (ended["status"], ended["counts"]["degraded"]) == ("succeeded", 0)
    assert ended["waiting_on"] is None


def test_a_worker_that_is_told_to_stop_gives_back_what_takes_too_long(
    http: httpx.Client, service: Service, claude: ClaudeServer
) -> None:
    claude.script(Delay(HANGS_S))
    job = submit(http, {"slow.png": drawing(790)})
    until(lambda: len(claude.requests) == 1)

    workers(service, "claude")[0].terminate()
    ended = finished(http, job["id"])
    (item,) = all_items(http, job["id"])
    named = next(stage for stage in item["stages"] if stage["name"] == "name")

    assert ended["status"] == "succeeded"
    assert (named["status"], named["attempt"]) == ("succeeded", 2)
