"""The disk under the blob store is full for a while."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest

from shared.db.engine import connect
from tests.archives import zip_of
from tests.fakes.claude import ClaudeServer
from tests.faults.conftest import IMAGES, SEED
from tests.faults.customer import NOT_NOW, Customer, Outcome
from tests.faults.stack import running_stack
from tests.faults.trial import Trial, images

pytestmark = pytest.mark.faults_full

DISK_BYTES = 4 * 1024 * 1024
PAGE_BYTES = 4096  # what a file takes at least


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk where a stack will keep its blobs."""
    place = tmp_path / "blobs"
    place.mkdir()
    with mounted(place):
        yield place


@contextmanager
def mounted(place: Path) -> Iterator[None]:
    """Mount a file system of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk to fill")
    size = f"size={DISK_BYTES}"
    done = subprocess.run(  # noqa: S603 -- constants
        ("mount", "-t", "tmpfs", "-o", size, "copythat", place),  # noqa: S607 -- the system's
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(("umount", "--lazy", place), check=True)  # noqa: S603, S607 -- as above


@pytest.fixture
def disk_trial(
    disk: Path, calm: Outcome, faulty_claude: ClaudeServer, tmp_path: Path
) -> Iterator[Trial]:
    """A trial on a stack of its own, whose blobs are on the small disk."""
    faulty_claude.reset()
    with ExitStack() as opened:
        # The disk is to be full, not merely short of its reserve.
        running = running_stack(
            disk.parent, faulty_claude.base_url, COPYTHAT_DISK_RESERVE_BYTES="0"
        )
        stack = opened.enter_context(running)
        engine = connect(stack.database_url)
        opened.callback(engine.dispose)
        customer = opened.enter_context(Customer.register(stack.url))
        random = Random(f"{SEED} {tmp_path.name}")  # noqa: S311 -- told by the seed
        yield Trial(stack, engine, faulty_claude, images(IMAGES), calm, random, customer)


def fill(disk: Path, spare_bytes: int = 0) -> Path:
    """Fill a disk but for some bytes, and return the file that does it."""
    room = os.statvfs(disk)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(room.f_bavail * room.f_frsize - spare_bytes))
    return ballast


def test_an_upload_to_a_full_disk_is_refused_and_taken_later(
    disk_trial: Trial, disk: Path
) -> None:
    files = {"images.zip": zip_of(disk_trial.images)}
    ballast = fill(disk)
    # The one says beforehand how long it is, the other is found out as it is written.
    refused = [disk_trial.customer.post(files), disk_trial.customer.post_in_chunks(files)]
    ballast.unlink()

    job_id = disk_trial.submit()

    assert {answer.status_code for answer in refused} <= set(NOT_NOW)
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    disk_trial.assert_as_calm(job_id)


def test_unpacking_goes_on_when_a_full_disk_has_room_again(disk_trial: Trial, disk: Path) -> None:
    archive_bytes = len(zip_of(disk_trial.images))
    # Room for the archive, and for some of what is in it.
    members = disk_trial.random.randrange(1, len(disk_trial.images) // 2)
    ballast = fill(disk, archive_bytes + (members + 2) * PAGE_BYTES)
    stack = disk_trial.stack

    job_id = disk_trial.submit()
    stack.until(lambda: "stage postponed" in stack.log("worker-io"))
    ballast.unlink()

    disk_trial.assert_as_calm(job_id)
