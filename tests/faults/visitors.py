"""Users who read and submit while something is away, and note how they are answered."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx

from tests.end_to_end.conftest import drawing
from tests.faults.customer import NOT_NOW, Customer

# Images that no trial has.
FIRST_SEED = 2000
# Enough to measure by, and no load to speak of.
PAUSE_S = 0.1


@dataclass(frozen=True)
class Reply:
    """How one request was answered; status 0 is no answer at all."""

    request: str
    status: int
    seconds: float
    retry_after: str | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether it says to come back later, and when."""
        return self.status in NOT_NOW and int(self.retry_after or 0) > 0


@dataclass
class Visit:
    """What came of the requests so far."""

    replies: list[Reply] = field(default_factory=list)
    job_ids: list[str] = field(default_factory=list)

    def of(self, *requests: str) -> list[Reply]:
        """Return the replies to some kinds of request."""
        return [reply for reply in self.replies if reply.request in requests]

    def slowest_s(self) -> float:
        """Return the time of the answer that took longest."""
        return max(reply.seconds for reply in self.replies)


READS = ("job", "jobs", "items")


@contextmanager
def visiting(customer: Customer, job_id: str) -> Iterator[Visit]:
    """Ask for a job and submit others, each in a thread of its own, until the block ends."""
    visit, over, numbers = Visit(), threading.Event(), count(FIRST_SEED)

    def submit() -> httpx.Response:
        answer = customer.post({"visitor.png": drawing(next(numbers))})
        if answer.status_code == httpx.codes.ACCEPTED:
            visit.job_ids.append(answer.json()["id"])
        return answer

    kinds: dict[str, Callable[[], httpx.Response]] = {
        "job": lambda: customer.http.get(f"/jobs/{job_id}"),
        "jobs": lambda: customer.http.get("/jobs"),
        "items": lambda: customer.http.get(f"/jobs/{job_id}/items"),
        "submission": submit,
    }
    threads = [
        threading.Thread(target=_ask, args=(name, ask, visit, over)) for name, ask in kinds.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield visit
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _ask(
    name: str, ask: Callable[[], httpx.Response], visit: Visit, over: threading.Event
) -> None:
    while not over.wait(PAUSE_S):
        started_s = time.perf_counter()
        try:
            answer = ask()
            status, retry_after = answer.status_code, answer.headers.get("retry-after")
        except httpx.TransportError:
            status, retry_after = 0, None
        visit.replies.append(Reply(name, status, time.perf_counter() - started_s, retry_after))
