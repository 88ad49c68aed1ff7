"""Multipart bodies: what is taken, what is refused, and what is left behind."""

import socket
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from api.app import create_app
from shared.db.engine import transaction
from shared.settings import Settings
from tests.api.conftest import KIB
from tests.api.server import GIF, PNG, assert_problem, serving, submit
from tests.archives import zip_of
from tests.conftest import until

BOUNDARY = "b0undary"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(disposition: str, data: bytes = PNG) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n"
    return head.encode() + data + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
FILE = part('form-data; name="files"; filename="a.png"')


def post(client: httpx.Client, body: bytes) -> httpx.Response:
    return client.post("/api/v1/jobs", content=body, headers=MULTIPART)


def filenames(client: httpx.Client, job: httpx.Response) -> list[str]:
    items = client.get(job.json()["links"]["items"]).json()["data"]
    return [item["filename"] for item in items]


def incoming(blob_dir: Path) -> list[Path]:
    return list(blob_dir.glob(".incoming-*"))


def test_images_become_items_in_their_order(client: httpx.Client) -> None:
    job = submit(client, ("b.png", PNG + b"b"), ("a.gif", GIF + b"a"))

    assert job.status_code == 202
    assert job.headers["location"] == job.json()["links"]["self"]
    assert job.headers["retry-after"] == "1"
    assert filenames(client, job) == ["b.png", "a.gif"]


def test_content_decides_whatever_the_name_says(client: httpx.Client) -> None:
    job = submit(client, ("notes.txt", GIF + b"x"), ("picture.png", b"no picture"))

    one, other = client.get(job.json()["links"]["items"]).json()["data"]
    assert (one["media_type"], one["status"]) == ("image/gif", "queued")
    assert (other["sha256"], other["status"]) == (None, "failed")
    assert other["error"]["code"] == "not_an_image"


def test_a_bad_file_fails_alone(client: httpx.Client) -> None:
    job = submit(client, ("bad.png", b"bad"), ("good.png", PNG), ("empty.png", b""))

    counts = job.json()["counts"]
    assert (counts["total"], counts["queued"], counts["failed"]) == (3, 1, 2)


def test_a_request_of_bad_files_alone_is_refused(client: httpx.Client) -> None:
    answer = submit(client, ("a.png", b"bad"), ("b.txt", b"text"))

    problem = assert_problem(answer, 422, "nothing_usable")
    assert "a.png" in problem["detail"]
    assert client.get("/api/v1/jobs").json()["data"] == []


def test_a_request_without_files_is_refused(client: httpx.Client) -> None:
    assert_problem(post(client, END), 422, "nothing_usable")


def test_a_browsers_empty_file_field_is_passed_over(client: httpx.Client) -> None:
    job = post(client, FILE + part('form-data; name="files"; filename=""', b"") + END)

    assert job.json()["counts"]["total"] == 1


def test_an_archive_makes_a_job_that_a_worker_unpacks(
    client: httpx.Client, engine: Engine
) -> None:
    job = submit(client, ("a.png", PNG), ("b.zip", zip_of({"c.png": PNG})), ("d.txt", b"d"))

    assert job.json()["status"] == "queued"
    assert job.json()["counts"]["total"] == 0
    with transaction(engine) as connection:
        stages = connection.execute(text("SELECT stage FROM work")).scalars().all()
        sources = connection.execute(text("SELECT sources FROM jobs")).scalar_one()
    assert stages == ["unpack"]
    assert [source["media_type"] for source in sources] == ["image/png", "application/zip", None]


def test_an_image_over_its_limit_fails_alone(client: httpx.Client) -> None:
    job = submit(client, ("large.png", PNG.ljust(64 * KIB + 1)), ("fits.png", PNG.ljust(64 * KIB)))

    large, fits = client.get(job.json()["links"]["items"]).json()["data"]
    assert (large["status"], large["error"]["code"]) == ("failed", "image_too_large")
    assert fits["status"] == "queued"


