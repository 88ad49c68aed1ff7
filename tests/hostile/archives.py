"""Archives that mean harm, or are harmed: each with what may become of its members."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.hostile.images import picture

BOMB, BAD, NESTED, FOREIGN, TOO_LARGE = (
    *("archive_bomb", "bad_archive", "nested_archive"),
    *("not_an_image", "image_too_large"),
)
FINE = None
PNG = picture("PNG")
# More than the sixteen that are allowed.
GLOBAL_HEADERS = 40


@dataclass(frozen=True)
class Case:
    """An archive, and the codes that its members may end with, in any number; None is success.

    ``broken`` may be the archive's own end, after what came before.
    """

    name: str
    data: bytes
    ends: frozenset[str | None]
    broken: frozenset[str]


def archive_cases() -> Iterator[Case]:
    """Yield every case."""
    for cases in (_zips, _zip_lies, _zip_bombs, _tars, _tar_bombs, _cuts):
        for name, data, ends, broken in cases():
            yield Case(name, data, frozenset(ends), frozenset(broken))


Raw = Iterator[tuple[str, bytes, set[str | None], set[str]]]


def zip_of(
    *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """Return a ZIP of members, of which names may repeat."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in members:
            entry = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            entry.compress_type = method
            archive.writestr(entry, data)
    return target.getvalue()


