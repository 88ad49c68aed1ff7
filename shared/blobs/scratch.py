"""Files that are looked at once and kept nowhere."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from shared.blobs.store import PendingBlob, storage_errors

Look = Callable[[str, BinaryIO], None]


class ScratchFiles:
    """Takes files as a blob store does; each is read back when it is whole, and then gone."""

    def __init__(self, look: Look, directory: Path | None) -> None:
        """Show each file's hash and bytes to ``look``; in the system's own place by default."""
        self._look = look
        self._directory = directory

    def start(self) -> PendingBlob:
        """Begin a file without a name."""
        with storage_errors():
            if self._directory is not None:
                self._directory.mkdir(parents=True, exist_ok=True)
            return _ScratchFile(tempfile.TemporaryFile(dir=self._directory), self._look)


class _ScratchFile(PendingBlob):
    """A file that goes when it is closed."""

    def __init__(self, file: BinaryIO, look: Look) -> None:
        super().__init__(file)
        self._look = look

    def _place(self, sha256: str) -> None:
        self._file.seek(0)
        self._look(sha256, self._file)
