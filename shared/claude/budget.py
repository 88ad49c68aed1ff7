"""How many more calls the API's rate limits leave, as its answers tell it.

Each limit is a bucket that fills evenly, whole in a minute. An answer says how large each bucket
is and how much is left in it; between answers the arithmetic goes on here, and each call that
starts takes what calls have lately used. So work is not sent to be refused.

Source: "Rate limits" in the documentation of the API (token buckets, ``anthropic-ratelimit-*``
headers), read in November 2026.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from shared.claude.prices import Usage

# A bucket is full again after so long.
REFILL_S = 60.0
# The part of a new call in what calls are taken to use: the last ten or so count.
NEWEST_SHARE = 0.1
# Each limit, by the name it has in the headers.
KINDS = ("requests", "input-tokens", "output-tokens")


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit: how much it holds, and how much was left in it."""

    limit: float
    left: float

    def after(self, seconds: float) -> "Bucket":
        """Return the bucket as it has filled since."""
        filled = self.left + self.limit * max(0.0, seconds) / REFILL_S
        return replace(self, left=min(self.limit, filled))

    def holds(self, amount: float) -> int:
        """Return how often an amount can be taken; a full bucket lets any one call pass."""
        if self.left >= self.limit:
            return max(1, math.floor(self.left / amount))
        return max(0, math.floor(self.left / amount))


@dataclass(frozen=True, slots=True)
class Budget:
    """What is known of the limits, at a time in seconds.

    ``use`` is what a call takes of each. Without a bucket there is no limit.
    """

    at_s: float = 0.0
    buckets: Mapping[str, Bucket] = field(default_factory=dict)
    use: Mapping[str, float] = field(default_factory=dict)

    def calls_left(self, now_s: float) -> int | None:
        """Return how many calls may start, None where no limit is known."""
        filled = self._until(now_s).buckets
        return min((filled[kind].holds(self._use(kind)) for kind in filled), default=None)

    def spend(self, calls: int, now_s: float) -> "Budget":
        """Return the budget after calls have started."""
        if not self.buckets:
            return self
        filled = self._until(now_s)
        taken = {
            kind: replace(bucket, left=max(0.0, bucket.left - calls * self._use(kind)))
            for kind, bucket in filled.buckets.items()
        }
        return replace(filled, buckets=taken)

    def learn(self, told: Mapping[str, Bucket], used: Usage | None, now_s: float) -> "Budget":
        """Return the budget after an answer, which knows best what is left."""
        filled = self._until(now_s)
        return replace(filled, buckets={**filled.buckets, **told}, use=_averaged(self.use, used))

    def as_dict(self) -> dict[str, Any]:
        """Return the budget as JSON keeps it; ``from_dict`` reads it."""
        buckets = {kind: [bucket.limit, bucket.left] for kind, bucket in self.buckets.items()}
        return {"at_s": self.at_s, "buckets": buckets, "use": dict(self.use)}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any] | None) -> Self:
        """Return what ``as_dict`` gave; None is a budget of which nothing is known."""
        if kept is None:
            return cls()
        buckets = {kind: Bucket(*sizes) for kind, sizes in kept["buckets"].items()}
        return cls(kept["at_s"], buckets, kept["use"])

    def _until(self, now_s: float) -> "Budget":
        filled = {kind: bucket.after(now_s - self.at_s) for kind, bucket in self.buckets.items()}
        return replace(self, at_s=max(now_s, self.at_s), buckets=filled)

    def _use(self, kind: str) -> float:
        return max(1.0, self.use.get(kind, 1.0))


def read_limits(headers: Mapping[str, str]) -> dict[str, Bucket]:
    """Return the limits that an answer tells; whatever is no number is not told."""
    found = {}
    for kind in KINDS:
        limit, left = (
            _number(headers.get(f"anthropic-ratelimit-{kind}-{what}"))
            for what in ("limit", "remaining")
        )
        if limit and left is not None:
            found[kind] = Bucket(limit, min(left, limit))
    return found


def _averaged(use: Mapping[str, float], used: Usage | None) -> Mapping[str, float]:
    """Return what calls use, with a new one. What the prompt cache gave counts for no limit."""
    if used is None:
        return use
    new = {
        "input-tokens": float(used.input_tokens + used.cache_write_tokens),
        "output-tokens": float(used.output_tokens),
    }
    return {
        kind: amount if kind not in use else use[kind] + NEWEST_SHARE * (amount - use[kind])
        for kind, amount in new.items()
    }


def _number(stated: str | None) -> float | None:
    try:
        number = float(stated) if stated is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
