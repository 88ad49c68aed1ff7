"""What a blob store does to the process and the machine it runs on."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.blobs import open_store
from shared.errors import Unavailable
from tests.fakes.s3 import BUCKET, S3Server
from tests.programs import environment

ROOT = Path(__file__).parents[2]
IN_A_SMALL_FILE_SYSTEM = """
    mount -t tmpfs -o size=2m none "$1" && cd "$2" && TMPDIR="$1" exec "$3" -c "$4" "$1"
"""

FILL = """
import json, sys, tempfile
from pathlib import Path
from shared.blobs import open_store
from shared.errors import Unavailable

url, place = {url!r}, Path(sys.argv[1])
store = open_store(url, place)
error = ""
pending = store.start()
try:
    for _ in range(64):
        pending.write(bytes(65536))
    pending.keep()
except Unavailable as raised:
    error = raised.code
finally:
    pending.drop()
left = [path.name for path in place.rglob("*") if path.is_file()]
blob = store.put(b"fits again")
print(json.dumps([error, left, store.read(blob.sha256).decode()]))
"""

FORK = """
import json, os
from pathlib import Path
from shared.blobs import open_store

store = open_store({url!r}, Path("/dev/null"))
for _ in range(2):
    child = os.fork()
    if child == 0:
        blob = store.put(b"from a child")
        os._exit(0 if store.read(blob.sha256) == b"from a child" else 1)
    assert os.waitpid(child, 0)[1] == 0
print(json.dumps("done"))
"""

MOVE_MUCH = """
import json, resource
from pathlib import Path
from shared.blobs import open_store

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

store = open_store({url!r}, Path({place!r}))
store.put(b"connected")
before = peak_mib()
pending = store.start()
for number in range(128):
    pending.write(number.to_bytes(1) * 1024 * 1024)
blob = pending.keep()
store.open(blob.sha256).close()
for piece in store.stream(blob.sha256):
    pass
print(json.dumps(peak_mib() - before))
"""


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture(params=["directory", "bucket"])
def url(request: pytest.FixtureRequest) -> str | None:
    return f"s3://{BUCKET}/processes" if request.param == "bucket" else None


def answer_of(command: tuple[str | Path, ...], s3: S3Server) -> object:
    """Run a script that prints JSON, with the S3 server in its environment."""
    ended = subprocess.run(  # noqa: S603 -- our own script
        command,
        cwd=ROOT,
        env=environment(**s3.variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.fixture
def small_file_system() -> tuple[str, ...]:
    """A command prefix that may mount: a namespace of its own needs no root."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed")
    prefix = (unshare, "--user", "--map-root-user", "--mount", "sh", "-c")
    if subprocess.run((*prefix, "mount -t tmpfs none /mnt"), check=False).returncode:  # noqa: S603
        pytest.skip("this machine lets nobody mount a file system of their own")
    return prefix


def test_a_full_disk_says_so_and_keeps_no_half_file(
    small_file_system: tuple[str, ...], url: str | None, s3: S3Server, tmp_path: Path
) -> None:
    script = (IN_A_SMALL_FILE_SYSTEM, "sh", tmp_path, ROOT, sys.executable, FILL.format(url=url))

    answer = answer_of((*small_file_system, *script), s3)

    assert answer == ["storage_full", [], "fits again"]


def test_children_use_what_their_parent_made_before_the_fork(s3: S3Server) -> None:
    script = FORK.format(url=f"s3://{BUCKET}/forks")

    assert answer_of((sys.executable, "-c", script), s3) == "done"


def test_large_files_take_little_memory(url: str | None, s3: S3Server, tmp_path: Path) -> None:
    script = MOVE_MUCH.format(url=url, place=str(tmp_path))

    grown_mib = answer_of((sys.executable, "-c", script), s3)

    assert isinstance(grown_mib, float)
    assert grown_mib < 64


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_silent_server_holds_nobody_for_ever(
    monkeypatch: pytest.MonkeyPatch, s3: S3Server
) -> None:
    with silent_server() as server_url:
        for name, value in (s3.variables | {"AWS_ENDPOINT_URL": server_url}).items():
            monkeypatch.setenv(name, value)
        store = open_store(f"s3://{BUCKET}", Path("/dev/null"))
        with pytest.raises(Unavailable, match="S3 does not answer"):
            store.check()
