"""Every hostile archive ends as it may, and costs no more memory than a good one."""

import io
import tracemalloc

import pytest

from shared.archives import ArchiveLimits, read_members
from shared.errors import BadArchive
from shared.media import sniff
from shared.settings import MIB, Settings
from tests.hostile.archives import Case, archive_cases

CASES = list(archive_cases())
SETTINGS = Settings.model_construct()
LIMITS = ArchiveLimits(
    max_members=SETTINGS.max_archive_members,
    max_bytes=SETTINGS.max_archive_bytes,
    max_member_bytes=SETTINGS.max_image_bytes,
    max_ratio=SETTINGS.max_compression_ratio,
)
# A member in memory twice, and a directory of as many names as are allowed.
MOST_BYTES = 2 * SETTINGS.max_image_bytes + 32 * MIB


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_hostile_archive_ends_as_it_may(case: Case) -> None:
    media_type = sniff(case.data[:1024])
    assert media_type is not None
    ends: set[str | None] = set()
    broken = set()

    tracemalloc.start()
    try:
        for member in read_members(io.BytesIO(case.data), media_type, len(case.data), LIMITS):
            if not member.skipped:
                ends.add(member.problem.code if member.problem else None)
    except BadArchive as error:
        broken = {error.code}
    finally:
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert ends <= case.ends
    assert broken <= case.broken
    assert bool(broken) >= (case.ends == set() and bool(case.broken))
    assert most_bytes < MOST_BYTES
