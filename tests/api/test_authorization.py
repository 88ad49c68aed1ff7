"""Every operation of the OpenAPI document, asked by those who may and by those who may not.

A new route is tried here without anybody remembering to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from api.app import create_app
from shared.db import users
from shared.db.engine import transaction
from shared.db.users import Role
from shared.settings import Settings
from tests.api.conftest import MakeClient
from tests.api.playing import finish_all
from tests.api.server import new_job

# What needs no account: to get one and to keep it, and what monitors ask.
PUBLIC = {
    *("POST /api/v1/auth/register", "POST /api/v1/auth/login", "POST /api/v1/auth/refresh"),
    *("POST /api/v1/auth/logout", "GET /healthz", "GET /readyz", "GET /metrics"),
}
# Of these a user has none by name: asking is always for one's own.
OWN_ALONE = {"DELETE /api/v1/cache/{sha256}"}
# What administrators alone may do.
RESERVED = {"DELETE /api/v1/cache"}
# What needs a picture that can be read, and the played image is none.
OF_PICTURES = {"GET /api/v1/jobs/{job_id}/items/{item_id}/overlay.svg"}
JSON_BODIES: dict[str, Any] = {"POST /api/v1/jobs/{job_id}/check": {}}
QUERIES = {"DELETE /api/v1/cache": {"all": "true"}}
ABSENT = "0" * 32
# Where an answer names what was asked for.
NAMED = re.compile(r"(job|item|key|hook|whd|delivery|webhook)_[0-9a-f]{32}|[0-9a-f]{64}|req_\w+")


@dataclass(frozen=True)
class Operation:
    """A method and a path with parameters."""

    method: str
    path: str
    public: bool

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def ask(self, http: httpx.Client, ids: dict[str, str]) -> httpx.Response:
        """Ask with these ids for the parameters of the path."""
        return http.request(
            self.method,
            self.path.format_map(ids),
            params=QUERIES.get(self.name),
            json=JSON_BODIES.get(self.name),
            timeout=10,
        )


@pytest.fixture(scope="session")
def operations(settings: Settings) -> list[Operation]:
    """All there are."""
    document = create_app(settings).openapi()
    return [
        Operation(method.upper(), path, public=not described.get("security"))
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]


@pytest.fixture
def owned(client: httpx.Client, engine: Engine) -> dict[str, str]:
    """Ids of one of each thing that the first user has."""
    job = new_job(client)
    finish_all(engine)
    item = client.get(job["links"]["items"]).json()["data"][0]
    hook = client.post("/api/v1/webhooks", json={"url": "https://example.com/hook"}).json()
    key = client.get("/api/v1/api-keys").json()["data"][0]
    return {
        "job_id": job["id"],
        "other_id": job["id"],
        "item_id": item["id"],
        "key_id": key["id"],
        "webhook_id": hook["id"],
        "delivery_id": f"msg_{ABSENT}",
        "sha256": item["sha256"],
        "format": "css",
    }


def absent(ids: dict[str, str]) -> dict[str, str]:
    """Return ids of the same kinds that nothing has."""
    prefixes = {name: value.partition("_")[0] for name, value in ids.items() if "_" in value}
    gone = {name: f"{prefix}_{ABSENT}" for name, prefix in prefixes.items()}
    return {**ids, **gone, "sha256": "0" * 64}


def said(answer: httpx.Response) -> tuple[int, str]:
    """Return what an answer says, without the names of what was asked for."""
    return answer.status_code, NAMED.sub("…", answer.text)


@pytest.fixture
def dead(anonymous: httpx.Client, client: httpx.Client) -> Iterator[list[httpx.Client]]:
    """Clients whose access token was signed out, and whose key was deleted."""
    password = "a password that nobody has used"
    account = {"email": "carol@example.com", "password": password}
    anonymous.post("/api/v1/auth/register", json=account)
    form = {"username": account["email"], "password": password}
    pair = anonymous.post("/api/v1/auth/login", data=form).json()
    anonymous.post("/api/v1/auth/logout", json={"refresh_token": pair["refresh_token"]})
    key = client.post("/api/v1/api-keys", json={"name": "dead"}).json()
    client.delete(f"/api/v1/api-keys/{key['id']}")
    secrets = (pair["access_token"], pair["refresh_token"], key["secret"], f"{key['secret']}x")
    clients = [
        httpx.Client(base_url=client.base_url, headers={"Authorization": f"Bearer {secret}"})
        for secret in secrets
    ]
    yield clients
    for each in clients:
        each.close()


def test_what_is_public_is_known(operations: list[Operation]) -> None:
    assert {each.name for each in operations if each.public} == PUBLIC


def test_nobody_gets_anything_without_credentials(
    operations: list[Operation], anonymous: httpx.Client, owned: dict[str, str]
) -> None:
    let_in = [
        each.name
        for each in operations
        if not each.public and each.ask(anonymous, owned).status_code != 401
    ]

    assert let_in == []


def test_dead_credentials_open_nothing(
    operations: list[Operation], dead: list[httpx.Client], owned: dict[str, str]
) -> None:
    let_in = [
        (number, each.name)
        for number, corpse in enumerate(dead)
        for each in operations
        if not each.public and each.ask(corpse, owned).status_code != 401
    ]

    assert let_in == []


def test_what_is_anothers_is_not_there(
    operations: list[Operation], log_in_as: MakeClient, owned: dict[str, str]
) -> None:
    stranger = log_in_as("eve@example.com")
    named = [each for each in operations if "{" in each.path and each.name not in OWN_ALONE]

    answers = {
        each.name: (said(each.ask(stranger, owned)), said(each.ask(stranger, absent(owned))))
        for each in named
    }

    assert {name: pair for name, pair in answers.items() if pair[0] != pair[1]} == {}
    assert {pair[0][0] for pair in answers.values()} == {404}


def test_a_strangers_requests_change_nothing(
    operations: list[Operation],
    client: httpx.Client,
    log_in_as: MakeClient,
    owned: dict[str, str],
) -> None:
    stranger = log_in_as("eve@example.com")
    job = f"/api/v1/jobs/{owned['job_id']}"
    before = client.get(job).json()

    for each in operations:
        if each.method in {"POST", "DELETE", "PUT", "PATCH"} and "{" in each.path:
            each.ask(stranger, owned)

    assert client.get(job).json() == before
    assert client.get(f"/api/v1/webhooks/{owned['webhook_id']}").status_code == 200
    assert client.get(f"{job}/tokens").status_code == 200


def test_a_key_opens_everything_that_its_owner_has(
    operations: list[Operation], client: httpx.Client, owned: dict[str, str]
) -> None:
    harmless = [
        each
        for each in operations
        if each.method == "GET" and not each.public and each.name not in OF_PICTURES
    ]

    codes = {
        each.name: answer.status_code
        for each in harmless
        if not (answer := each.ask(client, owned)).is_success
    }

    assert codes == {}


def test_what_is_for_administrators_is_for_nobody_else(
    operations: list[Operation],
    client: httpx.Client,
    log_in_as: MakeClient,
    owned: dict[str, str],
    engine: Engine,
) -> None:
    root = log_in_as("root@example.com")
    with transaction(engine) as connection:
        users.set_role(connection, "root@example.com", Role.ADMIN)
    reserved = [each for each in operations if each.name in RESERVED]

    assert [each.ask(client, owned).status_code for each in reserved] == [403]
    assert [each.ask(root, owned).status_code for each in reserved] == [204]
