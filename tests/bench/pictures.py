"""The images that benchmarks hand in: real pages where they are at hand, and tiny drawings."""

import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from tests.bench.figures import ROOT
from tests.end_to_end.conftest import drawing

BENCH_PAGES = ROOT.parent / "shared/bench/dev/img"
SAMPLES = ROOT / "samples/screens.zip"
# The bytes of the last chunk of every PNG: its length, IEND and its checksum.
END_CHUNK_BYTES = 12


def pages() -> list[tuple[str, bytes]]:
    """Return names and bytes of screenshots, and say whose."""
    if BENCH_PAGES.is_dir():
        found = sorted(BENCH_PAGES.glob("*.png"))
        print(f"images: {len(found)} benchmark pages")
        return [(path.name, path.read_bytes()) for path in found]
    print("images: the samples (no ../shared/bench here)")
    with zipfile.ZipFile(SAMPLES) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def with_comment(png: bytes, comment: str) -> bytes:
    """Return the same picture as another file: a text chunk more (PNG, 11.3.3.2)."""
    body = b"tEXt" + b"Comment\x00" + comment.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-END_CHUNK_BYTES] + chunk + png[-END_CHUNK_BYTES:]


def tiny(count: int, first: int = 0) -> list[tuple[str, bytes]]:
    """Return small drawings that all differ."""
    return [(f"{seed:05}.png", drawing(seed)) for seed in range(first, first + count)]


def write_zip(path: Path, images: Iterable[tuple[str, bytes]]) -> Path:
    """Write an archive; pictures are packed already."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in images:
            archive.writestr(name, data)
    return path
