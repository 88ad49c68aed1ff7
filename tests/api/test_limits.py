"""Rate limits over HTTP: exact under load, told in headers, and what is left without Redis."""

import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import Engine

from api.app import create_app
from api.limits import network_of
from cli import data_dir, servers
from shared.db import api_keys, users
from shared.db.engine import transaction
from shared.settings import Settings
from tests.api.browsing import PASSWORD, send
from tests.api.conftest import NO_PASSWORD
from tests.api.server import IMAGE, assert_problem, serving
from tests.conftest import running, until

Serve = Callable[..., str]
Client = Callable[..., httpx.Client]
ME, LOGIN = "/api/v1/auth/me", "/api/v1/auth/login"
FORM = {"username": "nobody@example.com", "password": PASSWORD}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator["Redis"]:
    """A Redis of the test's own, which has counted nothing."""
    with data_dir.claim(tmp_path / "redis") as place, Redis(place) as started:
        yield started


class Redis(ExitStack):
    """Redis, which stops when it is told to."""

    def __init__(self, place: data_dir.DataDir) -> None:
        super().__init__()
        self.sockets = data_dir.make_socket_dir(place, servers.server_account(place))
        self.url = servers.broker_url(self.sockets)
        self._program = servers.redis_program(place, self.sockets)

    def __enter__(self) -> Self:
        super().__enter__()
        self.start()
        return self

    def start(self) -> None:
        """Run."""
        self.enter_context(running(self._program, lambda: servers.redis_ready(self.sockets)))


@pytest.fixture
def serve(settings: Settings, redis: Redis, engine: Engine) -> Iterator[Serve]:
    """Serve with limits that a test can reach; return the address."""
    del engine  # what was counted of logins goes with the test
    with ExitStack() as stack:

        def start(**limits: object) -> str:
            changed = settings.model_copy(update={"rate_limit_url": redis.url, **limits})
            return stack.enter_context(serving(create_app(changed)))

        yield start


@pytest.fixture
def client_of(engine: Engine) -> Iterator[Client]:
    """Make clients with a key of a user of their own, or of somebody's."""
    with ExitStack() as stack:

        def make(url: str, email: str, **headers: str) -> httpx.Client:
            with transaction(engine) as connection:
                login = users.find_login(connection, email)
                user_id = (
                    login.user_id
                    if login
                    else users.create_user(connection, email, NO_PASSWORD).id
                )
                secret = api_keys.issue(connection, user_id, "test").secret
            sent = {"Authorization": f"Bearer {secret}", **headers}
            return stack.enter_context(httpx.Client(base_url=url, headers=sent, timeout=30))

        yield make


def codes_of(client: httpx.Client, count: int, path: str = ME) -> list[int]:
    return [client.get(path).status_code for _ in range(count)]


def metric(url: str, name: str) -> dict[str, int]:
    """Return a counter by its route class."""
    text = httpx.get(f"{url}/metrics").text
    found = re.findall(rf'^copythat_{name}_total{{class="(\w+)"}} (\d+)$', text, re.MULTILINE)
    return {route_class: int(value) for route_class, value in found}


def test_no_race_lets_more_than_the_quota_pass(serve: Serve, client_of: Client) -> None:
    client = client_of(serve(reads_per_minute=60), "ada@example.com")

    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(lambda _: client.get(ME).status_code, range(80)))

    # A key has half of what its owner has.
    assert codes.count(200) == 30
    assert codes.count(429) == 50


def test_processes_that_race_count_together(serve: Serve, client_of: Client) -> None:
    urls = [serve(reads_per_minute=60) for _ in range(3)]
    client = client_of("", "ada@example.com")

    with ThreadPoolExecutor(15) as pool:
        asked = [pool.submit(client.get, url + ME) for url in urls * 20]

    assert [each.result().status_code for each in asked].count(200) == 30


def test_headers_count_down_to_a_429_that_says_when(serve: Serve, client_of: Client) -> None:
    client = client_of(serve(reads_per_minute=6), "ada@example.com")

    answers = [client.get(ME) for _ in range(4)]

    counted = '"read-address";q=12;w=60, "read-key";q=3;w=60'
    passed = f'{counted}, "read-user";q=6;w=60'
    assert [answer.headers["ratelimit-policy"] for answer in answers] == [*[passed] * 3, counted]
    states = [answer.headers["ratelimit"].rpartition(";t=") for answer in answers]
    assert [state for state, _, _ in states] == [f'"read-key";r={r}' for r in (2, 1, 0, 0)]
    assert all(58 <= int(ends) <= 60 for _, _, ends in states)
    assert_problem(answers[-1], 429, "rate_limited")
    assert answers[-1].headers["retry-after"] == states[-1][2]


def test_a_key_leaves_half_to_its_owner(serve: Serve, client_of: Client) -> None:
    url = serve(reads_per_minute=8)
    one, other = (client_of(url, "ada@example.com") for _ in range(2))

    assert codes_of(one, 9) == [200] * 4 + [429] * 5
    assert codes_of(other, 5) == [200] * 4 + [429]


def test_users_do_not_share_and_their_network_does(serve: Serve, client_of: Client) -> None:
    url = serve(reads_per_minute=8)
    clients = [client_of(url, f"user{number}@example.com") for number in range(5)]

    codes = [codes_of(client, 4) for client in clients]

    assert codes[:4] == [[200] * 4] * 4
    assert codes[4] == [429] * 4


