"""Clients that are slow, or send too much, on real sockets; and what browsers are told of us."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from api.app import create_app
from api.protocol import MAX_HEAD_BYTES, MAX_HEADERS, Protocol
from shared.settings import Settings
from tests.api.server import serving
from tests.conftest import until

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = (
    b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
)
CHUNKED = POST.replace(b"Content-Length: 4000", b"Transfer-Encoding: chunked")
ORIGIN = "https://tokens.example.com"


class Hasty(Protocol):
    """A server that does not wait for long."""

    head_s = 0.5
    body_s = 0.5
    stalled_s = 0.5
    linger_s = 0.5


@pytest.fixture
def hasty(settings: Settings) -> Iterator[tuple[str, int]]:
    """Its address."""
    with serving(create_app(settings), Hasty) as url:
        yield "127.0.0.1", urlsplit(url).port or 0


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the server hangs up."""
    connection.settimeout(20)
    pieces = []
    with suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def problem_of(answer: bytes) -> tuple[int, str]:
    """Return the status and the code of the last answer of a connection."""
    head, _, body = answer[answer.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert b"Content-Type: application/problem+json" in head
    assert b"Connection: close" in head
    return int(head.split()[1]), problem["code"]


def dribble(connection: socket.socket, piece: bytes) -> bytes:
    """Send a piece every now and then until the server has had enough; return what it said."""
    pause = threading.Event()
    with suppress(OSError):
        for _ in range(2000):
            connection.sendall(piece)
            pause.wait(0.02)
    return read_all(connection)


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HT", GET, GET + b"X-A: 1"])
def test_a_head_that_does_not_end_is_not_waited_for(hasty: tuple[str, int], begun: bytes) -> None:
    with socket.create_connection(hasty) as connection:
        connection.sendall(begun)

        assert problem_of(read_all(connection)) == (408, "request_timeout")


def test_headers_that_come_one_by_one_do_not_keep_a_connection(hasty: tuple[str, int]) -> None:
    with socket.create_connection(hasty) as connection:
        connection.sendall(GET)

        assert problem_of(dribble(connection, b"X-A: 1\r\n")) == (408, "request_timeout")


def test_the_second_request_of_a_connection_is_timed_too(hasty: tuple[str, int]) -> None:
    with socket.create_connection(hasty) as connection:
        connection.sendall(GET + b"\r\n" + GET)

        answers = read_all(connection)

    assert answers.startswith(b"HTTP/1.1 200 ")
    assert problem_of(answers) == (408, "request_timeout")


@pytest.mark.parametrize(
    "head",
    [
        GET + b"X-A: " + b"a" * (2 * MAX_HEAD_BYTES),
        GET + b"X-A: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n",
        GET + b"X-A: 1\r\n" * MAX_HEADERS + b"\r\n",
        b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * (8 * MAX_HEAD_BYTES),
    ],
    ids=["endless header", "long header", "many headers", "long path", "endless path"],
)
def test_a_head_that_is_too_large_is_refused(hasty: tuple[str, int], head: bytes) -> None:
    with socket.create_connection(hasty) as connection:
        with suppress(OSError):
            connection.sendall(head)

        assert problem_of(read_all(connection)) == (431, "headers_too_large")


@pytest.mark.parametrize(
    "begun",
    [
        b"0\r\n" + b"X-A: 1\r\n" * 2 * MAX_HEAD_BYTES,
        b"0\r\nX-A: " + b"a" * 16 * MAX_HEAD_BYTES,
        b"1;a=" + b"a" * 16 * MAX_HEAD_BYTES,
    ],
    ids=["fields behind the body", "one long field", "what a chunk says of itself"],
)
def test_what_is_no_body_is_bounded_behind_the_head_too(base_url: str, begun: bytes) -> None:
    # More than a server reads at once, 256 KiB: what comes with the head is not told from it.
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(CHUNKED + begun)

        assert problem_of(read_all(connection)) == (431, "headers_too_large")


def test_a_body_in_many_small_chunks_is_taken(base_url: str) -> None:
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(CHUNKED + b"1\r\na\r\n" * MAX_HEAD_BYTES + b"0\r\n\r\n")

        assert connection.recv(65536).startswith(b"HTTP/1.1 422 ")


def test_a_field_behind_a_body_is_no_header(base_url: str) -> None:
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        # In one piece: all of it is parsed before anybody looks at the head.
        connection.sendall(CHUNKED + b"1\r\na\r\n0\r\nX-Request-ID: behind\r\n\r\n")
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 422 ")
    assert b"behind" not in answer


@pytest.mark.parametrize("framing", [b"Content-Length: 37", b"Transfer-Encoding: chunked"])
def test_a_body_is_never_taken_for_the_next_request(base_url: str, framing: bytes) -> None:
    address = urlsplit(base_url)
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    head = POST.replace(b"Content-Length: 4000\r\n", upgrade + framing + b"\r\n")
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(head)
        begun = connection.recv(1)
        connection.sendall(GET + b"\r\n")
        answers = begun + read_all(connection)

    assert answers.count(b"HTTP/1.1 ") == 1
    assert problem_of(answers) == (400, "invalid_request")


def test_who_asks_for_another_protocol_gets_this_one(base_url: str) -> None:
    wanted = {"Connection": "Upgrade", "Upgrade": "h2c"}

    assert httpx.get(f"{base_url}/healthz", headers=wanted).status_code == 200


def test_what_is_no_http_is_refused(hasty: tuple[str, int]) -> None:
    with socket.create_connection(hasty) as connection:
        connection.sendall(b"\x16\x03\x01 TLS\r\n\r\n")

        assert problem_of(read_all(connection)) == (400, "invalid_request")


@pytest.mark.parametrize("piece", [b"a", b"aa"])
def test_a_body_that_dribbles_in_is_not_waited_for(hasty: tuple[str, int], piece: bytes) -> None:
    with socket.create_connection(hasty) as connection:
        connection.sendall(POST)

        assert problem_of(dribble(connection, piece)) == (408, "request_timeout")


def test_a_body_that_takes_long_and_keeps_coming_is_waited_for(hasty: tuple[str, int]) -> None:
    pause = threading.Event()
    with socket.create_connection(hasty) as connection:
        connection.sendall(POST)
        for _ in range(80):
            connection.sendall(b"a" * 50)
            pause.wait(0.02)
        connection.settimeout(20)

        assert connection.recv(65536).startswith(b"HTTP/1.1 422 ")


def test_a_body_that_nobody_reads_ends_with_its_connection(hasty: tuple[str, int]) -> None:
    upload = b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n"
    with socket.create_connection(hasty) as connection:
        connection.sendall(upload)

        assert dribble(connection, b"a").startswith(b"HTTP/1.1 401 ")


def test_an_answer_that_nobody_reads_ends_with_its_connection(hasty: tuple[str, int]) -> None:
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(hasty) as connection:
        connection.sendall(ask * 500)

        until(lambda: served(hasty) == 1)
        until(lambda: served(hasty) == 0)


def served(address: tuple[str, int]) -> int:
    """Return how many connections a server in this process has."""
    found = psutil.Process().net_connections("tcp")
    return sum(each.laddr == address and bool(each.raddr) for each in found)


def preflight(url: str, origin: str) -> httpx.Response:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "Prefer"}
    return httpx.options(f"{url}/api/v1/jobs", headers={"Origin": origin, **asked})


