from pathlib import Path

import pytest

from cli.data_dir import DataDir
from cli.service import (
    Address,
    WorkerQueue,
    environment,
    worker_command,
    workers,
)
from shared.settings import Settings


def test_what_a_dotenv_file_sets_is_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "COPYTHAT_RESULTS_KEPT_DAYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("ANTHROPIC_API_KEY=made-up\nCOPYTHAT_RESULTS_KEPT_DAYS=7\n")

    variables = environment(Settings())

    assert variables["ANTHROPIC_API_KEY"] == "made-up"
    assert variables["COPYTHAT_RESULTS_KEPT_DAYS"] == "7"


def test_what_nobody_set_is_left_to_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COPYTHAT_CLAUDE_MODEL", raising=False)

    assert "COPYTHAT_CLAUDE_MODEL" not in environment(Settings())


def test_overrides_win_over_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPYTHAT_BROKER_URL", "redis://elsewhere")

    variables = environment(Settings(), COPYTHAT_BROKER_URL="redis+socket:///here")

    assert variables["COPYTHAT_BROKER_URL"] == "redis+socket:///here"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104 -- what a user may type
        ("::1", "http://[::1]:8000"),
    ],
)
def test_the_url_is_one_that_this_machine_can_open(host: str, url: str) -> None:
    assert Address(host, 8000).url == url


def test_pixels_are_worked_on_in_processes_and_all_else_in_threads() -> None:
    pools = {
        queue: words[words.index("-P") + 1]
        for queue in WorkerQueue
        if (words := worker_command([queue], 1))
    }

    assert pools == {"cv": "prefork", "claude": "threads", "io": "threads"}


def test_each_queue_has_a_worker_with_a_log_of_its_own(tmp_path: Path) -> None:
    programs = workers(DataDir(tmp_path), {}, cv=2, claude=3)

    assert [program.log.name for program in programs] == [
        "worker-cv.log",
        "worker-claude.log",
        "worker-io.log",
    ]
