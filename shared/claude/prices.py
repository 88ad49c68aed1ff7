"""What a call costs, from the price list as it stood on ``AS_OF``."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from shared.claude.traits import undated

AS_OF = date(2026, 11, 1)

_MILLION = Decimal(1_000_000)

# Haiku 5.5 costs more beyond this prompt; how much is not in the list, so it is not known here.
_HAIKU_5_5_MAX_PROMPT = 100_000


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one call, each field billed at its own price."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Return the tokens of two calls together."""
        return Usage(
            *(getattr(self, name) + getattr(other, name) for name in Usage.__dataclass_fields__)
        )

    def times(self, calls: int) -> "Usage":
        """Return the tokens of so many calls alike."""
        return Usage(*(calls * getattr(self, name) for name in Usage.__dataclass_fields__))

    @property
    def cache_write_tokens(self) -> int:
        """Tokens written to the prompt cache, however long they are kept."""
        return self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def prompt_tokens(self) -> int:
        """All that was read: fresh, from the cache and into the cache."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    max_prompt_tokens: int | None = None

    def of(self, usage: Usage) -> Decimal:
        """Return the USD that a usage comes to."""
        micro_usd = (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_read_tokens * self.cache_read
            + usage.cache_write_5m_tokens * self.cache_write_5m
            + usage.cache_write_1h_tokens * self.cache_write_1h
        )
        return micro_usd / _MILLION


def _price(*usd: str, max_prompt_tokens: int | None = None) -> Price:
    """Return a row of the list: input, output, cache read, cache write 5 minutes and 1 hour."""
    each = [Decimal(amount) for amount in usd]
    return Price(each[0], each[1], each[2], each[3], each[4], max_prompt_tokens)


PRICES = {
    "claude-haiku-5-5": _price(
        "0.10", "0.50", "0.01", "0.125", "0.20", max_prompt_tokens=_HAIKU_5_5_MAX_PROMPT
    ),
    "claude-haiku-4-5": _price("1", "5", "0.10", "1.25", "2"),
    "claude-sonnet-5-5": _price("2", "10", "0.10", "2.50", "4"),
    "claude-sonnet-4-5": _price("3", "15", "0.30", "3.75", "6"),
    "claude-opus-5-5": _price("4", "20", "0.20", "5", "8"),
}


def has_price(model: str) -> bool:
    """Tell whether the list has a model."""
    return undated(model) in PRICES


def batch_usd(model: str, usage: Usage) -> Decimal | None:
    """Return what a call costs in a Message Batch: half of everything; None as ``usd``."""
    full = usd(model, usage)
    return None if full is None else full / 2


def usd(model: str, usage: Usage) -> Decimal | None:
    """Return what a call cost in USD, None where the list does not say."""
    price = PRICES.get(undated(model))
    if price is None:
        return None
    if price.max_prompt_tokens is not None and usage.prompt_tokens > price.max_prompt_tokens:
        return None
    return price.of(usage)
