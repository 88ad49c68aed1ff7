"""Posts to addresses that users name, without letting them reach what only we can reach.

A name is resolved once; unless every address it has is a public one, nothing is sent, and the
connection goes to the very address that was looked at, so that a name server that answers
otherwise the next time gains nothing. TLS still verifies the name. There is one deadline for all:
a receiver that sends a byte a second is cut off as one that sends none.

Source: OWASP, "Server-Side Request Forgery Prevention Cheat Sheet".
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import httpcore
from httpcore import ConnectError, ConnectTimeout, NetworkStream, ReadTimeout, WriteTimeout

# Receivers are asked to answer at once and work later; the specification says 15 to 30 s.
TIMEOUT_S = 15.0
# What of an answer is kept for whoever looks for an error.
KEPT_BYTES = 1024
# What IPv6 networks have public addresses in (RFC 4291, section 2.4); every form that carries an
# IPv4 address within, and that could so be a way around, is outside of it or named below it.
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
TUNNELS = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))
# For protocols, and what some clouds tell their machines secrets at (RFC 6890); Python takes most
# of it for public before 3.11.10. Then relays into the first of the tunnels (RFC 7526).
NOT_PUBLIC = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[Address]]


class AddressRefused(ConnectError):
    """A name leads to where nothing may be sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a post: a status and the beginning of the answer, or why there is none."""

    status: int | None = None
    excerpt: str | None = None
    error: str | None = None


@lru_cache(maxsize=1)
def _authorities() -> ssl.SSLContext:
    """Return what verifies receivers; reading the authorities takes a while."""
    return httpcore.default_ssl_context()


@dataclass(frozen=True, slots=True)
class Outbound:
    """A way out. ``allow_private`` also lets through plain HTTP and addresses that are not public.

    For machines whose receivers are beside them, and for tests.
    """

    allow_private: bool = False
    timeout_s: float = TIMEOUT_S
    tls: ssl.SSLContext = field(default_factory=_authorities)

    def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        resolve: Resolve | None = None,
    ) -> Answer:
        """Post once, following no redirect and no proxy.

        Args:
            url: Where to.
            headers: Besides ``Host`` and ``Content-Length``.
            body: What to send.
            resolve: Looks up a name; the system's resolver by default.
        """
        if not url.startswith("https://") and not self.allow_private:
            return Answer(error="the address has to begin with https://")
        way = _GuardedBackend(
            resolve or system_resolve, time.monotonic() + self.timeout_s, self.allow_private
        )
        try:
            with (
                httpcore.ConnectionPool(self.tls, network_backend=way) as pool,
                pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
            ):
                return Answer(response.status, _excerpt(response))
        except httpcore.TimeoutException:
            return Answer(error=f"no answer within {self.timeout_s:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            # What is no HTTP is quoted, however long it is.
            return Answer(error=str(error)[:KEPT_BYTES] or "the connection broke")


def _excerpt(response: httpcore.Response) -> str:
    """Return the beginning of an answer, or what came of it in time."""
    kept = b""
    try:
        for chunk in response.iter_stream():
            kept += chunk[: KEPT_BYTES - len(kept)]
            if len(kept) >= KEPT_BYTES:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass  # The status has come, and that is what counts.
    # PostgreSQL takes every character but this one.
    return kept.decode(errors="replace").replace("\x00", "\ufffd")


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public Internet, and of one machine in it."""
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in NOT_PUBLIC)
    return address in GLOBAL_UNICAST and not any(address in tunnel for tunnel in TUNNELS)


def system_resolve(host: str, port: int) -> list[Address]:
    """Return every address that the system knows of a name.

    Raises:
        ConnectError: It knows none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectError(f"the name {host} cannot be resolved") from error
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class _GuardedBackend(httpcore.NetworkBackend):
    """Connects to public addresses only, until a deadline (of ``time.monotonic``)."""

    resolve: Resolve
    deadline_s: float
    allow_private: bool

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect to the first address of a name that answers, if all of them are public."""
        del timeout
        addresses = self.resolve(host, port)
        if not self.allow_private and not all(map(is_public, addresses)):
            raise AddressRefused(f"{host} is not on the public Internet")
        refused: ConnectError = ConnectError(f"the name {host} cannot be resolved")
        for address in addresses:
            try:
                stream = httpcore.SyncBackend().connect_tcp(
                    str(address), port, self._left(), local_address, socket_options
                )
            except ConnectError as error:
                refused = error
            else:
                return _TimedStream(stream, self.deadline_s)
        raise refused

    def _left(self) -> float:
        left_s = self.deadline_s - time.monotonic()
        if left_s <= 0:
            raise ConnectTimeout
        return left_s


@dataclass(frozen=True, slots=True)
class _TimedStream(NetworkStream):
    """A connection that ends at a deadline, whatever comes in it."""

    stream: NetworkStream
    deadline_s: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has come."""
        del timeout
        return self.stream.read(max_bytes, self._left(ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of a buffer."""
        del timeout
        self.stream.write(buffer, self._left(WriteTimeout))

    def close(self) -> None:
        """End the connection."""
        self.stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> NetworkStream:
        """Go on encrypted, with whoever can prove to have the name."""
        del timeout
        left_s = self._left(ConnectTimeout)
        secured = self.stream.start_tls(ssl_context, server_hostname, left_s)
        return _TimedStream(secured, self.deadline_s)

    def get_extra_info(self, info: str) -> object:
        """Return what is known of the socket."""
        return self.stream.get_extra_info(info)

    def _left(self, late: type[httpcore.TimeoutException]) -> float:
        left_s = self.deadline_s - time.monotonic()
        if left_s <= 0:
            raise late
        return left_s
