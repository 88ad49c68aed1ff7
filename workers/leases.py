"""The heartbeat: one thread a process that renews the leases of all it works on."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy import Engine

from shared.db import leases
from shared.db.engine import transaction
from shared.db.work import Claim
from shared.errors import StageLost, Unavailable

log = structlog.get_logger(__name__)

# A database that was away finds leases that have ended, and a pump that takes them back soon.
RETRY_S = 1.0


class Leases:
    """The units this process holds. The thread starts with the first of them."""

    def __init__(self, engine: Engine) -> None:
        """Renew through this engine."""
        self._engine = engine
        self._lock = threading.Lock()
        self._held: set[Claim] = set()
        self._taken: set[Claim] = set()
        self._thread: threading.Thread | None = None

    @contextmanager
    def hold(self, claims: Sequence[Claim]) -> Iterator[None]:
        """Renew the leases of claimed units until the block ends."""
        with self._lock:
            self._held |= set(claims)
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, daemon=True, name="leases")
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._held -= set(claims)
                self._taken -= set(claims)

    def check(self, claim: Claim) -> None:
        """Let a long stage go on only while its unit is not known to be another's.

        For the sake of time alone: what is written of a unit that was taken is fenced off.

        Raises:
            StageLost: The lease ended, and the unit was taken from us.
        """
        if claim in self._taken:
            raise StageLost("the lease ended before the work did")

    def renew(self) -> None:
        """Renew every lease once, and let go of those that were taken from us."""
        with self._lock:
            held = set(self._held)
        if not held:
            return
        with transaction(self._engine) as connection:
            ours = leases.renew(connection, held)
        with self._lock:
            gone = {claim for claim in held & self._held if claim.id not in ours}
            self._held -= gone
            self._taken |= gone
        for claim in gone:
            log.warning("lease lost", work_id=claim.id)

    def _beat(self) -> None:
        pause, wait_s = threading.Event(), float(leases.RENEW_S)
        while not pause.wait(wait_s):
            try:
                self.renew()
                wait_s = leases.RENEW_S
            except Unavailable as error:
                log.warning("leases not renewed", reason=error.detail)
                wait_s = RETRY_S
