"""Parts of stored files over HTTP."""

import httpx
import pytest

from tests.api.server import PNG, assert_problem, submit

DATA = PNG + bytes(range(100))
SIZE = len(DATA)


@pytest.fixture
def image(client: httpx.Client) -> str:
    """The path of a stored image."""
    job = submit(client, ("one.png", DATA)).json()
    item = client.get(job["links"]["items"]).json()["data"][0]
    path: str = item["links"]["image"]
    return path


def test_a_file_says_its_length_and_that_it_has_parts(client: httpx.Client, image: str) -> None:
    answer = client.get(image)

    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == 'inline; filename="one.png"'


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=5-9", 5, 9),
        ("bytes=90-", 90, SIZE - 1),
        ("bytes=-7", SIZE - 7, SIZE - 1),
        (f"bytes=3-{SIZE * 9}", 3, SIZE - 1),
        (f"bytes=-{SIZE * 9}", 0, SIZE - 1),
    ],
)
def test_a_part_is_what_was_asked_for(
    client: httpx.Client, image: str, asked: str, first: int, last: int
) -> None:
    answer = client.get(image, headers={"Range": asked})

    assert answer.status_code == 206
    assert answer.content == DATA[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["content-length"] == str(last + 1 - first)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0"])
def test_a_part_beyond_the_end_is_416(client: httpx.Client, image: str, asked: str) -> None:
    answer = client.get(image, headers={"Range": asked})

    assert_problem(answer, 416, "requested_range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked", ["bytes=9-5", "bytes=-", "bytes=x-y", "lines=1-2", "bytes=0-1,4-5", "bytes"]
)
def test_a_range_that_makes_no_sense_gets_the_whole(
    client: httpx.Client, image: str, asked: str
) -> None:
    answer = client.get(image, headers={"Range": asked})

    assert (answer.status_code, answer.content) == (200, DATA)


def test_a_part_of_another_version_is_never_given(client: httpx.Client, image: str) -> None:
    etag = client.get(image).headers["etag"]

    same = client.get(image, headers={"Range": "bytes=0-3", "If-Range": etag})
    other = client.get(image, headers={"Range": "bytes=0-3", "If-Range": '"other"'})

    assert (same.status_code, same.content) == (206, DATA[:4])
    assert (other.status_code, other.content) == (200, DATA)
