"""Posts to addresses that users name: where they may go, and how long they may take."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tests.receiver import receiving
from workers.outbound import KEPT_BYTES, Address, Outbound, is_public

PUBLIC = ipaddress.ip_address("93.184.215.14")
LOOPBACK = ipaddress.ip_address("127.0.0.1")


def resolving(*addresses: Address) -> Callable[[str, int], list[Address]]:
    """Return a name server that answers the same to all."""
    return lambda _host, _port: list(addresses)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]
)
def test_machines_of_the_internet_may_be_told(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 -- nothing is bound
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.1",
        "192.0.0.192",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "224.0.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::",
        "2002:7f00:1::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ],
)
def test_nothing_else_may_be_told(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_no_form_that_carries_an_address_within_is_a_way_around(
    carried: ipaddress.IPv4Address,
) -> None:
    number = int(carried)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    compatible = ipaddress.IPv6Address(number)
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    six_to_four = ipaddress.IPv6Address((0x2002 << 112) | (number << 80))
    teredo = ipaddress.IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF))

    forms = (mapped, compatible, nat64, six_to_four, teredo)
    assert not any(is_public(address) for address in forms)


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_public(address: Address) -> None:
    private = address.is_private or address.is_loopback or address.is_link_local
    assert not (private and is_public(address))


@pytest.mark.parametrize("addresses", [(LOOPBACK,), (PUBLIC, LOOPBACK), (LOOPBACK, PUBLIC)])
def test_one_address_that_is_not_public_is_enough_to_send_nothing(
    addresses: tuple[Address, ...],
) -> None:
    with receiving() as receiver:
        answer = Outbound().post("https://evil.example/", {}, b"", resolving(*addresses))

    assert answer.status is None
    assert answer.error == "evil.example is not on the public Internet"
    assert receiver.messages == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_the_loopback_is_refused_however_it_is_written(host: str) -> None:
    answer = Outbound().post(f"https://{host}/", {}, b"")

    assert answer.error is not None
    assert answer.error.endswith("is not on the public Internet")


def test_a_name_is_looked_up_once_so_that_a_second_answer_gains_nothing() -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[Address]:
        asked.append(host)
        return [LOOPBACK if len(asked) == 1 else PUBLIC]

    with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", "rebinding.example")
        answer = Outbound(allow_private=True).post(url, {}, b"{}", rebinding)

    assert (answer.status, asked) == (200, ["rebinding.example"])
    assert receiver.messages[0].headers["Host"].startswith("rebinding.example:")


def test_plain_http_is_refused() -> None:
    answer = Outbound().post("http://example.com/", {}, b"", resolving(PUBLIC))

    assert answer.error == "the address has to begin with https://"


def test_a_name_that_nobody_has_is_said() -> None:
    answer = Outbound().post("https://nobody.invalid/", {}, b"")

    assert answer.error == "the name nobody.invalid cannot be resolved"


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..b"])
def test_a_name_that_cannot_be_one_is_said(host: str) -> None:
    answer = Outbound().post(f"https://{host}/", {}, b"")

    assert answer.error == f"the name {host} cannot be resolved"


def test_a_redirect_is_not_followed() -> None:
    with receiving() as receiver:
        receiver.statuses = [307]
        answer = Outbound(allow_private=True).post(receiver.url, {}, b"{}")

    assert answer.status == 307
    assert len(receiver.messages) == 1


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with receiving() as receiver:
        answer = Outbound(allow_private=True).post(receiver.url, {}, b"{}")

    assert answer.status == 200


def test_of_a_long_answer_the_beginning_is_kept() -> None:
    with receiving() as receiver:
        receiver.body = b"a\x00" * 50_000
        answer = Outbound(allow_private=True).post(receiver.url, {}, b"{}")

    assert answer.excerpt == "a\ufffd" * (KEPT_BYTES // 2)


@contextmanager
def sending(first: bytes, then: bytes) -> Iterator[str]:
    """Serve one caller: say something, and something more again and again while he listens."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            caller, _ = listener.accept()
            with caller:
                caller.sendall(first)
                try:
                    while then and not over.wait(0.01):
                        caller.sendall(then)
                except OSError:
                    return
                over.wait()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            over.set()
            thread.join()


IMPATIENT = Outbound(allow_private=True, timeout_s=0.3)


def test_a_receiver_that_hangs_is_left() -> None:
    with sending(b"", b"") as url:
        answer = IMPATIENT.post(url, {}, b"{}")

    assert answer.error == "no answer within 0.3 s"


def test_a_receiver_that_drips_headers_is_left_as_one_that_hangs() -> None:
    with sending(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n") as url:
        answer = IMPATIENT.post(url, {}, b"{}")

    assert answer.error == "no answer within 0.3 s"


def test_of_endless_bytes_no_more_is_read_than_is_kept() -> None:
    with sending(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10_000) as url:
        answer = Outbound(allow_private=True).post(url, {}, b"{}")

    assert (answer.status, answer.excerpt) == (200, "x" * KEPT_BYTES)


def test_a_status_counts_though_its_body_never_comes() -> None:
    with sending(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", b"") as url:
        answer = IMPATIENT.post(url, {}, b"{}")

    assert (answer.status, answer.excerpt, answer.error) == (200, "ab", None)


def test_what_is_no_http_is_said() -> None:
    with sending(b"SSH-2.0-OpenSSH\r\n\r\n", b"") as url:
        answer = IMPATIENT.post(url, {}, b"{}")

    assert answer.status is None
    assert answer.error


def test_of_a_long_line_that_is_no_http_the_beginning_is_quoted() -> None:
    with sending(b"A" * 50_000 + b"\r\n\r\n", b"") as url:
        answer = IMPATIENT.post(url, {}, b"{}")

    assert answer.error is not None
    assert "AAAA" in answer.error
    assert len(answer.error) <= KEPT_BYTES


def certified(name: str, directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what a server with a certificate for a name uses, and what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=pem.read_text().partition("KEY-----\n")[2])


@pytest.mark.parametrize(("name", "status"), [("hooks.example", 200), ("else.example", None)])
def test_tls_verifies_the_name_though_the_address_is_pinned(
    name: str, status: int | None, tmp_path: Path
) -> None:
    server, trust = certified("hooks.example", tmp_path)
    with receiving(server) as receiver:
        port = receiver.url.split(":")[2]
        outbound = Outbound(allow_private=True, tls=trust)
        answer = outbound.post(f"https://{name}:{port}", {}, b"{}", resolving(LOOPBACK))

    assert answer.status == status
    assert (answer.error is None) == (status is not None)
