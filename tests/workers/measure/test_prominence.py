"""What is counted for a value is what the page shows of it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.measure.scenes import element, scene
from workers.measure.prominence import Feature, count_clear, measure_prominence
from workers.measure.scene import Element
from workers.measure.spacing import (
    MIN_LIKELIHOOD,
    SEPARATE_COUNT,
    candidates,
    choose,
    find_spaces,
)

FEATURES = list(Feature)


def of(elements: list[Element], value: float, feature: Feature) -> float:
    """Return one feature of one value of a page of boxes, beside those that the page has."""
    page = scene((1200, 900), elements)
    distances, clear = find_spaces(page)
    values = np.append(value, candidates(distances, clear, page.dpr))
    rows = measure_prominence(distances, clear, values)
    return float(rows[0, FEATURES.index(feature)])


def row(count: int, gap: int) -> list[Element]:
    """Return like boxes side by side."""
    return [element((101 + (60 + gap) * at, 133, 60, 40)) for at in range(count)]


@given(gap=st.integers(4, 30), count=st.integers(2, 6))
def test_clear_stretches_of_a_length_are_counted(gap: int, count: int) -> None:
    _, clear = find_spaces(scene((1200, 900), row(count, gap)))

    assert count_clear(clear, np.array([gap, gap + 1.0])).tolist() == [count - 1, 0]


@given(gap=st.integers(4, 30), count=st.integers(2, 6), value=st.integers(2, 40))
def test_shares_are_parts_of_all_distances(gap: int, count: int, value: int) -> None:
    distances, _ = find_spaces(scene((1200, 900), row(count, gap)))
    showing = sum(abs(distance.px - value) <= 0.5 for distance in distances)

    assert np.isclose(of(row(count, gap), value, Feature.SHARE), showing / len(distances))


@given(gap=st.integers(4, 30))
def test_a_value_seen_more_often_counts_more(gap: int) -> None:
    few, many = (of(row(count, gap), gap, Feature.NEAR) for count in (2, 6))

    assert many > few


def test_a_value_met_both_ways_is_crossed() -> None:
    square = [element((101 + 80 * x, 133 + 60 * y, 60, 40)) for x in range(2) for y in range(2)]

    assert of(square, 20, Feature.CROSSED) == 1
    assert of(row(3, 20), 20, Feature.CROSSED) < 0.01


def test_nothing_outranks_what_is_seen_most() -> None:
    assert of(row(6, 20), 20, Feature.RANK) == 0
    assert of(row(6, 20), 23, Feature.RANK) > 0


def test_sizes_are_counted_in_doublings() -> None:
    assert of(row(2, 16), 2, Feature.SMALL) == 1
    assert of(row(2, 16), 16, Feature.SIZE) == 16
    assert of(row(2, 16), 16, Feature.SMALL) == 0


def test_candidates_are_the_lengths_of_the_page() -> None:
    distances, clear = find_spaces(scene((1200, 900), row(4, 17)))

    assert candidates(distances, clear, 1.0).tolist() == [17, 101]


CANDIDATES = st.lists(
    st.tuples(st.integers(4, 200), st.floats(0, 1), st.integers(0, 12)),
    max_size=30,
    unique_by=lambda each: each[0],
)


def told_of(rows: list[tuple[int, float, int]]) -> list[int]:
    """Return which of some candidates, in half pixels, are told."""
    halves, likelihoods, clear = zip(*rows, strict=True) if rows else ((), (), ())
    values = np.array(halves, np.float64) / 2
    return choose(values, np.array(likelihoods, np.float64), np.array(clear, np.intp))


@given(CANDIDATES)
def test_of_two_values_within_a_pixel_the_less_likely_one_is_told_only_where_much_shows_it(
    rows: list[tuple[int, float, int]],
) -> None:
    told = told_of(rows)

    for place, later in enumerate(told):
        near = [rows[other] for other in told[:place] if abs(rows[other][0] - rows[later][0]) <= 2]
        assert all(abs(half - rows[later][0]) > 1 for half, _, _ in near)
        assert not near or rows[later][2] >= SEPARATE_COUNT


@given(CANDIDATES)
def test_every_likely_value_is_told_or_has_one_told_within_a_pixel(
    rows: list[tuple[int, float, int]],
) -> None:
    told = told_of(rows)

    assert all(rows[at][1] >= MIN_LIKELIHOOD for at in told)
    for half, likelihood, _ in rows:
        near = any(abs(rows[at][0] - half) <= 2 for at in told)
        assert near or likelihood < MIN_LIKELIHOOD
