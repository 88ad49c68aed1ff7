"""Every box's parent is the smallest box around it."""

from hypothesis import given
from hypothesis import strategies as st

from workers.measure.measurements import Box
from workers.measure.nesting import find_parents

boxes = st.lists(
    st.builds(Box, st.integers(0, 80), st.integers(0, 80), st.integers(1, 80), st.integers(1, 80)),
    max_size=12,
)


def test_the_smallest_box_around_is_the_parent() -> None:
    page, card, button = Box(0, 0, 100, 100), Box(10, 10, 50, 50), Box(20, 20, 10, 10)

    assert find_parents([page, button, card]) == [-1, 2, 0]


def test_a_box_may_stick_out_by_a_pixel() -> None:
    assert find_parents([Box(0, 0, 50, 50), Box(-1, 10, 20, 10)]) == [-1, 0]
    assert find_parents([Box(0, 0, 50, 50), Box(-2, 10, 20, 10)]) == [-1, -1]


def test_of_two_equal_boxes_the_earlier_holds_the_later() -> None:
    assert find_parents([Box(5, 5, 9, 9), Box(5, 5, 9, 9)]) == [-1, 0]


def test_only_holders_hold() -> None:
    assert find_parents([Box(0, 0, 50, 50), Box(5, 5, 9, 9)], holders=[1]) == [-1, -1]


@given(boxes)
def test_nesting_has_no_cycles(some: list[Box]) -> None:
    parents = find_parents(some)

    for start in range(len(some)):
        seen, at = set(), start
        while at >= 0:
            assert at not in seen
            seen.add(at)
            at = parents[at]
