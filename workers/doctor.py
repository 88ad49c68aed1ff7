"""What this service needs, looked at piece by piece: ``python -m workers.doctor``.

Prints a line each, the contract of ``copythat doctor``: state, what was looked at, what was found
and what to do. Ends with 1 when something fails that images cannot be measured and named without.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy import Engine

from shared.blobs import open_store
from shared.claude.prices import has_price
from shared.db import gates
from shared.db.engine import connect, require_schema, transaction
from shared.db.states import GateState
from shared.errors import ClaudeError, ClaudeMisconfigured, StartError, Unavailable
from shared.queue import Queue, celery_app, depth
from shared.settings import Settings, load_settings
from workers.claude import Client
from workers.claude.account import Lifecycle, ModelFacts, find_model

# Time enough to choose another model and look at what it names.
RETIRES_SOON = timedelta(days=60)


class State(StrEnum):
    """How well one thing is."""

    OK = "ok"
    WARN = "warn"  # works, but somebody should know
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one thing."""

    part: str
    state: State
    text: str

    def __str__(self) -> str:
        """Return the line that is printed."""
        return f"{self.state.value:<5} {self.part:<9} {self.text}"


def main() -> int:
    """Look at everything; return 0, or 1 when something fails."""
    try:
        settings = load_settings()
    except StartError as error:
        sys.stderr.write(f"copythat: {error}\n")
        return 1
    failed = False
    for finding in examine(settings, datetime.now(UTC)):
        failed |= finding.state is State.FAIL
        sys.stdout.write(f"{finding}\n")
        sys.stdout.flush()
    return int(failed)


def examine(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Look at one thing after the other."""
    engine = connect(settings.database_url)
    try:
        yield from _examine_servers(settings, engine)
        yield from _examine_claude(settings, now)
        yield from _examine_calls(engine)
    finally:
        engine.dispose()


def _examine_servers(settings: Settings, engine: Engine) -> Iterator[Finding]:
    """Look at what runs beside us."""
    store = open_store(settings.blob_url, settings.blob_dir)
    celery = celery_app(settings.broker_url)
    yield _reach(
        "database",
        lambda: require_schema(engine),
        f"{_place(settings.database_url)} answers and has its schema",
        "start it, or set COPYTHAT_DATABASE_URL",
    )
    yield _reach(
        "broker",
        lambda: depth(celery, Queue.IO),
        f"{_place(settings.broker_url)} answers",
        "start it, or set COPYTHAT_BROKER_URL",
    )
    yield _reach(
        "storage",
        store.check,
        f"{settings.blob_url or settings.blob_dir} can be used",
        "check COPYTHAT_DATA_DIR or COPYTHAT_BLOB_URL and the rights to it",
    )


def _examine_calls(engine: Engine) -> Iterator[Finding]:
    """Tell whether the workers' calls to Claude are held back, and why."""
    with suppress(Unavailable), transaction(engine) as connection:
        gate, _ = gates.read_gate(connection)
        if gate.state is not GateState.CLOSED:
            why = (gate.problem or {}).get("detail", "no reason given")
            yield Finding("calls", State.WARN, f"held back ({gate.state.value}): {why}")


def _reach(part: str, check: Callable[[], object], good: str, remedy: str) -> Finding:
    try:
        check()
    except Unavailable as error:
        return Finding(part, State.FAIL, f"{error.detail}: {remedy}")
    return Finding(part, State.OK, good)


def _place(url: str) -> str:
    """Return an address without what is secret in it."""
    parts = urlsplit(url)
    at = parts.hostname or parts.path or "this machine"
    return f"{parts.scheme.partition('+')[0]} at {at}"


def _examine_claude(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Look at the key and at the model, with one question that costs nothing."""
    if settings.anthropic_api_key is None:
        rule = "images are measured, and their tokens named by rule"
        yield Finding("key", State.WARN, f"ANTHROPIC_API_KEY is not set: {rule}")
        return
    key, base_url = settings.anthropic_api_key.get_secret_value(), settings.anthropic_base_url
    try:
        facts = find_model(Client(key, base_url), settings.claude_model)
    except ClaudeMisconfigured as error:
        yield Finding("key", State.FAIL, f"{error.detail}: check ANTHROPIC_API_KEY")
        return
    except ClaudeError as error:
        yield Finding("key", State.WARN, f"not looked at: {error.detail}")
        return
    yield Finding("key", State.OK, "accepted")
    yield examine_model(settings.claude_model, facts, now)


def examine_model(name: str, facts: ModelFacts | None, now: datetime) -> Finding:
    """Tell whether a model can do what we ask of it, and for how long."""
    if facts is None:
        return Finding("model", State.FAIL, f"{name} does not exist: set COPYTHAT_CLAUDE_MODEL")
    lacks = [
        what
        for what, told in (
            ("images", facts.takes_images),
            ("strict tools", facts.takes_strict_tools),
        )
        if told is False
    ]
    if lacks:
        return Finding("model", State.FAIL, f"{name} does not take {' and '.join(lacks)}")
    if facts.lifecycle is Lifecycle.RETIRED:
        return Finding("model", State.FAIL, f"{name} is retired: set COPYTHAT_CLAUDE_MODEL")
    until = f"retires on {facts.retires_at:%Y-%m-%d}" if facts.retires_at else "no end planned"
    warnings = [] if has_price(name) else ["its price is not known, so its cost is null"]
    if facts.lifecycle is Lifecycle.DEPRECATED:
        warnings.append("it is deprecated")
    if facts.retires_at is not None and facts.retires_at - now < RETIRES_SOON:
        warnings.append("choose another soon")
    untold = facts.takes_images is None or facts.takes_strict_tools is None
    takes = "what it takes is not told" if untold else "takes images and strict tools"
    text = "; ".join((f"{name} {takes}", until, *warnings))
    return Finding("model", State.WARN if warnings else State.OK, text)


if __name__ == "__main__":
    sys.exit(main())
