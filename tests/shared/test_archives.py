"""Archives of every kind of goodness, read as streams."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.archives import ArchiveLimits, Member, read_members
from shared.errors import ArchiveBomb, BadArchive
from shared.filenames import MAX_FILENAME, UNNAMED
from shared.media import MediaType

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 100
LIMITS = ArchiveLimits(
    max_members=10, max_bytes=64 * 1024 * 1024, max_member_bytes=1024 * 1024, max_ratio=200
)
Files = Iterable[tuple[str, bytes]]


def zip_of(files: Files, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def tar_of(files: Files, mode: Literal["w", "w:gz"] = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def tgz_of(files: Files) -> bytes:
    return tar_of(files, "w:gz")


def read(
    archive: bytes, kind: MediaType = MediaType.ZIP, limits: ArchiveLimits = LIMITS
) -> list[Member]:
    return list(read_members(io.BytesIO(archive), kind, len(archive), limits))


def codes(members: Iterable[Member]) -> list[str | None]:
    return [member.problem.code if member.problem else None for member in members]


@pytest.mark.parametrize(
    ("pack", "kind"),
    [(zip_of, MediaType.ZIP), (tar_of, MediaType.TAR), (tgz_of, MediaType.GZIP)],
)
def test_members_come_whole_and_in_order(pack: Callable[[Files], bytes], kind: MediaType) -> None:
    members = read(pack([("b/two.png", PNG + b"2"), ("a/one.png", PNG + b"1")]), kind)

    assert [(m.name, m.data) for m in members] == [
        ("b/two.png", PNG + b"2"),
        ("a/one.png", PNG + b"1"),
    ]


def test_what_is_no_image_is_skipped_unless_it_claims_to_be_one() -> None:
    members = read(zip_of([("notes.txt", b"hello"), ("fake.png", b"hello"), ("odd-name", PNG)]))

    assert [m.skipped for m in members] == [True, False, False]
    assert codes(members) == [None, "not_an_image", None]


@pytest.mark.parametrize("name", [".hidden.png", "__MACOSX/a.png", "a/.git/b.png"])
def test_an_operating_systems_own_files_are_skipped(name: str) -> None:
    assert [m.skipped for m in read(zip_of([(name, PNG)]))] == [True]


def test_an_archive_inside_an_archive_is_an_error_of_its_own() -> None:
    members = read(zip_of([("inner.zip", zip_of([("a.png", PNG)])), ("a.png", PNG)]))

    assert codes(members) == ["nested_archive", None]


def test_a_member_over_the_image_limit_fails_alone() -> None:
    members = read(zip_of([("big.png", PNG + bytes(LIMITS.max_member_bytes)), ("a.png", PNG)]))

    assert codes(members) == ["image_too_large", None]


def test_a_member_with_a_wrong_checksum_fails_alone() -> None:
    archive = bytearray(zip_of([("bad.png", PNG), ("a.png", PNG)], zipfile.ZIP_STORED))
    archive[archive.index(PNG) + 50] ^= 0xFF

    assert codes(read(bytes(archive))) == ["bad_archive", None]


def test_an_encrypted_member_fails_alone() -> None:
    archive = bytearray(zip_of([("a.png", PNG)]))
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    archive[6] |= 1

    (member,) = read(bytes(archive))

    assert member.problem is not None
    assert (member.problem.code, member.problem.detail) == ("bad_archive", "a.png is encrypted")


def test_names_with_dots_and_slashes_stay_text() -> None:
    names = ["../../etc/cron.png", "/abs.png", "./here.png"]

    members = read(tar_of([(n, PNG) for n in names]), MediaType.TAR)

    assert [m.name for m in members] == names
    assert [m.data for m in members] == [PNG] * 3


def test_a_member_without_a_name_is_read() -> None:
    archive = zip_of([("\x01.png", PNG), ("a.png", PNG)]).replace(b"\x01.png", b"\x00.png")

    assert [m.name for m in read(archive)] == [UNNAMED, "a.png"]
    assert codes(read(archive)) == [None, None]


def test_names_are_cleaned_in_members_and_in_their_problems() -> None:
    names = ["a\x1b[31m\u202e.png", "x" * 60_000 + ".png"]

    good = read(tar_of([(name, PNG) for name in names]), MediaType.TAR)
    bad = read(zip_of([(names[1], zip_of([]))]))

    assert [member.name for member in good] == ["a[31m.png", "x" * MAX_FILENAME]
    assert bad[0].problem is not None
    assert len(bad[0].problem.detail) < MAX_FILENAME + 100


def test_links_and_devices_are_not_members() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
            entry = tarfile.TarInfo("link.png")
            entry.type = kind
            entry.linkname = "/etc/passwd"
            archive.addfile(entry)

    assert read(buffer.getvalue(), MediaType.TAR) == []


def test_too_many_members_are_a_bomb() -> None:
    files = [(f"{n}.png", PNG) for n in range(LIMITS.max_members + 1)]

    with pytest.raises(ArchiveBomb):
        read(zip_of(files))


def test_members_that_unpack_to_far_more_than_the_archive_are_a_bomb() -> None:
    limits = ArchiveLimits(1000, 1 << 40, 8 * 1024 * 1024, 200)
    files = [(f"{n}.png", PNG + bytes(7 * 1024 * 1024)) for n in range(4)]

    with pytest.raises(ArchiveBomb):
        read(zip_of(files), limits=limits)


@pytest.mark.parametrize("name", ["notes.txt", ".hidden.png"])
def test_what_is_passed_over_is_counted_where_it_has_to_be_unpacked(name: str) -> None:
    archive = tgz_of([("a.png", PNG), (name, bytes(20 * 1024 * 1024)), ("b.png", PNG)])

    with pytest.raises(ArchiveBomb):
        read(archive, MediaType.GZIP)


def test_members_over_the_total_are_a_bomb() -> None:
    limits = ArchiveLimits(1000, 1000, 1024 * 1024, 10_000)

    with pytest.raises(ArchiveBomb):
        read(zip_of([("a.png", PNG + bytes(5000))]), limits=limits)


def test_a_lying_size_field_changes_nothing_but_its_own_member() -> None:
    archive = bytearray(zip_of([("a.png", PNG), ("b.png", PNG)]))
    size = archive.index(b"PK\x01\x02") + 24
    archive[size : size + 4] = (10).to_bytes(4, "little")

    assert codes(read(bytes(archive))) == ["bad_archive", None]


@pytest.mark.parametrize("kind", [MediaType.ZIP, MediaType.TAR, MediaType.GZIP])
def test_a_damaged_archive_says_so(kind: MediaType) -> None:
    with pytest.raises(BadArchive):
        read(b"PK\x03\x04" + b"\x1f\x8b nonsense" * 40, kind)


def test_a_cut_off_archive_yields_what_came_before_the_cut() -> None:
    archive = tgz_of([("a.png", PNG), ("b.png", PNG + bytes(range(256)) * 400)])
    members = read_members(io.BytesIO(archive[:-60]), MediaType.GZIP, len(archive), LIMITS)

    assert next(members).name == "a.png"
    with pytest.raises(BadArchive):
        list(members)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.integers(0, 400),
    st.binary(min_size=1, max_size=8),
    st.sampled_from([(zip_of, MediaType.ZIP), (tgz_of, MediaType.GZIP)]),
)
def test_no_damage_escapes_as_another_error(
    place: int, junk: bytes, how: tuple[Callable[[Files], bytes], MediaType]
) -> None:
    pack, kind = how
    archive = bytearray(pack([("a.png", PNG), ("b.png", PNG)]))
    place %= len(archive)
    archive[place : place + len(junk)] = junk

    try:
        members = read(bytes(archive), kind)
    except BadArchive:
        return
    assert len(members) <= 10
