"""Contrast ratios against published ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contrast import contrast

hexes = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        # WebAIM's contrast checker, which cuts to two decimals.
        ("#000000", "#ffffff", 21),
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.47),
        ("#0000ff", "#ffffff", 8.59),
        ("#ff0000", "#ffffff", 3.99),
        ("#949494", "#ffffff", 3.03),
    ],
)
def test_ratios_are_the_published_ones(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)


@given(one=hexes, other=hexes)
def test_a_ratio_is_the_same_both_ways_and_within_bounds(one: str, other: str) -> None:
    assert 1 <= contrast(one, other) == contrast(other, one) <= 21.0001
