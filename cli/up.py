"""`copythat up`: the whole service on this machine, from an empty directory to a ready API.

Order: PostgreSQL and Redis (unless settings name others), migrations, workers, pump, API. The
stop runs backwards: no more requests, no more hints, work in hand ended, then the servers.
"""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from cli import screen, servers, service
from cli.data_dir import DataDir, announce, claim, make_socket_dir
from cli.local_user import ensure_local_key
from cli.program import log_size, text_since
from cli.service import Address
from cli.supervisor import StopAsked, Supervisor
from shared.errors import StartError
from shared.settings import Settings

# Recovery after a crash replays what was written since the last checkpoint, which takes a while
# on a slow disk; all else here takes about a second.
SERVERS_READY_S = 60.0
MIGRATED_S = 300.0
READY_S = 90.0
PROBE_TIMEOUT_S = 2.0
# Logs, images and results are the owner's alone; all programs of the service inherit this.
PRIVATE_UMASK = 0o077
# The end of Celery's "cv@host ready."
WORKER_READY = " ready."


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What the command line asked for."""

    address: Address
    data_dir: Path
    cv_workers: int
    claude_workers: int


def run_service(options: UpOptions, settings: Settings) -> None:
    """Run the service until a signal asks it to stop.

    Raises:
        StartError: It cannot start here; the message says why.
    """
    if sys.platform != "linux":
        raise StartError("`copythat up` needs Linux; elsewhere run it in a container")
    os.umask(PRIVATE_UMASK)
    address = _with_free_port(options.address)
    with claim(options.data_dir) as place, Supervisor(screen.say) as supervisor:
        try:
            variables = _start(supervisor, place, address, options, settings)

            def add_account(email: str, password: str) -> None:
                """Make whoever runs the service an administrator of it."""
                command = service.account_command("add", email, "--role", "admin")
                known = {**variables, "COPYTHAT_PASSWORD": password}
                added = service.program(place, "account", command, known)
                supervisor.run_once(added, READY_S)

            ensure_local_key(place, address.url, add_account)
            announce(place, address.url)
            screen.out.print(f"Copy That is ready: {address.url}", markup=False)
            screen.say(f"data and logs: {place.path}; Ctrl-C stops it")
            supervisor.run()
            screen.say("stopping: ending the work in hand")
        except StopAsked:
            screen.say("stopped before it was ready")


def _with_free_port(address: Address) -> Address:
    """Return the address with port 0 made a free one.

    Raises:
        StartError: The port is taken, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the API will: connections that linger after an earlier stop do no harm.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            message = f"cannot listen on {address.host} port {address.port}: {reason}"
            raise StartError(message) from error
        return Address(address.host, probe.getsockname()[1])


def _start(
    supervisor: Supervisor,
    place: DataDir,
    address: Address,
    options: UpOptions,
    settings: Settings,
) -> dict[str, str]:
    """Start everything and return the environment that our programs have."""
    database_url, broker_url = _start_servers(supervisor, place, settings)
    variables = service.environment(
        settings,
        COPYTHAT_DATABASE_URL=database_url,
        COPYTHAT_BROKER_URL=broker_url,
        COPYTHAT_DATA_DIR=str(place.path),
        COPYTHAT_SECRET_KEY=settings.secret_key.get_secret_value() or place.secret_key(),
    )
    migration = service.program(place, "migrate", service.migrate_command(), variables)
    supervisor.run_once(migration, MIGRATED_S)
    workers = service.workers(place, variables, options.cv_workers, options.claude_workers)
    marks = {worker.log: log_size(worker.log) for worker in workers}
    supervisor.start(*workers)
    supervisor.start(service.program(place, "pump", service.pump_command(), variables))
    api = service.api_command(address)
    supervisor.start(service.program(place, "api", api, variables, service.API_GRACE_S))
    supervisor.wait_until(lambda: _is_ready(address.url), "the API's /readyz", READY_S)
    supervisor.wait_until(lambda: _have_said_ready(marks), "the start of the workers", READY_S)
    return variables


def _start_servers(supervisor: Supervisor, place: DataDir, settings: Settings) -> tuple[str, str]:
    """Start what the settings do not name, and return the URLs of database and broker."""
    own_database = "database_url" not in settings.model_fields_set
    own_broker = "broker_url" not in settings.model_fields_set
    if not own_database and not own_broker:
        return settings.database_url, settings.broker_url
    account = servers.server_account(place)
    if own_database:
        binaries = servers.postgres_binaries(account)
        servers.prepare_postgres(place, binaries, account)
    sockets = make_socket_dir(place, account)
    if own_database:
        supervisor.start(servers.postgres_program(place, binaries, sockets, account))
    if own_broker:
        supervisor.start(servers.redis_program(place, sockets))
    supervisor.wait_until(
        lambda: (
            (not own_database or servers.postgres_ready(place))
            and (not own_broker or servers.redis_ready(sockets))
        ),
        "the start of PostgreSQL and Redis",
        SERVERS_READY_S,
    )
    return (
        servers.database_url(sockets) if own_database else settings.database_url,
        servers.broker_url(sockets) if own_broker else settings.broker_url,
    )


def _is_ready(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}/readyz", timeout=PROBE_TIMEOUT_S, trust_env=False)
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK


def _have_said_ready(marks: Mapping[Path, int]) -> bool:
    """Tell whether every worker has logged that it takes work, after a mark in its log."""
    return all(WORKER_READY in text_since(log, mark) for log, mark in marks.items())
