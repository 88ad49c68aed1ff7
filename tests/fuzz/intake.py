"""A child process that feeds archives or images, as libFuzzer changes them, to what reads them.

``python -m tests.fuzz.intake archives|images [libFuzzer's options] CORPUS``. It ends with a status
other than 0 at the first input that does anything but be read or be refused.
"""

import io
import resource
import struct
import sys
import zlib

import atheris

with atheris.instrument_imports(
    include=["gzip", "imagesize", "shared", "tarfile", "workers.images", "zipfile"]
):
    from shared.archives import ArchiveLimits, read_members
    from shared.errors import BadArchive, UnreadableInput
    from shared.media import MediaType, sniff
    from workers.images import PNG_CHUNK_FRAME, decode, difference_hash, encode_thumbnail

from tests.hostile.images import PNG_SIGNATURE
from workers.app import ADDRESS_SPACE_BYTES

# Far below those of the service, so that an input that comes near them stays cheap.
LIMITS = ArchiveLimits(
    max_members=1000, max_bytes=64_000_000, max_member_bytes=8_000_000, max_ratio=200
)


def read_archive(data: bytes) -> None:
    """Read an archive of whatever kind it says it is."""
    media_type = sniff(data[:1024]) or MediaType.TAR
    if media_type.is_image:
        return
    try:
        for _ in read_members(io.BytesIO(data), media_type, len(data), LIMITS):
            pass
    except BadArchive:
        return


def read_image(data: bytes) -> None:
    """Read an image, and make of it what is made before it is measured."""
    try:
        rgb = decode(data)
    except UnreadableInput:
        return
    difference_hash(rgb)
    encode_thumbnail(rgb)


def change(data: bytes, most: int, seed: int) -> bytes:
    """Change an input; every other PNG gets the checksums that its new chunks need."""
    changed = atheris.Mutate(data, most)
    return with_checksums(changed) if seed % 2 else changed


def with_checksums(data: bytes) -> bytes:
    """Return a PNG with the right checksums, anything else as it is."""
    if not data.startswith(PNG_SIGNATURE):
        return data
    right = bytearray(data)
    at = len(PNG_SIGNATURE)
    while at + PNG_CHUNK_FRAME <= len(right):
        (length,) = struct.unpack_from(">I", right, at)
        end = at + 8 + length
        if end + 4 > len(right):
            break
        struct.pack_into(">I", right, end, zlib.crc32(right[at + 4 : end]))
        at = end + 4
    return bytes(right)


def main() -> None:
    """Fuzz within the address space that a worker's child has."""
    program, kind, *options = sys.argv
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, most))
    targets = {"archives": read_archive, "images": read_image}
    atheris.Setup([program, *options], targets[kind], custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
