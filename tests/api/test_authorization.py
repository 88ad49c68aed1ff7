"""Every operation of the OpenAPI document, asked by those who may and by those who may not.

A new route is tried here without anybody remembering to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from api.app import create_app
from shared.db import api_keys, users
from shared.db.engine import transaction
from shared.db.users import Role
from shared.settings import Settings
from tests.api.conftest import MakeClient
from tests.api.playing import finish_all
from tests.api.server import IMAGE, new_job

# What needs no account: to get one and to keep it, and what monitors ask.
PUBLIC = {
    *("POST /api/v1/auth/register", "POST /api/v1/auth/login", "POST /api/v1/auth/refresh"),
    *("POST /api/v1/auth/logout", "GET /healthz", "GET /readyz", "GET /metrics"),
}
# Of these a user has none by name: asking is always for one's own.
OWN_ALONE = {"DELETE /api/v1/cache/{sha256}"}
# What these name is no thing that somebody has.
OF_NOBODY = {"format", "sha256"}
# What administrators alone may do.
RESERVED = {"DELETE /api/v1/cache"}
# What the owner, too, cannot have of what was played: it is no picture, and nothing of it failed.
UNFIT = {
    "GET /api/v1/jobs/{job_id}/items/{item_id}/overlay.svg": 409,
    "POST /api/v1/jobs/{job_id}/retry": 409,
}
EXTRACTED = ("colors", "spacing", "typography", "shadows", "gradients")
FILE, FILES = ({"files": {field: IMAGE}} for field in ("file", "files"))
# What an operation has to be sent for its answer to depend on who asks.
SENT: dict[str, dict[str, Any]] = {
    "POST /api/v1/jobs": FILES,
    "POST /api/v1/jobs/estimate": FILES,
    "POST /api/v1/jobs/{job_id}/check": {"json": {}},
    "POST /api/v1/webhooks": {"json": {"url": "https://example.com/another"}},
    "POST /api/v1/api-keys": {"json": {"name": "another"}},
    "DELETE /api/v1/cache": {"params": {"all": "true"}},
    **{f"POST /api/v1/{each}/extract": FILE for each in EXTRACTED},
}
# What differs between two answers to the same question.
VOLATILE = {"date", "x-request-id", "ratelimit"}


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
            **SENT.get(self.name, {}),
            timeout=10,
        )

    @property
    def things(self) -> list[str]:
        """The parameters of the path that name what somebody has."""
        return [name for name in re.findall(r"{(\w+)}", self.path) if name not in OF_NOBODY]


@pytest.fixture(scope="session")
def operations(settings: Settings) -> list[Operation]:
    """All there are."""
    document = create_app(settings).openapi()
    return [
        Operation(method.upper(), path, public=not described.get("security"))
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]


def belongings(client: httpx.Client, engine: Engine) -> dict[str, str]:
    """Return ids of one of each thing that a user has just got; all of them are there."""
    hook = client.post("/api/v1/webhooks", json={"url": "https://example.com/hook"}).json()
    key = client.post("/api/v1/api-keys", json={"name": "spare"}).json()
    job, other = new_job(client), new_job(client)
    finish_all(engine)
    item = client.get(job["links"]["items"]).json()["data"][0]
    deliveries = client.get(f"/api/v1/webhooks/{hook['id']}/deliveries").json()["data"]
    return {
        "job_id": job["id"],
        "other_id": other["id"],
        "item_id": item["id"],
        "key_id": key["id"],
        "webhook_id": hook["id"],
        "delivery_id": deliveries[0]["id"],
        "sha256": item["sha256"],
        "format": "css",
    }


@pytest.fixture
def owned(client: httpx.Client, engine: Engine) -> dict[str, str]:
    """What the first user has."""
    return belongings(client, engine)


def absent(ids: dict[str, str]) -> dict[str, str]:
    """Return ids of the same kinds that nothing has."""
    return {
        name: f"{value.partition('_')[0]}_{number:032x}"
        for number, (name, value) in enumerate(ids.items())
    }


def said(answer: httpx.Response, asked: dict[str, str]) -> tuple[int, str, dict[str, str]]:
    """Return what an answer says, without the ids that were asked for."""
    text = answer.text
    for name, value in asked.items():
        text = text.replace(value, f"<{name}>")
    headers = {name: value for name, value in answer.headers.items() if name not in VOLATILE}
    return answer.status_code, text, headers


@pytest.fixture
def dead(
    anonymous: httpx.Client, client: httpx.Client, engine: Engine
) -> Iterator[list[httpx.Client]]:
    """Clients whose access token was signed out, and whose key was deleted or has expired."""
    password = "a password that nobody has used"
    account = {"email": "carol@example.com", "password": password}
    anonymous.post("/api/v1/auth/register", json=account)
    form = {"username": account["email"], "password": password}
    pair = anonymous.post("/api/v1/auth/login", data=form).json()
    anonymous.post("/api/v1/auth/logout", json={"refresh_token": pair["refresh_token"]})
    key = client.post("/api/v1/api-keys", json={"name": "dead"}).json()
    client.delete(f"/api/v1/api-keys/{key['id']}")
    with transaction(engine) as connection:
        owner = users.find_login(connection, "ada@example.com")
        assert owner is not None
        expired = api_keys.issue(connection, owner.user_id, "expired", datetime.now(UTC))
    signed_out = (pair["access_token"], pair["refresh_token"])
    secrets = (*signed_out, key["secret"], f"{key['secret']}x", expired.secret)
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
    operations: list[Operation], stranger: httpx.Client, owned: dict[str, str], engine: Engine
) -> None:
    own = belongings(stranger, engine)
    named = [each for each in operations if each.things and each.name not in OWN_ALONE]

    for each in named:
        # All of another's, and one of another's among one's own.
        for foreign in (each.things, *([thing] for thing in each.things)):
            anothers = own | {thing: owned[thing] for thing in foreign}
            nobodys = own | {thing: absent(owned)[thing] for thing in foreign}
            answer = said(each.ask(stranger, anothers), anothers)

            assert answer == said(each.ask(stranger, nobodys), nobodys), (each.name, foreign)
            assert answer[0] == 404, (each.name, foreign)


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
    asked = [each for each in operations if not each.public and each.name not in RESERVED]
    # What reads comes first, and what deletes last, the innermost before what it is in.
    order = ("GET", "POST", "DELETE")
    asked.sort(key=lambda each: (order.index(each.method), -len(each.path)))

    codes = {each.name: each.ask(client, owned).status_code for each in asked}

    assert {name: code for name, code in codes.items() if code >= 300} == UNFIT


def test_a_cookie_without_the_token_of_its_page_changes_nothing(
    operations: list[Operation], browser: httpx.Client, owned: dict[str, str]
) -> None:
    let_in = [
        each.name
        for each in operations
        if not (each.public or each.method == "GET")
        and each.ask(browser, owned).status_code != 403
    ]

    assert let_in == []


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
