"""Every wrong reply, through a real worker: what it costs an image is never more than a name."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, text

from cli import servers
from shared.db.engine import connect, transaction
from shared.db.gates import LONGEST_ASKED_S
from tests.conftest import until
from tests.end_to_end.conftest import all_items, drawing, finished, submit, up
from tests.fakes.claude import ClaudeServer
from tests.fakes.wrong_replies import SILENCE_S, WRONG_REPLIES, End, Wrong

# Less than the server is silent for.
PATIENCE_S = SILENCE_S / 2
NUMBERED = [pytest.param(number, each, id=each.name) for number, each in enumerate(WRONG_REPLIES)]
# However long Claude asks to be left alone; and the clock may be read a little later.
LONGEST = timedelta(seconds=LONGEST_ASKED_S + 5)


@dataclass(frozen=True)
class Desk:
    """A service that waits for Claude only briefly, and a way past its waits."""

    http: httpx.Client
    engine: Engine

    def skip_waits(self) -> None:
        """Let the times pass that the gate and the units wait for."""
        with transaction(self.engine) as connection:
            connection.execute(text("UPDATE gates SET retry_at = now()"))
            connection.execute(text("UPDATE work SET not_before = now() WHERE state = 'queued'"))


@pytest.fixture(scope="module")
def desk(claude: ClaudeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with tempfile.TemporaryDirectory() as sockets_base:
        # PostgreSQL may run under an account of its own.
        Path(sockets_base).chmod(0o755)
        variables = {
            "XDG_RUNTIME_DIR": sockets_base,
            "COPYTHAT_CLAUDE_TIMEOUT_S": str(PATIENCE_S),
        }
        with (
            up(tmp_path_factory.mktemp("desk"), claude, **variables) as service,
            service.client() as http,
        ):
            (sockets,) = Path(sockets_base).iterdir()
            engine = connect(servers.database_url(sockets))
            yield Desk(http, engine)
            engine.dispose()


@pytest.mark.parametrize(("number", "wrong"), NUMBERED)
def test_an_image_that_got_a_wrong_reply_ends_named_or_named_by_rule(
    desk: Desk, claude: ClaudeServer, number: int, wrong: Wrong
) -> None:
    claude.reset()
    desk.skip_waits()
    claude.script(wrong.reply)

    accepted = submit(desk.http, {"a.png": drawing(900 + number)})
    until(lambda: is_over(desk, accepted["id"]))
    job = finished(desk.http, accepted["id"])
    (item,) = all_items(desk.http, job["id"])

    is_named = wrong.end not in {End.DEGRADED, End.CLOSED}
    assert (job["status"], item["degraded"]) == ("succeeded", not is_named)
    assert len(claude.requests) == (2 if wrong.end in {End.ASKED_AGAIN, End.LATER} else 1)


def is_over(desk: Desk, job_id: str) -> bool:
    """Return whether a job has ended, without the waits that it would have on its way."""
    job = desk.http.get(f"/jobs/{job_id}").json()
    if waiting := job["waiting_on"]:
        assert datetime.fromisoformat(waiting["retry_at"]) < datetime.now(UTC) + LONGEST
    desk.skip_waits()
    return bool(job["finished_at"])