def test_no_more_of_a_large_image_is_stored_than_tells(
    client: httpx.Client, blob_dir: Path
) -> None:
    before = set(blob_dir.rglob("*"))
    submit(client, ("large.png", PNG.ljust(400 * KIB, b"L")), ("fits.png", PNG))

    new = set(blob_dir.rglob("*")) - before
    assert max(file.stat().st_size for file in new) == 64 * KIB + 1


def test_an_archive_may_be_larger_than_an_image(client: httpx.Client) -> None:
    large = zip_of({"a.png": PNG.ljust(100 * KIB)})

    assert submit(client, ("a.zip", large)).status_code == 202


@pytest.mark.parametrize("length", ["declared", "unknown"])
def test_a_request_over_its_limit_is_refused(
    client: httpx.Client, blob_dir: Path, length: str
) -> None:
    body = part('form-data; name="files"; filename="a.zip"', b"PK\x03\x04".ljust(600 * KIB)) + END

    def chunks() -> Iterator[bytes]:
        yield from (body[start : start + 10_000] for start in range(0, len(body), 10_000))

    content = body if length == "declared" else chunks()
    answer = client.post("/api/v1/jobs", content=content, headers=MULTIPART)

    assert_problem(answer, 413, "upload_too_large")
    assert incoming(blob_dir) == []


def test_too_many_files_are_refused(client: httpx.Client) -> None:
    answer = submit(client, *((f"{place}.png", PNG) for place in range(21)))

    assert_problem(answer, 413, "upload_too_large")


def test_too_many_empty_files_are_refused(client: httpx.Client) -> None:
    empty = part('form-data; name="files"; filename=""', b"")

    assert_problem(post(client, FILE + empty * 20 + END), 413, "upload_too_large")


def test_options_without_end_are_refused(client: httpx.Client) -> None:
    options = part('form-data; name="options"', b" " * 70_000)

    assert_problem(post(client, options + FILE + END), 413, "upload_too_large")


def test_a_body_of_another_type_is_refused(client: httpx.Client) -> None:
    answer = client.post("/api/v1/jobs", json={"files": []})

    assert_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 300}",
    ],
)
def test_a_content_type_without_a_usable_boundary_is_refused(
    client: httpx.Client, content_type: str
) -> None:
    headers = {"Content-Type": content_type}

    answer = client.post("/api/v1/jobs", content=FILE + END, headers=headers)

    assert_problem(answer, 400, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not multipart at all",
        FILE,
        FILE + b"--b0undary",
        FILE[:-20],
        FILE.replace(b"Content-Disposition", b"Content Disposition") + END,
        b"--other\r\n" + FILE + END,
    ],
    ids=["empty", "text", "no end", "half an end", "cut", "bad header", "other boundary"],
)
def test_a_malformed_body_is_refused_and_leaves_nothing(
    client: httpx.Client, blob_dir: Path, body: bytes
) -> None:
    assert_problem(post(client, body), 400, "invalid_request")

    assert incoming(blob_dir) == []


@pytest.mark.parametrize(
    ("disposition", "pointer"),
    [
        ('form-data; name="file"; filename="a.png"', "/file"),
        ('form-data; name="files"', "/files"),
        ('form-data; name="a/b~c"', "/a~1b~0c"),
        ("form-data", "/"),
    ],
)
def test_a_field_that_is_not_ours_is_named(
    client: httpx.Client, disposition: str, pointer: str
) -> None:
    answer = post(client, part(disposition) + END)

    problem = assert_problem(answer, 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_options_may_come_once(client: httpx.Client) -> None:
    options = part('form-data; name="options"', b"{}")

    answer = post(client, options + options + FILE + END)

    problem = assert_problem(answer, 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "/options"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("../../etc/passwd.png", "../../etc/passwd.png"),
        ("日本 ä.png", "日本 ä.png"),
        ("tab\tbell\x07.png", "tabbell.png"),
        ("nul\x00.png", "nul.png"),
        ("a" * 2000 + ".png", "a" * 1024),
        ('say \\"hi\\".png', 'say "hi".png'),
    ],
)
def test_a_filename_is_text_that_can_be_stored(
    client: httpx.Client, sent: str, stored: str
) -> None:
    job = post(client, part(f'form-data; name="files"; filename="{sent}"') + END)

    assert filenames(client, job) == [stored]


