from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.claude.prices import PRICES, Usage, usd

COUNTS = st.integers(min_value=0, max_value=20_000)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("claude-haiku-5-5", "0.00087329"),
        ("claude-sonnet-5-5", "0.0172019"),
        ("claude-sonnet-4-5", "0.0261987"),
    ],
)
def test_a_screenshot_with_a_cached_prompt_costs_what_the_list_says(model: str, cost: str) -> None:
    usage = Usage(input_tokens=2859, output_tokens=1122, cache_read_tokens=2639)

    assert usd(model, usage) == Decimal(cost)


def test_writing_the_cache_for_an_hour_costs_more_than_for_five_minutes() -> None:
    short = usd("claude-haiku-5-5", Usage(0, 0, cache_write_5m_tokens=1_000))
    long = usd("claude-haiku-5-5", Usage(0, 0, cache_write_1h_tokens=1_000))

    assert (short, long) == (Decimal("0.000125"), Decimal("0.0002"))


def test_a_dated_release_costs_what_its_model_costs() -> None:
    usage = Usage(1000, 100)

    assert usd("claude-haiku-4-5-20251001", usage) == usd("claude-haiku-4-5", usage)


def test_the_cost_of_an_unknown_model_is_not_known() -> None:
    assert usd("claude-haiku-9", Usage(1, 1)) is None


def test_the_cost_of_a_prompt_beyond_the_listed_length_is_not_known() -> None:
    assert usd("claude-haiku-5-5", Usage(100_001, 1)) is None


@given(USAGES, USAGES, st.sampled_from(sorted(set(PRICES) - {"claude-haiku-5-5"})))
def test_two_calls_cost_the_sum_of_each(one: Usage, other: Usage, model: str) -> None:
    both = Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cache_read_tokens + other.cache_read_tokens,
        one.cache_write_5m_tokens + other.cache_write_5m_tokens,
        one.cache_write_1h_tokens + other.cache_write_1h_tokens,
    )

    assert usd(model, both) == PRICES[model].of(one) + PRICES[model].of(other)
