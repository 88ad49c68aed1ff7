"""What the API's memory grows by while an archive as large as it takes is uploaded."""

import json
import sys
import zipfile
from pathlib import Path

import psutil

from shared.settings import GIB, MIB
from tests.bench.figures import Figure, report
from tests.bench.pictures import tiny, write_zip
from tests.bench.running import Bench, await_end, bench, hand_in

PART = "upload"
# The limit is on the request: room for its other parts.
ARCHIVE_BYTES = GIB - MIB
# proc_pid_clear_refs(5): forget the largest resident size seen so far.
RESET_PEAK = "5"


def api_process(running: Bench) -> psutil.Process:
    """Return the process that `up` runs the API in."""
    for child in psutil.Process(running.service.pid).children():
        command = child.cmdline()
        if command[1:3] == ["-m", "api"]:
            return child
    raise RuntimeError("`copythat up` runs no API")


def peak_bytes(process: psutil.Process) -> int:
    """Return the largest resident size since it was last reset."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


def write_large_zip(path: Path) -> Path:
    """Write an archive of one image and of a file that is none and fills the rest."""
    write_zip(path, tiny(1))
    block = bytes(range(256)) * 4096
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        name = zipfile.ZipInfo("padding.bin")
        name.file_size = ARCHIVE_BYTES
        with archive.open(name, "w") as member:
            for _ in range(ARCHIVE_BYTES // len(block) - 1):
                member.write(block)
    return path


def run() -> list[Figure]:
    """Return by how much the API grew over what a small upload left it at."""
    with bench() as running, running.service.client() as http:
        small = write_zip(running.scratch / "small.zip", tiny(20))
        large = write_large_zip(running.scratch / "large.zip")
        await_end(running.engine, hand_in(http, small))
        api = api_process(running)
        before = api.memory_info().rss
        Path(f"/proc/{api.pid}/clear_refs").write_text(RESET_PEAK)
        job_id = hand_in(http, large)
        growth = peak_bytes(api) - before
        times = await_end(running.engine, job_id)
        answer = http.get(f"/jobs/{job_id}").json()
        if answer["skipped_members"] != 1:
            raise RuntimeError(f"the archive was not read as written: {json.dumps(answer)}")
    return [
        Figure(PART, "archive", large_mib(), "MiB"),
        Figure(PART, "API before", before / MIB, "MiB"),
        Figure(PART, "growth of the API at its peak", growth / MIB, "MiB", at_most=64),
        Figure(PART, "unpacking it, to the end of the job", times.whole_s, "s"),
    ]


def large_mib() -> float:
    """Return the size of the archive in MiB."""
    return ARCHIVE_BYTES / MIB


if __name__ == "__main__":
    sys.exit(not report(run()))