def test_a_filename_that_is_not_unicode_is_stored_all_the_same(client: httpx.Client) -> None:
    body = FILE.replace(b"a.png", b"a\xff.png") + END

    assert filenames(client, post(client, body)) == ["a\N{REPLACEMENT CHARACTER}.png"]


def test_what_follows_the_end_counts_for_nothing(client: httpx.Client) -> None:
    assert post(client, FILE + END + FILE).json()["counts"]["total"] == 1


def test_one_byte_at_a_time_comes_to_the_same(client: httpx.Client) -> None:
    body = FILE + part('form-data; name="options"', b'{"name": "slow"}') + END

    answer = client.post(
        "/api/v1/jobs", content=(body[i : i + 1] for i in range(len(body))), headers=MULTIPART
    )

    assert answer.json()["name"] == "slow"


def test_a_client_that_leaves_leaves_nothing(
    client: httpx.Client, blob_dir: Path, base_url: str
) -> None:
    url = httpx.URL(base_url)
    head = (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n"
        f"Authorization: {client.headers['authorization']}\r\n"
        f"Content-Type: {MULTIPART['Content-Type']}\r\n\r\n"
    )
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(head.encode() + FILE.rstrip() + b"x" * 300_000)

        until(lambda: incoming(blob_dir))

    until(lambda: not incoming(blob_dir))
    assert client.get("/api/v1/jobs").json()["data"] == []


def test_the_same_file_twice_is_stored_once(client: httpx.Client, blob_dir: Path) -> None:
    data = PNG + b"stored once"
    before = len([file for file in blob_dir.rglob("*") if file.is_file()])

    submit(client, ("a.png", data), ("b.png", data))
    submit(client, ("c.png", data))

    after = len([file for file in blob_dir.rglob("*") if file.is_file()])
    assert after == before + 1


def test_nobody_uploads_without_credentials(anonymous: httpx.Client, blob_dir: Path) -> None:
    before = list(blob_dir.rglob("*"))

    assert_problem(submit(anonymous, ("a.png", PNG + b"?")), 401, "unauthenticated")

    assert list(blob_dir.rglob("*")) == before


def test_storage_that_fails_is_503(settings: Settings, client: httpx.Client) -> None:
    broken = settings.model_copy(update={"data_dir": Path("/dev/null")})
    with serving(create_app(broken)) as url:
        key = client.headers["authorization"]
        files = {"files": ("a.png", PNG)}
        answer = httpx.post(f"{url}/api/v1/jobs", files=files, headers={"Authorization": key})

    assert_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "5"


def test_a_large_upload_is_never_in_memory(settings: Settings, client: httpx.Client) -> None:
    roomy = settings.model_copy(update={"max_request_bytes": 10**9})
    size, piece = 48 * KIB * KIB, 64 * KIB

    def body() -> Iterator[bytes]:
        yield part('form-data; name="files"; filename="a.zip"', b"PK\x03\x04").rstrip()
        for _ in range(size // piece):
            yield b"\x00" * piece
        yield b"\r\n" + END

    headers = MULTIPART | {"Authorization": client.headers["authorization"]}
    with serving(create_app(roomy)) as url:
        tracemalloc.start()
        try:
            answer = httpx.post(f"{url}/api/v1/jobs", content=body(), headers=headers, timeout=60)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert answer.status_code == 202
    assert peak < size / 6


PIECES = st.sampled_from(
    [
        FILE,
        END,
        part('form-data; name="options"', b"{}"),
        part('form-data; name="options"', b'{"name": 1}'),
        part('form-data; name="files"; filename="b"', b"BM"),
        part('form-data; name="files'),
        b"--b0undary",
        b"\r\n",
        b"--",
        b"Content-Disposition: form-data; name=",
        b"\x00\xff",
    ]
)


@hypothesis_settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(body=st.lists(PIECES | st.binary(max_size=40), max_size=8).map(b"".join))
def test_no_body_breaks_the_service(client: httpx.Client, body: bytes) -> None:
    answer = post(client, body)

    assert answer.status_code in {202, 400, 413, 422}
    if answer.status_code != 202:
        assert answer.headers["content-type"] == "application/problem+json"
