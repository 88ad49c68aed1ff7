"""What the rate limits leave, between answers and after them."""

from hypothesis import given
from hypothesis import strategies as st

from shared.claude.budget import REFILL_S, Bucket, Budget, read_limits
from shared.claude.prices import Usage

LIMITS = st.integers(1, 100_000)


def told(requests: tuple[float, float]) -> Budget:
    return Budget().learn({"requests": Bucket(*requests)}, None, 0)


def test_nothing_told_limits_nothing() -> None:
    assert Budget().calls_left(0) is None
    assert Budget().spend(5, 0).calls_left(0) is None


@given(limit=LIMITS, left=st.integers(0, 100_000), seconds=st.floats(0, 600))
def test_a_bucket_fills_evenly_and_no_further_than_its_limit(
    limit: int, left: int, seconds: float
) -> None:
    budget = told((limit, min(left, limit)))

    filled = min(left, limit) + limit * seconds / REFILL_S
    calls = budget.calls_left(seconds)

    assert calls is not None
    assert calls <= limit
    assert abs(calls - min(limit, filled)) <= 1


@given(limit=LIMITS, calls=st.integers(0, 50))
def test_each_call_takes_its_part(limit: int, calls: int) -> None:
    budget = told((limit, limit)).spend(calls, 0)

    assert budget.calls_left(0) == max(0, limit - calls) or calls == 0


def test_the_scarcest_limit_decides() -> None:
    answer = {"requests": Bucket(50, 40), "output-tokens": Bucket(8000, 2500)}
    budget = Budget().learn(answer, Usage(2000, 1000), 0)

    assert budget.calls_left(0) == 2


def test_what_a_call_uses_is_learnt_from_the_calls() -> None:
    answer = {"output-tokens": Bucket(8000, 4000)}
    budget = Budget().learn(answer, Usage(2000, 1000), 0)
    for _ in range(60):
        budget = budget.learn(answer, Usage(2000, 500), 0)

    assert budget.calls_left(0) == 7


def test_tokens_out_of_the_prompt_cache_count_for_no_limit() -> None:
    answer = {"input-tokens": Bucket(10_000, 5000)}

    fresh = Budget().learn(answer, Usage(2500, 10), 0)
    cached = Budget().learn(answer, Usage(1000, 10, cache_read_tokens=1500), 0)

    assert (fresh.calls_left(0), cached.calls_left(0)) == (2, 5)


def test_a_full_bucket_lets_a_call_pass_that_is_larger_than_it() -> None:
    budget = Budget().learn({"output-tokens": Bucket(800, 800)}, Usage(0, 1000), 0)

    assert budget.calls_left(0) == 1
    assert budget.spend(1, 0).calls_left(0) == 0


def test_limits_are_read_off_the_headers() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-input-tokens-limit": "30000",
        "anthropic-ratelimit-input-tokens-remaining": "soon",
        "anthropic-ratelimit-output-tokens-remaining": "10",
    }

    assert read_limits(headers) == {"requests": Bucket(50, 49)}
