"""A served application with small limits, and users of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from api.app import create_app
from shared.db import api_keys, results, users
from shared.db.engine import transaction
from shared.settings import Settings
from shared.tokens import Tokens
from tests.api.browsing import register
from tests.api.playing import finish_all
from tests.api.server import new_job, serving

KIB = 1024
# Makes a user in no time; no password verifies against it.
NO_PASSWORD = "!"

MakeClient = Callable[[str], httpx.Client]
MakeJob = Callable[[Tokens], str]


@pytest.fixture(scope="session")
def settings(
    database_url: str, broker_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings with limits that a test can reach."""
    return Settings(
        database_url=database_url,
        broker_url=broker_url,
        data_dir=tmp_path_factory.mktemp("api"),
        secret_key=SecretStr("a key for tests that is long enough"),
        max_image_bytes=64 * KIB,
        max_request_bytes=512 * KIB,
        max_archive_members=20,
        # All tests are one network, and hurry.
        reads_per_minute=1_000_000,
        writes_per_minute=1_000_000,
        submissions_per_minute=1_000_000,
        logins_per_minute=100_000,
        registrations_per_hour=100_000,
        ANTHROPIC_API_KEY=None,
    )


@pytest.fixture(scope="session")
def base_url(settings: Settings) -> Iterator[str]:
    """The address of the service."""
    with serving(create_app(settings)) as url:
        yield url


@pytest.fixture
def anonymous(base_url: str, engine: Engine) -> Iterator[httpx.Client]:
    """Somebody without credentials; the database is emptied afterwards."""
    del engine
    with httpx.Client(base_url=base_url) as client:
        yield client


@pytest.fixture
def browser(anonymous: httpx.Client) -> httpx.Client:
    """Somebody who has just registered on a page."""
    assert register(anonymous).headers["location"] == "/"
    return anonymous


@pytest.fixture
def log_in_as(base_url: str, engine: Engine) -> Iterator[MakeClient]:
    """Make users with an API key."""
    clients: list[httpx.Client] = []

    def make(email: str) -> httpx.Client:
        with transaction(engine) as connection:
            user = users.create_user(connection, email, NO_PASSWORD)
            issued = api_keys.issue(connection, user.id, "test")
        headers = {"Authorization": f"Bearer {issued.secret}"}
        clients.append(httpx.Client(base_url=base_url, headers=headers))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(log_in_as: MakeClient) -> httpx.Client:
    """A user with an API key."""
    return log_in_as("ada@example.com")


@pytest.fixture
def stranger(log_in_as: MakeClient) -> httpx.Client:
    """Another user with an API key."""
    return log_in_as("bob@example.com")


@pytest.fixture
def blob_dir(settings: Settings) -> Path:
    """Where uploads are stored."""
    return settings.blob_dir


@pytest.fixture
def job_with(client: httpx.Client, engine: Engine) -> MakeJob:
    """Make jobs that have ended with some tokens; returns their ids."""

    def make(tokens: Tokens) -> str:
        job_id: str = new_job(client)["id"]
        finish_all(engine)
        value = tokens.model_dump(mode="json", by_alias=True)
        with transaction(engine) as connection:
            results.store_job_tokens(connection, job_id, "1", ["one.png"], value)
        return job_id

    return make