def test_classes_do_not_share(serve: Serve, client_of: Client) -> None:
    client = client_of(
        serve(reads_per_minute=2, writes_per_minute=2, submissions_per_minute=2), "ada@example.com"
    )

    def once_each() -> list[int]:
        return [
            client.get(ME).status_code,
            client.delete("/api/v1/cache/" + "0" * 64).status_code,
            client.post("/api/v1/jobs", files=[("files", IMAGE)]).status_code,
        ]

    assert [once_each(), once_each()] == [[200, 204, 202], [429, 429, 429]]


def test_guesses_without_an_account_are_limited_too(serve: Serve) -> None:
    url = serve(reads_per_minute=2)
    headers = {"Authorization": "Bearer ct_wrong"}

    codes = [httpx.get(url + ME, headers=headers).status_code for _ in range(5)]

    assert codes == [401] * 4 + [429]


def test_what_monitors_ask_is_not_limited(serve: Serve) -> None:
    url = serve(reads_per_minute=1)

    for path in ("/healthz", "/readyz", "/metrics", "/login"):
        answers = [httpx.get(url + path) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200] * 4
        assert "ratelimit" not in answers[0].headers


def test_logins_and_registrations_are_limited_by_network(serve: Serve) -> None:
    url = serve(logins_per_minute=3, registrations_per_hour=2)

    logins = [httpx.post(url + LOGIN, data=FORM) for _ in range(4)]
    registrations = [
        httpx.post(
            f"{url}/api/v1/auth/register",
            json={"email": f"user{number}@example.com", "password": PASSWORD},
        )
        for number in range(3)
    ]

    assert [answer.status_code for answer in logins] == [401, 401, 401, 429]
    assert logins[0].headers["ratelimit-policy"] == '"login-address";q=3;w=60'
    assert [answer.status_code for answer in registrations] == [201, 201, 429]
    assert registrations[0].headers["ratelimit-policy"] == '"register-address";q=2;w=3600'


def test_a_page_says_so_as_a_page(serve: Serve) -> None:
    url = serve(logins_per_minute=1)
    with httpx.Client(base_url=url) as browser:
        send(browser, "/login", "/login", email="nobody@example.com", password=PASSWORD)

        refused = send(browser, "/login", "/login", email="nobody@example.com", password=PASSWORD)

    assert refused.status_code == 429
    assert refused.headers["content-type"].startswith("text/html")
    assert int(refused.headers["retry-after"]) in range(50, 61)
    assert "Too many requests" in refused.text


def test_nobody_is_believed_to_be_somewhere_else(serve: Serve) -> None:
    url = serve(logins_per_minute=2)

    codes = [
        httpx.post(url + LOGIN, data=FORM, headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code
        for n in range(3)
    ]

    assert codes == [401, 401, 429]


def test_a_trusted_proxy_tells_for_whom_it_asks(serve: Serve) -> None:
    url = serve(logins_per_minute=1, trusted_proxies="127.0.0.1, 10.0.0.0/8")

    def from_address(forwarded: str) -> int:
        headers = {"X-Forwarded-For": forwarded}
        return httpx.post(url + LOGIN, data=FORM, headers=headers).status_code

    # What a client claims stands at the left; what our proxies saw, at the right.
    assert from_address("192.0.2.1") == 401
    assert from_address("192.0.2.2") == 401
    assert from_address("198.51.100.9, 192.0.2.1, 10.1.2.3") == 429
    assert from_address("192.0.2.2, 192.0.2.3") == 401


def test_without_redis_logins_are_stricter_and_jobs_go_on(
    serve: Serve, client_of: Client, redis: Redis
) -> None:
    url = serve(logins_per_minute=8, reads_per_minute=2)
    client = client_of(url, "ada@example.com")

    def log_in() -> int:
        return httpx.post(url + LOGIN, data=FORM).status_code

    before = codes_of(client, 2)
    redis.close()
    away = codes_of(client, 5)
    logins = [log_in() for _ in range(4)]
    told = metric(url, "rate_limit_uncounted")
    redis.start()
    until(lambda: client.get(ME).status_code == 429)

    assert before == [200, 429]
    assert away == [200] * 5
    assert logins == [401, 401, 429, 429]
    # The network, the user and the key of five requests; four logins.
    assert {name: count for name, count in told.items() if count} == {"login": 4, "read": 15}
    assert metric(url, "rate_limit_refused")["login"] == 2


def test_a_silent_redis_holds_up_nobody_for_long(
    serve: Serve, client_of: Client, silent_port: int
) -> None:
    client = client_of(
        serve(rate_limit_url=f"redis://127.0.0.1:{silent_port}/0"), "ada@example.com"
    )

    assert codes_of(client, 20) == [200] * 20


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Where something takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def test_with_rabbitmq_each_process_counts_for_itself(serve: Serve, client_of: Client) -> None:
    url = serve(reads_per_minute=4, rate_limit_url="amqp://127.0.0.1:1//")

    assert codes_of(client_of(url, "ada@example.com"), 3) == [200, 200, 429]


@pytest.mark.parametrize("wrong", ["localhost", "10.0.0.1/8", "10.0.0.0/99"])
def test_a_proxy_that_is_no_address_does_not_start(wrong: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings(trusted_proxies=wrong)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_a_network_is_what_one_customer_has(address: str, network: str) -> None:
    assert network_of(address) == network
