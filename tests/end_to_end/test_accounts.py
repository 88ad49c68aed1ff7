"""Accounts and keys, as whoever runs the service makes and changes them."""

import subprocess
from pathlib import Path

import httpx

from tests.end_to_end.conftest import COPYTHAT, Service, up
from tests.fakes.claude import ClaudeServer
from tests.programs import environment

WITHIN_S = 60
PASSWORD, OTHER, WEAK = "correct horse battery", "another horse battery", "password1"
NO_VERSION = {"all": "true", "pipeline_version": "none"}


def copythat(data_dir: Path, *words: str, password: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(  # noqa: S603 -- our own program
        [COPYTHAT, *words],
        env=environment(COPYTHAT_DATA_DIR=str(data_dir), COPYTHAT_PASSWORD=password),
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )


def log_in(url: str, email: str, password: str) -> httpx.Response:
    form = {"username": email, "password": password}
    return httpx.post(f"{url}/api/v1/auth/login", data=form)


def drop_nothing(url: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.delete(f"{url}/api/v1/cache", params=NO_VERSION, headers=headers).status_code


def test_accounts_are_made_and_changed_beside_the_service(service: Service) -> None:
    place, email = service.data_dir, "mary@example.com"

    weak = copythat(place, "account", "add", email, password=WEAK)
    added = copythat(place, "account", "add", "Mary@example.com", password=PASSWORD)
    again = copythat(place, "account", "add", email, password=PASSWORD)
    pair = log_in(service.url, email, PASSWORD).json()
    as_user = drop_nothing(service.url, pair["access_token"])
    promoted = copythat(place, "account", "role", email, "admin")
    as_admin = drop_nothing(service.url, pair["access_token"])
    changed = copythat(place, "account", "password", email, password=OTHER)
    after = drop_nothing(service.url, pair["access_token"])
    unknown = copythat(place, "account", "role", "nobody@example.com", "admin")

    assert (weak.returncode, again.returncode, unknown.returncode) == (2, 2, 2)
    assert "tried first" in weak.stderr
    assert "registered already" in again.stderr
    assert "nobody is registered as nobody@example.com" in unknown.stderr
    assert (added.returncode, promoted.returncode, changed.returncode) == (0, 0, 0)
    assert (as_user, as_admin, after) == (403, 204, 401)
    assert log_in(service.url, email, PASSWORD).status_code == 401
    assert log_in(service.url, email, OTHER).status_code == 200


def test_who_runs_the_service_is_an_administrator(service: Service) -> None:
    assert drop_nothing(service.url, service.api_key) == 204


def test_a_new_key_signs_nobody_out_and_a_second_one_does(
    claude: ClaudeServer, tmp_path: Path
) -> None:
    email, account = "mary@example.com", {"email": "eve@example.com", "password": PASSWORD}
    with up(tmp_path, claude, COPYTHAT_OPEN_REGISTRATION="false") as closed:
        copythat(tmp_path, "account", "add", email, password=PASSWORD)
        pairs = [log_in(closed.url, email, PASSWORD).json() for _ in range(2)]
        refused = httpx.post(f"{closed.url}/api/v1/auth/register", json=account)
    renewed = []
    for pair in pairs:
        copythat(tmp_path, "rotate-key")
        with up(tmp_path, claude) as changed:
            body = {"refresh_token": pair["refresh_token"]}
            renewed.append(httpx.post(f"{changed.url}/api/v1/auth/refresh", json=body))

    assert refused.status_code == 403
    assert changed.api_key == closed.api_key
    assert [answer.status_code for answer in renewed] == [200, 401]
    keys = tmp_path / "secret_key"
    assert len(keys.read_text().split()) == 2
    assert keys.stat().st_mode & 0o777 == 0o600
