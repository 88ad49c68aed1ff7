"""What is foretold of calls against requests that are really built, and against the rules."""

import json
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.claude.expectation import (
    MAX_CALLS,
    MISSED_TOKENS,
    RULES_TOKENS,
    SHARES,
    Forecast,
    Picture,
    expect_call,
    forecast,
    usual_counts,
)
from shared.claude.prices import Usage, batch_usd, usd
from shared.tokens import TokenType
from tests.fakes.tokenizer import count_text_tokens
from workers.claude.prompt import SYSTEM
from workers.claude.tools import ENTRIES, build_tool

MODEL = "claude-haiku-5-5"
USUAL = {each: share.usual for each, share in SHARES.items()}


def ahead(*pictures: Picture, model: str = MODEL) -> Forecast:
    return forecast(model, tuple(TokenType), pictures, USUAL)


def price(usage: Usage) -> Decimal | None:
    return usd(MODEL, usage)


def measured(**counts: int) -> Picture:
    none = dict.fromkeys(SHARES, 0)
    return Picture(1440, 900, none | {TokenType(name): count for name, count in counts.items()})


@pytest.mark.parametrize("types", [tuple(ENTRIES), *((each,) for each in ENTRIES)])
def test_rules_and_tool_are_as_long_as_is_foretold(types: tuple[TokenType, ...]) -> None:
    tool = json.dumps(build_tool(types), separators=(",", ":"))
    schema = sum(SHARES[each].schema_tokens for each in types)
    foretold = RULES_TOKENS + schema + (0 if types == (TokenType.TYPOGRAPHY,) else MISSED_TOKENS)

    assert foretold == pytest.approx(count_text_tokens(SYSTEM + tool), rel=0.05)


def test_the_first_call_writes_the_rules_to_the_prompt_cache_and_the_rest_read_them() -> None:
    one = ahead(Picture(1440, 900)).usage
    three = ahead(*[Picture(1440, 900)] * 3).usage

    assert (one.cache_write_5m_tokens > 1024, one.cache_read_tokens) == (True, 0)
    assert three.cache_write_5m_tokens == one.cache_write_5m_tokens
    assert three.cache_read_tokens == 2 * one.cache_write_5m_tokens


def test_rules_too_short_for_a_models_cache_are_billed_in_full_each_time() -> None:
    usage = ahead(*[Picture(1440, 900)] * 2, model="claude-haiku-4-5").usage

    assert (usage.cache_write_tokens, usage.cache_read_tokens) == (0, 0)
    assert usage.input_tokens > ahead(*[Picture(1440, 900)] * 2).usage.input_tokens


def test_a_larger_picture_counts_more_up_to_what_the_model_is_shown() -> None:
    tokens = [ahead(Picture(side, side)).usage.input_tokens for side in (280, 1400, 4000, 8000)]

    assert tokens[0] < tokens[1] < tokens[2] == tokens[3]


def test_what_one_call_cannot_carry_is_foretold_as_two() -> None:
    assert ahead(measured(color=25, spacing=1)).calls == 2


def test_an_image_in_which_nothing_was_measured_needs_no_call() -> None:
    assert ahead(measured()) == Forecast(())


def test_a_job_of_nothing_costs_nothing() -> None:
    assert ahead().usd(price) == 0


def test_many_calls_have_a_price_though_a_prompt_as_long_would_have_none() -> None:
    few, many = (ahead(Picture(1440, 900, images=images)) for images in (1, 1000))
    one, all_together = few.usd(price), many.usd(price)
    assert one is not None
    assert all_together is not None

    assert many.calls == 1000
    assert float(all_together) == pytest.approx(1000 * float(one), rel=0.3)


def test_calls_of_an_unknown_model_cost_nobody_knows_what() -> None:
    assert ahead(Picture(9, 9)).usd(lambda usage: usd("claude-haiku-9", usage)) is None


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(SHARES, st.integers(0, 80))), max_size=60))
def test_what_was_measured_lately_draws_the_mean_to_itself(
    lately: list[dict[TokenType, int]],
) -> None:
    usual = usual_counts(lately)

    for each, share in SHARES.items():
        capped = [min(counts[each], MAX_CALLS * share.cap) for counts in lately]
        low, high = min([share.usual, *capped]), max([share.usual, *capped])
        assert low - 1e-9 <= usual[each] <= high + 1e-9


def test_radii_are_not_asked_about() -> None:
    assert forecast(MODEL, (TokenType.RADIUS,), [Picture(9, 9)], USUAL).calls == 0


def test_a_batch_costs_half() -> None:
    usage = ahead(Picture(1440, 900)).usage
    full = usd(MODEL, usage)
    assert full is not None

    assert batch_usd(MODEL, usage) == full / 2


def test_a_batch_of_an_unknown_model_costs_nobody_knows_what() -> None:
    assert batch_usd("claude-haiku-9", Usage(1, 1)) is None


@given(st.lists(st.sampled_from(list(SHARES)), max_size=60))
def test_more_to_name_never_costs_less(found: list[TokenType]) -> None:
    fewer = expect_call(MODEL, list(SHARES), 100, Counter(found[:-1]))
    more = expect_call(MODEL, list(SHARES), 100, Counter(found))

    assert fewer.input_tokens <= more.input_tokens
    assert fewer.output_tokens <= more.output_tokens
