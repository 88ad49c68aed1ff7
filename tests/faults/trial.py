"""One fault on trial: a job, moments to strike at, and what has to be true of the job after."""

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import psutil
import redis
from sqlalchemy import Engine, Row, TextClause, text

from shared.db import invariants
from shared.db.engine import transaction
from shared.errors import Unavailable
from shared.queue import UNFOLLOWED_S, Queue
from tests.archives import zip_of
from tests.end_to_end.conftest import drawing
from tests.fakes.claude import ClaudeServer
from tests.faults.customer import Customer, Outcome
from tests.faults.programs import Programs

# Struck no later than this part of the items, so that there is something left to go wrong.
LATEST_STRIKE = 0.8


def images(count: int) -> dict[str, bytes]:
    """Return small images, each different from all others."""
    return {f"{number:03}.png": drawing(number) for number in range(count)}


@dataclass
class Trial:
    """A stack, a new user of it, and what the images came to in a calm run."""

    stack: Programs
    engine: Engine
    claude: ClaudeServer
    images: Mapping[str, bytes]
    calm: Outcome
    random: Random
    customer: Customer
    started_s: float = field(default_factory=time.monotonic)

    def submit(self) -> str:
        """Submit all images in one archive and return the id of the job."""
        return self.customer.submit({"images.zip": zip_of(self.images)})

    def moments(self, job_id: str, count: int, queue: Queue | None = None) -> Iterator[int]:
        """Wait for random moments of a job, told by how many items have ended.

        With a queue they are told by how many of its units are done.
        """

        def reached(wanted: int) -> bool:
            so_far = self.customer.count_ended(job_id) if queue is None else self._done(queue)
            return so_far >= wanted

        latest = int(len(self.images) * LATEST_STRIKE)
        for wanted in sorted(self.random.sample(range(1, latest), count)):
            self.stack.until(partial(reached, wanted))
            yield wanted

    def kill_at_work(self, name: str, queue: Queue, *, child: bool = False) -> None:
        """Kill a worker, or the one process of it that works, with a unit in its hands.

        The last units of a job may pass unseen; then it is killed as it is.
        """
        holders = self.freeze_at_work(name, queue)
        if not child:
            self.stack.kill(name)
            return
        if holders:
            self.stack.kill_process(holders[0])
        self.stack.thaw(name)

    def freeze_at_work(self, name: str, queue: Queue) -> list[int]:
        """Freeze a worker with a unit in its hands, and return which of its processes has one.

        The last units of a job may pass unseen; then nobody has one.
        """
        holders: list[int] = []

        def caught() -> bool:
            self.stack.freeze(name)
            holders.extend(self._holders(name, queue))
            if holders or self._done(queue) >= len(self.images):
                return True
            self.stack.thaw(name)
            return False

        self.stack.until(caught)
        return holders

    def _holders(self, name: str, queue: Queue) -> list[int]:
        """Return which processes of a worker hold units of a queue."""
        statement = text("SELECT lease_owner FROM work WHERE queue = :queue AND state = 'running'")
        rows = self._rows(statement, queue)
        # A machine, a process and when it was started.
        pids = {int(row.lease_owner.split(":")[1]) for row in rows}
        # The processes of a worker are one group, but the dead are in none.
        alive = [pid for pid in pids if psutil.pid_exists(pid)]
        return [pid for pid in alive if os.getpgid(pid) == self.stack.pid(name)]

    def _done(self, queue: Queue) -> int:
        """Return how many units of a queue are done, 0 while the database cannot tell."""
        statement = text("SELECT id FROM work WHERE queue = :queue AND state = 'done'")
        return len(self._rows(statement, queue))

    def _rows(self, statement: TextClause, queue: Queue) -> Sequence[Row[Any]]:
        try:
            with transaction(self.engine) as connection:
                return connection.execute(statement, {"queue": queue.value}).all()
        except Unavailable:
            return []

    def assert_as_calm(self, job_id: str, *, lost_calls: int = 0) -> None:
        """Hold a job to what every fault has to leave as it is.

        Args:
            job_id: Of the submitted images.
            lost_calls: How many calls to Claude were in flight, or paid and not stored, when
                the worker that made them was killed.
        """
        self.stack.until(lambda: self.customer.has_ended(job_id))

        self._assert_ended_once(job_id)
        self.assert_outcome(job_id)
        self.assert_at_rest()
        assert self.claude.paid <= len(self.images) + lost_calls

    def _assert_ended_once(self, job_id: str) -> None:
        """Every image is one item, which succeeded, and the counters say so."""
        items = self.customer.items(job_id)
        job = self.customer.look(job_id)
        assert job is not None

        assert Counter(item["filename"] for item in items) == Counter(list(self.images))
        assert {(item["status"], item["degraded"]) for item in items} == {("succeeded", False)}
        assert job["status"] == "succeeded", job
        counts = job["counts"]
        assert counts["total"] == counts["succeeded"] == len(self.images)
        assert not any(counts[state] for state in ("queued", "running", "failed", "canceled"))

    def assert_outcome(self, job_id: str) -> None:
        """Compare the token sets of a job, names included, to those of the calm run."""
        outcome = self.customer.outcome(job_id)
        differing = [
            filename
            for filename, calm in self.calm.of_items.items()
            if outcome.of_items[filename]["tokens"] != calm["tokens"]
        ]
        assert differing == []
        for part in ("tokens", "source_images"):
            assert of_any_job(outcome.of_job[part]) == of_any_job(self.calm.of_job[part])

    def assert_at_rest(self) -> None:
        """Nothing is queued, running, contradictory, or left in the broker."""
        with transaction(self.engine) as connection:
            assert invariants.find_violations(connection) == []
            assert invariants.find_unfinished(connection) == []
        # Hints that were fetched and not followed come back after a minute, and are then followed.
        self.stack.until(lambda: not self.messages(), within_s=2 * UNFOLLOWED_S)

    def messages(self) -> dict[str, int]:
        """Return what Redis holds, by list; empty when it holds nothing."""
        with redis.Redis(unix_socket_path=str(self.stack.sockets / "redis.sock")) as broker:
            found = {queue.value: broker.llen(queue.value) for queue in Queue}
            found |= {"unacked": broker.hlen("unacked")}
        return {name: int(count) for name, count in found.items() if count}

    def figures(self) -> str:
        """Return what this trial came to, in one line."""
        seconds = time.monotonic() - self.started_s
        return (
            f"{len(self.images)} images, {self.stack.kills} kills, "
            f"{self.claude.paid} paid calls, {seconds:.0f} s"
        )


def of_any_job(part: object) -> object:
    """Return a part of a token set without the ids of items, which differ between jobs."""
    match part:
        case dict():
            return {name: of_any_job(each) for name, each in part.items() if name != "item_id"}
        case list():
            return [of_any_job(each) for each in part]
        case _:
            return part


def clear(stack: Programs, engine: Engine) -> None:
    """Forget all users and jobs, with which an earlier trial may not have come to an end."""

    def is_cleared() -> bool:
        with suppress(Unavailable), transaction(engine) as connection:
            connection.execute(text("TRUNCATE users, blobs, daily_spending CASCADE"))
            connection.execute(
                text(
                    "UPDATE gates SET state = 'closed', concurrency_limit = 16, successes = 0, "
                    "failures = 0, limited_at = NULL, retry_at = NULL, problem = NULL"
                )
            )
            return True
        return False

    stack.until(is_cleared)