def test_scripts_of_other_sites_are_kept_out(base_url: str) -> None:
    answer = httpx.get(f"{base_url}/healthz", headers={"Origin": ORIGIN})

    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert preflight(base_url, ORIGIN).status_code == 405


def test_a_listed_site_may_send_a_token_and_no_cookie(settings: Settings) -> None:
    listed = settings.model_copy(update={"cors_origins": f"http://localhost:5173, {ORIGIN}"})
    with serving(create_app(listed)) as url:
        let, other = preflight(url, ORIGIN), preflight(url, "https://example.com")
        refused = httpx.get(f"{url}/api/v1/auth/me", headers={"Origin": ORIGIN})

    assert let.status_code == 200
    assert let.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in let.headers
    assert other.status_code == 400
    assert "access-control-allow-origin" not in other.headers
    # Errors can be read as well.
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    assert "Retry-After" in refused.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin", ["*", "null", "example.com", "https://example.com/", "https://*"]
)
def test_an_origin_that_no_browser_sends_does_not_start(origin: str) -> None:
    with pytest.raises(ValueError, match="cors_origins"):
        Settings(cors_origins=origin)


def test_browsers_are_told_to_stay_with_tls(settings: Settings) -> None:
    behind = settings.model_copy(update={"trusted_proxies": "127.0.0.1"})
    headers = {"X-Forwarded-Proto": "https"}
    with serving(create_app(behind)) as url:
        by_tls = httpx.get(f"{url}/login", headers=headers)
        plain = httpx.get(f"{url}/login")
    with serving(create_app(settings)) as url:
        untrusted = httpx.get(f"{url}/login", headers=headers)

    assert by_tls.headers["strict-transport-security"] == "max-age=31536000"
    assert "Secure" in by_tls.headers["set-cookie"]
    for answer in (plain, untrusted):
        assert "strict-transport-security" not in answer.headers
        assert "Secure" not in answer.headers["set-cookie"]
