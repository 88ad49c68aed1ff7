import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workers.measure.pitch import is_monospaced


def letters(
    centers: list[float], width: int = 6
) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array([(round(c - width / 2), 10, width, 10) for c in centers], np.int32)


@given(pitch=st.floats(8.0, 20.0))
def test_letters_on_an_even_grid_are_monospaced(pitch: float) -> None:
    words = [n for n in range(16) if n not in {4, 9}]

    assert is_monospaced(letters([20 + pitch * n for n in words]), pitch / 0.6)


def test_letters_of_many_widths_are_not_monospaced() -> None:
    advances = np.array([9, 4, 8, 8, 13, 5, 9, 4, 7, 9, 9, 6, 12, 8], np.float64)

    assert not is_monospaced(letters(list(20 + np.cumsum(advances))), 16)


def test_few_letters_tell_nothing() -> None:
    assert not is_monospaced(letters([20.0, 30.0, 40.0]), 10 / 0.6)


def test_dots_belong_to_their_letters() -> None:
    stems = letters([20.0 + 10 * n for n in range(12)])
    dots = stems[:3] - [0, 4, 0, 8]

    assert is_monospaced(np.concatenate([stems, dots.astype(np.int32)]), 10 / 0.6)
