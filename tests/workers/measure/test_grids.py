"""A page's step is told by its distances, and by nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.measure.grids import Grid, agreements, find_grid


def agreement(grid: Grid, px: float) -> float:
    return float(agreements(grid, np.array([px]))[0])


@given(step=st.integers(5, 13))
def test_multiples_of_the_step_agree_with_a_page_that_keeps_it(step: int) -> None:
    grid = find_grid({float(step * times): 2 for times in range(1, 7)})

    assert agreement(grid, 7.0 * step) > 0
    assert agreement(grid, 7.0 * step + 1) < 0


def test_multiples_of_four_mean_nothing_on_a_page_of_sevens() -> None:
    grid = find_grid({7.0 * times: 2 for times in range(1, 7)})

    assert agreement(grid, 16.0) < 0
    assert agreement(grid, 24.0) < 0
    assert agreement(grid, 49.0) > 0


def test_a_value_does_not_vouch_for_itself() -> None:
    assert agreement(find_grid({12.0: 2}), 12.0) == agreement(find_grid({}), 12.0)


def test_without_distances_all_values_of_as_many_divisors_are_alike() -> None:
    grid = find_grid({})

    assert agreement(grid, 7.0) == pytest.approx(agreement(grid, 13.0), abs=0.5)


def test_a_page_without_a_step_favours_none() -> None:
    grid = find_grid({float(px): 1 for px in (3, 5, 7, 8, 11, 13, 17, 19, 22, 23, 29, 31)})

    assert abs(agreement(grid, 16.0)) < 0.5
