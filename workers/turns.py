"""Large images are measured one at a time on each machine, so that memory need not fit several.

The turn is an advisory lock on a file: the kernel gives it up with the process that holds it.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.outcome import Awaited

# Measuring takes some 30 bytes a pixel: below this, less than 400 MB. Screens of 8 Mpx (4K) are
# everyday.
LARGE_PIXELS = 12_000_000
# A large image takes some seconds.
RETRY_S = 1.0


@contextmanager
def one_large_image(pixels: int, directory: Path) -> Iterator[None]:
    """Hold the machine's turn for a large image until the block ends; a small one needs none.

    Raises:
        Awaited: Another process has the turn.
    """
    if pixels < LARGE_PIXELS:
        yield
        return
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "large-image.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Awaited(RETRY_S) from error
        yield
