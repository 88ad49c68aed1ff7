"""What is counted for a value is what the page shows of it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.measure.scenes import element, scene
from workers.measure.prominence import Feature, measure_prominence
from workers.measure.scene import Element
from workers.measure.spacing import candidates, choose, find_spaces

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
def test_gaps_beside_are_counted(gap: int, count: int) -> None:
    assert np.isclose(of(row(count, gap), gap, Feature.BESIDE), np.log(count))


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
    assert of(row(2, 16), 16, Feature.SIZE) == 4
    assert of(row(2, 16), 2, Feature.SMALL) == 1
    assert of(row(2, 16), 16, Feature.SMALL) == 0


def test_candidates_are_the_lengths_of_the_page() -> None:
    distances, clear = find_spaces(scene((1200, 900), row(4, 17)))

    assert candidates(distances, clear, 1.0).tolist() == [17, 101]


@given(st.lists(st.tuples(st.integers(2, 100), st.floats(0, 1)), max_size=30))
def test_no_two_values_told_lie_within_a_pixel(pairs: list[tuple[int, float]]) -> None:
    values = np.array([px for px, _ in pairs], np.float64)
    told = choose(values, np.array([likelihood for _, likelihood in pairs]))

    assert all(abs(values[a] - values[b]) > 1 for a in told for b in told if a != b)
