"""Local files on their way to a service: found, opened when their turn comes, counted.

A folder or an archive may hold thousands of files, so each is open only while it is sent.
"""

import glob
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cli.failure import ExitCode, Failure

# In folders, only what looks like ours is taken: they hold other things too. A file that is
# named outright is always sent, since the service judges by content.
ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"),
    *(".zip", ".tar", ".tar.gz", ".tgz"),
)
OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to send, and the name it is shown by."""

    path: Path
    name: str
    size_bytes: int


def find_files(patterns: Iterable[str]) -> list[LocalFile]:
    """Return what paths, folders and globs name, each file once, folders in order of names.

    Raises:
        Failure: Nothing is there under one of them.
    """
    found: dict[Path, LocalFile] = {}
    for pattern in patterns:
        before = len(found)
        files = list(_named_by(pattern))
        for file in files:
            found.setdefault(file.path.resolve(), file)
        if len(found) == before and not files:
            what = "no image and no archive in" if Path(pattern).is_dir() else "no such file:"
            raise Failure(f"{what} {pattern}", ExitCode.WRONG_USAGE)
    return list(found.values())


def _named_by(pattern: str) -> Iterator[LocalFile]:
    path = Path(pattern).expanduser()
    # What exists is what was meant, brackets and stars in its name or not.
    matches = [path] if path.exists() else [Path(p) for p in sorted(_expand(str(path)))]
    for match in matches:
        if match.is_dir():
            yield from _in_folder(match)
        elif match.is_file():
            yield _local_file(match, match.name)


def _expand(pattern: str) -> list[str]:
    return glob.glob(pattern, recursive=True)  # noqa: PTH207 -- pathlib refuses absolute patterns


def _in_folder(folder: Path) -> Iterator[LocalFile]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith((".", "__MACOSX")) for part in inside.parts)
        if path.name.lower().endswith(ENDINGS) and not hidden and path.is_file():
            yield _local_file(path, inside.as_posix())


def _local_file(path: Path, name: str) -> LocalFile:
    return LocalFile(path, name, path.stat().st_size)


class SentFile(io.RawIOBase):
    """A file that opens at its first byte, counts what is read and closes at its end.

    Its length is fixed when the request begins: a file that grows meanwhile is sent as it was,
    one that shrinks ends the request.
    """

    def __init__(self, file: LocalFile, count: Callable[[int], None]) -> None:
        """Count bytes by calling ``count`` with the length of each piece."""
        super().__init__()
        self._file = file
        self._count = count
        self._opened: IO[bytes] | None = None
        self._left_bytes = file.size_bytes

    def seekable(self) -> bool:
        """Say yes: the length is asked for by a seek to the end."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Answer the question for the length; nothing is read from elsewhere than the start."""
        return self._file.size_bytes if whence == os.SEEK_END else offset

    def tell(self) -> int:
        """Return the start: no byte has been read when the length is asked for."""
        return 0

    def read(self, size: int = -1) -> bytes:
        """Return the next piece.

        Raises:
            Failure: The file cannot be read to the length that was announced.
        """
        wanted = self._left_bytes if size < 0 else min(size, self._left_bytes)
        if wanted == 0:
            return b""
        try:
            self._opened = self._opened or self._file.path.open("rb")
            piece = self._opened.read(wanted)
        except OSError as error:
            message = f"cannot read {self._file.path}: {error.strerror}"
            raise Failure(message, ExitCode.WRONG_USAGE) from error
        if not piece:
            raise Failure(f"{self._file.path} shrank while it was sent", ExitCode.WRONG_USAGE)
        self._left_bytes -= len(piece)
        if self._left_bytes == 0:
            self._opened.close()
        self._count(len(piece))
        return piece

    def close(self) -> None:
        """Close the file, also when it was not sent to its end."""
        if self._opened:
            self._opened.close()
        super().close()


def form_files(
    files: Iterable[LocalFile], count: Callable[[int], None]
) -> list[tuple[str, tuple[str, SentFile, str]]]:
    """Return the multipart fields of some files, in the form that httpx takes."""
    return [("files", (file.name, SentFile(file, count), OCTETS)) for file in files]
