"""What others must not read is in no log, no row, no command line and no open file."""

import secrets
from collections.abc import Iterator
from contextlib import suppress

import httpx
import psutil
import pytest
from sqlalchemy import inspect, text

from cli.data_dir import DataDir, find_socket_dir
from shared.db.engine import connect, transaction
from tests.end_to_end.conftest import Service, drawing, finished, submit, up
from tests.fakes.claude import ClaudeServer, Raw

KEY = "sk-ant-canary-of-the-owner"
UNAUTHORIZED = Raw(
    b'{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}',
    status=401,
)
OTHERS = 0o077


@pytest.fixture(scope="module")
def guarded(claude: ClaudeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own, whose key and files nobody else has touched."""
    claude.reset()
    with up(tmp_path_factory.mktemp("guarded"), claude, ANTHROPIC_API_KEY=KEY) as started:
        yield started


def use(service: Service, claude: ClaudeServer) -> list[str]:
    """Do what secrets are part of, and all that goes wrong with them; return the secrets."""
    password, other, misplaced = (f"canary {secrets.token_hex(8)}" for _ in range(3))
    found = [KEY, password, other, misplaced]
    with httpx.Client(base_url=f"{service.url}/api/v1", timeout=30) as http:
        account = {"email": "canary@example.com", "password": password}
        assert http.post("/auth/register", json=account).status_code == httpx.codes.CREATED
        http.post("/auth/register", json=account)
        http.post("/auth/register", json={"email": misplaced, "password": {"is": misplaced}})
        http.post("/auth/login", data={"username": account["email"], "password": other})
        form = {"username": account["email"], "password": password}
        pair = http.post("/auth/login", data=form).json()
        http.headers["Authorization"] = f"Bearer {pair['access_token']}"
        issued = http.post("/api-keys", json={"name": "canary"}).json()["secret"]
        again = http.post("/auth/refresh", json={"refresh_token": pair["refresh_token"]}).json()
        http.post("/auth/refresh", json={"refresh_token": pair["refresh_token"]})
        found += [pair["access_token"], pair["refresh_token"], again["refresh_token"], issued]
        http.headers["Authorization"] = f"Bearer {issued}"
        finished(http, submit(http, {"a.png": drawing(770)})["id"])
        claude.always = UNAUTHORIZED
        finished(http, submit(http, {"b.png": drawing(771)})["id"])
        http.get("/jobs", headers={"Authorization": f"Bearer {issued}x"})
    return found


def read_rows(service: Service) -> str:
    """Return every row of every table, as text."""
    sockets = find_socket_dir(DataDir(service.data_dir))
    engine = connect(f"postgresql+psycopg://copythat@/copythat?host={sockets}&port=5432")
    with transaction(engine) as connection:
        rows = [
            str(row)
            for name in inspect(connection).get_table_names()
            for row in connection.execute(text(f"SELECT t::text FROM {name} t"))  # noqa: S608
        ]
    engine.dispose()
    return "\n".join(rows)


def read_processes(service: Service) -> str:
    """Return the command lines that `ps` shows to everybody."""
    up_itself = psutil.Process(service.pid)
    lines = []
    for process in (up_itself, *up_itself.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            lines.append(" ".join(process.cmdline()))
    return "\n".join(lines)


def test_no_secret_is_where_it_can_be_read(guarded: Service, claude: ClaudeServer) -> None:
    claude.reset()
    found = use(guarded, claude)
    logs = [guarded.data_dir / "up.log", *(guarded.data_dir / "logs").iterdir()]
    places = {log.name: log.read_text(errors="replace") for log in logs}
    places |= {"rows": read_rows(guarded), "ps": read_processes(guarded)}
    found.append((guarded.data_dir / "secret_key").read_text().strip())

    assert "canary@example.com" in places["rows"]
    assert "/auth/refresh" in places["api.log"]
    assert "celery" in places["ps"]
    leaks = [(name, each) for name, content in places.items() for each in found if each in content]
    assert leaks == []


def test_files_of_a_service_are_its_owners_alone(guarded: Service) -> None:
    with guarded.client() as http:
        finished(http, submit(http, {"a.png": drawing(772)}, mode="cv")["id"])

    mine = [path for path in guarded.data_dir.iterdir() if path.name != "up.log"]
    open_to_others = [
        f"{path.relative_to(guarded.data_dir)} {path.stat().st_mode & 0o777:o}"
        for top in mine
        for path in (top, *(top.rglob("*") if top.is_dir() else ()))
        if not path.is_symlink() and path.stat().st_mode & OTHERS
    ]
    assert open_to_others == []
