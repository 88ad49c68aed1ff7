"""The commands as people type them, against a running service."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.archives import zip_of
from tests.conftest import until
from tests.end_to_end.conftest import (
    COPYTHAT,
    Service,
    drawing,
    finished,
    submit,
)
from tests.fakes.claude import OVERLOADED, ClaudeServer
from tests.programs import environment

WITHIN_S = 110
# A shell that runs the tests in the background has them and their children ignore SIGINT.
INTERRUPTIBLE = ("/usr/bin/env", "--default-signal=INT")


def copythat(
    service: Service, *words: str | Path, data_dir: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with the credentials that `up` left."""
    return subprocess.run(  # noqa: S603 -- our own program
        [COPYTHAT, *words],
        env=environment(COPYTHAT_DATA_DIR=str(data_dir or service.data_dir), **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )


def raw(service: Service, *words: str | Path) -> Any:  # noqa: ANN401 -- JSON
    done = copythat(service, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def files(tmp_path: Path, content: Mapping[str, bytes]) -> Path:
    folder = tmp_path / "shots"
    folder.mkdir()
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_folder_becomes_exports_in_one_command(service: Service, tmp_path: Path) -> None:
    folder = files(tmp_path, {"a.png": drawing(600), "b.zip": zip_of({"c.png": drawing(601)})})
    out = tmp_path / "out"

    done = copythat(
        service, "submit", folder, "--wait", "--mode", "cv",
        "--export", "w3c,css", "--export", "tailwind", "--out", out,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "2 images: 2 succeeded" in done.stdout
    assert json.loads((out / "tokens.json").read_text())["color"]
    assert {str(path) for path in out.iterdir()} <= set(done.stdout.splitlines())
    assert len(list(out.iterdir())) == 3


def test_without_wait_the_answer_is_the_id_alone(service: Service, tmp_path: Path) -> None:
    folder = files(tmp_path, {"a.png": drawing(602)})

    done = copythat(service, "submit", folder / "a.png", "--name", "mine", "--token-type", "color")

    (job_id,) = done.stdout.splitlines()
    job = raw(service, "status", job_id)
    assert (job["id"], job["name"], job["options"]["token_types"]) == (job_id, "mine", ["color"])
    assert f"copythat watch {job_id}" in done.stderr


def test_a_job_of_which_a_part_failed_ends_with_3_and_names_the_file(
    service: Service, tmp_path: Path
) -> None:
    folder = files(tmp_path, {"good.png": drawing(603), "cut.png": drawing(604)[:200]})

    done = copythat(service, "submit", folder, "--wait", "--mode", "cv")

    assert done.returncode == 3
    assert "cut.png" in done.stdout


def test_a_failed_job_ends_with_1_and_its_reason(service: Service, tmp_path: Path) -> None:
    folder = files(tmp_path, {"bad.zip": b"PK\x03\x04" + bytes(100)})

    done = copythat(service, "submit", folder, "--wait")

    assert done.returncode == 1
    assert "archive" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("submit", "/no/such/file"),
        ("status", "job_0"),
        ("watch", "../users"),
        ("export", "job_0", "--format", "w3c"),
        ("submit", __file__, "--mode", "magic"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_line(service: Service, words: tuple[str, ...]) -> None:
    done = copythat(service, *words)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("copythat: ")
    assert "Traceback" not in done.stderr


def test_a_service_that_is_not_there_ends_with_4(service: Service) -> None:
    done = copythat(service, "jobs", "--url", "http://127.0.0.1:9")

    assert done.returncode == 4
    assert done.stderr.startswith("copythat: cannot reach http://127.0.0.1:9: ")
    assert len(done.stderr.splitlines()) == 1


def test_without_a_service_the_way_to_one_is_told(service: Service, tmp_path: Path) -> None:
    done = copythat(service, "jobs", data_dir=tmp_path)

    assert done.returncode == 2
    assert "copythat up" in done.stderr


def test_lists_show_what_the_service_says(service: Service, http: httpx.Client) -> None:
    job_id = submit(http, {"[bold]a.png": drawing(605)}, mode="cv")["id"]
    finished(http, job_id)

    jobs = raw(service, "jobs", "--limit", "1")
    items = raw(service, "items", job_id)
    shown = copythat(service, "items", job_id).stdout

    assert [job["id"] for job in jobs["data"]] == [job_id]
    assert [item["filename"] for item in items["data"]] == ["[bold]a.png"]
    assert "[bold]a.png" in shown
    assert job_id in copythat(service, "jobs").stdout


def test_a_proxy_does_not_come_between_a_machine_and_itself(service: Service) -> None:
    done = copythat(service, "jobs", "--json", HTTP_PROXY="http://127.0.0.1:9")

    assert done.returncode == 0, done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(service: Service) -> None:
    with subprocess.Popen(  # noqa: S603 -- our own program
        [COPYTHAT, "jobs", "--json"],
        env=environment(COPYTHAT_DATA_DIR=str(service.data_dir)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        words = process.stderr.read()

    assert words == b""


def test_watch_follows_a_job_to_its_end(service: Service, http: httpx.Client) -> None:
    many = {f"{n}.png": drawing(n) for n in range(610, 630)}
    job_id = submit(http, many, mode="cv")["id"]

    done = copythat(service, "watch", job_id)

    assert done.returncode == 0
    assert "20 images: 20 succeeded" in done.stdout


def test_ctrl_c_leaves_the_job_running_and_says_how_to_watch_it(
    service: Service, http: httpx.Client, claude: ClaudeServer, tmp_path: Path
) -> None:
    claude.always = OVERLOADED  # so that the job cannot end before it is left
    folder = files(tmp_path, {f"{n}.png": drawing(n) for n in range(700, 703)})
    with subprocess.Popen(  # noqa: S603 -- our own program
        (*INTERRUPTIBLE, COPYTHAT, "submit", folder, "--wait", "--name", "left alone"),
        env=environment(COPYTHAT_DATA_DIR=str(service.data_dir)),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until(lambda: names(http)[:1] == ["left alone"] and len(claude.requests) > 2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WITHIN_S)
    claude.reset()

    job_id = http.get("/jobs", params={"limit": 1}).json()["data"][0]["id"]
    assert process.returncode == 130
    assert f"copythat watch {job_id}" in said
    assert finished(http, job_id)["status"] == "succeeded"


def names(http: httpx.Client) -> list[str]:
    return [job["name"] for job in http.get("/jobs").json()["data"]]


def test_a_login_leads_the_commands_elsewhere(service: Service, tmp_path: Path) -> None:
    user = {"email": "anna@example.com", "password": os.urandom(12).hex()}
    httpx.post(f"{service.url}/api/v1/auth/register", json=user)
    words = ("login", "--url", service.url, "--email", user["email"])

    wrong = copythat(service, *words, data_dir=tmp_path, COPYTHAT_PASSWORD="wrong password")
    right = copythat(service, *words, data_dir=tmp_path, COPYTHAT_PASSWORD=user["password"])
    jobs = copythat(service, "jobs", "--json", data_dir=tmp_path)

    assert (wrong.returncode, right.returncode) == (2, 0)
    assert json.loads(jobs.stdout)["data"] == []
    assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600


def test_measure_needs_no_service(service: Service, tmp_path: Path) -> None:
    folder = files(tmp_path, {"a.png": drawing(606)})

    done = copythat(service, "measure", folder, "--jsonl", data_dir=tmp_path)

    (line,) = done.stdout.splitlines()
    assert json.loads(line)["image"] == "a.png"
    assert list(tmp_path.iterdir()) == [folder]


def test_the_doctor_finds_a_running_service_well(service: Service, claude: ClaudeServer) -> None:
    def doctor(model: str) -> subprocess.CompletedProcess[str]:
        return copythat(
            service,
            "doctor",
            ANTHROPIC_API_KEY="test-key",
            ANTHROPIC_BASE_URL=claude.base_url,
            COPYTHAT_CLAUDE_MODEL=model,
        )

    well, ill = doctor("claude-haiku-5-5"), doctor("claude-of-tomorrow")

    assert (well.returncode, ill.returncode) == (0, 1), well.stdout + well.stderr
    assert [line.split()[:2] for line in well.stdout.splitlines()] == [
        ["ok", part] for part in ("database", "broker", "storage", "key", "model")
    ]
    assert "claude-of-tomorrow does not exist" in ill.stdout


def test_two_jobs_are_compared_judged_and_checked(
    service: Service, http: httpx.Client, tmp_path: Path
) -> None:
    jobs = [submit(http, {"card.png": drawing(seed)}, mode="cv")["id"] for seed in (1700, 1780)]
    before, after = (finished(http, job_id)["id"] for job_id in jobs)
    copythat(service, "export", before, "--format", "w3c", "--out", tmp_path)

    same = copythat(service, "diff", before, before)
    other = copythat(service, "diff", before, after)
    report = copythat(service, "report", before)
    check = raw(service, "check", tmp_path / "tokens.json", "--job", before)

    assert (same.returncode, same.stdout) == (0, "the tokens are the same\n")
    assert other.returncode == 1
    assert [line.split()[:2] for line in other.stdout.splitlines()[1:-1]] == [["changed", "color"]]
    assert ("#b4448c" in other.stdout, "#b444dc" in other.stdout) == (True, True)
    assert report.returncode == 0
    assert (check["adherence"], check["unused"], check["foreign"]) == (1, 0, 0)
