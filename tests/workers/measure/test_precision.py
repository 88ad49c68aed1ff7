from hypothesis import given
from hypothesis import strategies as st

from workers.measure.precision import tell


def test_digits_that_were_not_measured_are_dropped() -> None:
    assert [tell(20.08, 0.2), tell(13.46, 0.2), tell(12.3, 0.1)] == [20.0, 13.5, 12.25]


def test_digits_that_were_measured_stay() -> None:
    assert tell(12.34, 0.01) == 12.34


def test_a_half_is_not_told_as_a_whole_by_a_quarters_doubt() -> None:
    assert tell(13.5, 0.25) == 13.5


@given(st.floats(0, 1000), st.floats(0, 2))
def test_what_is_told_is_within_the_uncertainty(value: float, uncertainty: float) -> None:
    assert abs(tell(value, uncertainty) - value) <= max(uncertainty, 0.0051)
