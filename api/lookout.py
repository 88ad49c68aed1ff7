"""Looking at jobs for everybody who follows one: as often for one reader as for a thousand.

LISTEN and NOTIFY would take a lock on the whole database at each commit of each worker; this
costs one query by primary key a look and process.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Engine

from shared.db.engine import transaction
from shared.db.events import last_changes
from shared.errors import Unavailable

T = TypeVar("T")

# How old news may be when it is told.
LOOK_EVERY_S = 0.25
# Threads, and so connections, that streams take at most from those that serve requests.
THREADS = 4
# The number of a job that there is not any more; those of others are not negative.
DELETED = -1


class Lookout:
    """One look at all followed jobs at a time, and one read of what several readers want.

    Between two looks no thread and no connection is held; without followers nothing happens.
    Belongs to one event loop.
    """

    def __init__(self, engine: Engine) -> None:
        """Look into a database."""
        self._engine = engine
        self.followed: Counter[str] = Counter()
        self._look: asyncio.Task[Mapping[str, int]] | None = None
        self._threads = CapacityLimiter(THREADS)
        self._reads: dict[Hashable, asyncio.Task[Any]] = {}

    @contextmanager
    def following(self, job_id: str) -> Iterator[None]:
        """Take a job into the looks for as long as the block runs."""
        self.followed[job_id] += 1
        try:
            yield
        finally:
            self.followed[job_id] -= 1
            if not self.followed[job_id]:
                del self.followed[job_id]

    async def look(self, job_id: str, within_s: float) -> int | None:
        """Return the number of a job's last change by the next look.

        None is not known: the look takes longer than ``within_s``, or the database is away.
        """
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._next_look())
        done, _ = await asyncio.wait({self._look}, timeout=within_s)
        return done.pop().result().get(job_id) if done else None

    async def _next_look(self) -> Mapping[str, int]:
        await asyncio.sleep(LOOK_EVERY_S)
        wanted = list(self.followed)

        def ask() -> dict[str, int]:
            with transaction(self._engine) as connection:
                return last_changes(connection, wanted)

        try:
            return dict.fromkeys(wanted, DELETED) | await self._run(ask)
        except Unavailable:
            return {}

    async def share(self, key: Hashable, read: Callable[[], T], within_s: float) -> T | None:
        """Return what a blocking read comes to, done once for all who ask while it runs.

        It goes on when one who asked has left, since others may wait for it. None is not known:
        it takes longer than ``within_s``.
        """
        task: asyncio.Task[T] | None = self._reads.get(key)
        if task is None:
            task = asyncio.create_task(self._run(read))
            self._reads[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        done, _ = await asyncio.wait({task}, timeout=within_s)
        return task.result() if done else None

    async def _run(self, blocking: Callable[[], T]) -> T:
        return await to_thread.run_sync(blocking, limiter=self._threads)

    def _forget(self, key: Hashable, done: asyncio.Task[Any]) -> None:
        del self._reads[key]
        if not done.cancelled():
            # Nobody may be left to hear of an error, which asyncio would complain of.
            done.exception()