def tar_of(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> bytes:
    """Return a tar of members of any type."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
        for entry, data in members:
            archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()


def entry_of(
    name: str, data: bytes = PNG, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    """Return a member of a tar."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, link, len(data)
    return entry, data


def linked(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    """Return a symbolic link as a member of a ZIP."""
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    return entry, target.encode()


def _zips() -> Raw:
    yield "slip.zip", zip_of(("../../../../tmp/slip.png", PNG)), {FINE}, set()
    yield "absolute.zip", zip_of(("/etc/cron.d/x.png", PNG)), {FINE}, set()
    yield "drive.zip", zip_of(("C:\\x\\..\\y.png", PNG)), {FINE}, set()
    twice = zip_of(("a.png", PNG), ("b.png", picture("PNG", (9, 9)))).replace(b"b.png", b"a.png")
    yield "twice.zip", twice, {FINE}, set()
    yield (
        "link.zip",
        zip_of(linked("link.png", "/etc/passwd"), ("a.png", PNG)),
        {FINE, FOREIGN},
        set(),
    )
    yield (
        "nested.zip",
        zip_of(("in.zip", zip_of(("a.png", PNG))), ("b.png", PNG)),
        {FINE, NESTED},
        set(),
    )
    yield "no-images.zip", zip_of(("readme.txt", b"x"), ("__MACOSX/._a.png", PNG)), set(), set()
    yield "empty.zip", zip_of(), set(), set()
    yield (
        "names.zip",
        zip_of(*((name, PNG) for name in ("\u202egnp.a", "a\nb.png", "x" * 60_000))),
        {FINE},
        set(),
    )
    yield "encrypted.zip", _flagged(zip_of(("a.png", PNG)), 1), {BAD}, set()
    yield (
        "method.zip",
        zip_of(("a.png", PNG)).replace(b"\x14\0\0\0\x08\0", b"\x14\0\0\0\x63\0"),
        {BAD},
        {BAD},
    )


def _flagged(data: bytes, flags: int) -> bytes:
    """Return a ZIP of one member with its general purpose flags set, in both places."""
    local, central = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    flagged = bytearray(data)
    flagged[local + 6 : local + 8] = flagged[central + 8 : central + 10] = struct.pack("<H", flags)
    return bytes(flagged)


def _zip_lies() -> Raw:
    whole = zip_of(("a.png", PNG), ("b.png", PNG))
    central = whole.index(b"PK\x01\x02")
    small = whole[: central + 24] + struct.pack("<I", 1) + whole[central + 28 :]
    yield "small.zip", small, {FINE, BAD, FOREIGN}, {BAD}
    huge = whole[: central + 24] + struct.pack("<I", 2**32 - 2) + whole[central + 28 :]
    yield "huge.zip", huge, {FINE, BAD}, {BAD}
    yield (
        "checksum.zip",
        whole[: central + 16] + b"abcd" + whole[central + 20 :],
        {FINE, BAD},
        {BAD},
    )
    away = whole[: central + 42] + struct.pack("<I", 2**31) + whole[central + 46 :]
    yield "away.zip", away, {FINE, BAD}, {BAD}
    end = whole.index(b"PK\x05\x06")
    counted = whole[: end + 8] + struct.pack("<HH", 65_535, 65_535) + whole[end + 12 :]
    yield "count.zip", counted, {FINE}, {BAD}
    sized = whole[: end + 12] + struct.pack("<I", 2**32 - 2) + whole[end + 16 :]
    yield "directory-size.zip", sized, set(), {BAD, BOMB}


def _zip_bombs() -> Raw:
    zeros = bytes(40_000_000)
    yield (
        "ratio.zip",
        zip_of(("a.png", PNG), *((f"{n}.png", PNG[:8] + zeros) for n in range(4))),
        {FINE, TOO_LARGE},
        {BOMB},
    )
    yield (
        "text.zip",
        zip_of(*((f"{n}.txt", zeros) for n in range(4)), ("a.png", PNG)),
        {FINE},
        {BOMB},
    )
    yield (
        "many.zip",
        zip_of(*((f"{n}", b"") for n in range(10_050)), method=zipfile.ZIP_STORED),
        {FINE},
        {BOMB},
    )
    for name, method in (("bzip2.zip", zipfile.ZIP_BZIP2), ("lzma.zip", zipfile.ZIP_LZMA)):
        yield name, zip_of(("a.png", PNG[:8] + zeros * 4), method=method), {BAD}, set()
    # Found by fuzzing: the member asks for a dictionary of 4 GB.
    greedy = bytearray(zip_of(("a.png", PNG), method=zipfile.ZIP_LZMA))
    properties = greedy.index(b"a.png") + len("a.png") + 4
    greedy[properties + 1 : properties + 5] = b"\xff\xff\xff\xff"
    yield "dictionary.zip", bytes(greedy), {BAD}, set()
    yield "overlap.zip", _overlapping(zeros, 400), {FINE, BAD, TOO_LARGE}, {BOMB, BAD}
    yield "directory.zip", _directory_of(600_000), set(), {BOMB}


def _overlapping(content: bytes, count: int) -> bytes:
    """Return a ZIP whose many names all lead to one member (Fifield, WOOT 2019)."""
    one = zip_of(("a.png", PNG[:8] + content))
    central, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    directory = one[central:end] * count
    tail = one[end : end + 8] + struct.pack("<HHII", count, count, len(directory), central)
    return one[:central] + directory + tail + b"\0\0"


def _directory_of(count: int) -> bytes:
    """Return a ZIP that is all directory: entries of 47 bytes, each an object once read."""
    one = zip_of(("a", b""), method=zipfile.ZIP_STORED)
    central, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    directory = one[central:end] * count
    tail = one[end : end + 8] + struct.pack("<HHII", 65_535, 65_535, len(directory), central)
    return one[:central] + directory + tail + b"\0\0"


def _tars() -> Raw:
    slip = (entry_of("../../../tmp/slip.png"), entry_of("/etc/x.png"))
    yield "slip.tar", tar_of(*slip), {FINE}, set()
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
    odd = (entry_of(f"{kind.decode()}.png", b"", kind, "/etc/passwd") for kind in kinds)
    yield "links.tar", tar_of(*odd, entry_of("a.png")), {FINE}, set()
    yield "nested.tar", tar_of(entry_of("in.tar", tar_of(entry_of("a.png")))), {NESTED}, set()
    yield (
        "nested.tgz",
        tar_of(entry_of("in.tgz", tar_of(entry_of("a.png"), mode="w:gz")), mode="w:gz"),
        {NESTED},
        set(),
    )
    yield "negative.tar", _with_size(b"\xff" * 12), {FINE, FOREIGN}, {BAD}
    yield "octal.tar", _with_size(b"99999999999\0"), {FINE}, {BAD}
    yield "endless.tar", _with_size(b"77777777777\0"), {FINE, TOO_LARGE}, {BAD, BOMB}
    yield "old-sparse.tar", tar_of(entry_of("a.png", kind=tarfile.GNUTYPE_SPARSE)), set(), {BAD}
    yield "no-tar.tgz", gzip_of(PNG), set(), {BAD}


def _with_size(size: bytes) -> bytes:
    """Return a tar of one member that states a size of its own, with the right checksum."""
    head = bytearray(tar_of(entry_of("a.png")))
    head[124:136] = size
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    return bytes(head)


def _tar_bombs() -> Raw:
    long_name = entry_of("././@LongLink", b"x" * 30_000_000, tarfile.GNUTYPE_LONGNAME)
    yield "name.tar", tar_of(long_name, entry_of("a.png")), set(), {BOMB}
    pax = entry_of("x", b"30000012 path=" + b"x" * 30_000_000 + b"\n", tarfile.XHDTYPE)
    yield "pax.tar", tar_of(pax, entry_of("a.png")), set(), {BOMB}
    globals_ = (
        entry_of("g", b"14 key%03d=abc\n" % n, tarfile.XGLTYPE) for n in range(GLOBAL_HEADERS)
    )
    yield "globals.tar", tar_of(*globals_, entry_of("a.png")), set(), {BOMB}
    records = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
    sparse = (
        entry_of("x", records, tarfile.XHDTYPE),
        entry_of("a.png", b"9999999\n" + b"1\n" * 2_000_000),
    )
    yield "sparse.tar", tar_of(*sparse), set(), {BAD}
    zeros = tar_of(*(entry_of(f"{n}.txt", bytes(40_000_000)) for n in range(2)))
    yield "ratio.tgz", gzip_of(zeros), {FINE}, {BOMB}
    yield (
        "many.tgz",
        gzip_of(tar_of(*(entry_of(f"{n}.png", b"") for n in range(10_050)))),
        {FOREIGN},
        {BOMB},
    )
    yield "twice.tgz", gzip_of(gzip_of(zeros)), set(), {BAD}


def gzip_of(data: bytes) -> bytes:
    """Return bytes as gzip packs them, without the time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def _cuts() -> Raw:
    whole = zip_of(("a.png", PNG), ("b.png", PNG))
    yield "cut.zip", whole[: len(whole) // 2], set(), {BAD}
    yield "head.zip", whole[:4], set(), {BAD}
    yield "tail.zip", whole[:-10], set(), {BAD}
    tar = tar_of(entry_of("a.png"), entry_of("b.png"))
    yield "cut.tar", tar[:900], {FINE}, {BAD}
    tgz = gzip_of(tar)
    yield "cut.tgz", tgz[: len(tgz) // 2], {FINE}, {BAD}
    yield "wrong.tgz", tgz[:-8] + b"abcdefgh", {FINE}, {BAD}
