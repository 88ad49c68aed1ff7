import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.colorspace import ciede2000
from shared.nearness import MAX_COLOR_DIFFERENCE, SPACES
from shared.tokens import Color, TokenType

levels = st.tuples(*[st.integers(0, 255)] * 3)
shifts = st.tuples(*[st.integers(-6, 6)] * 3)


def color_of(level: tuple[int, ...]) -> Color:
    return Color(hex=f"#{bytes(min(max(each, 0), 255) for each in level).hex()}")


@given(st.lists(shifts, min_size=1), levels)
def test_colors_are_near_exactly_where_ciede2000_says(
    around: list[tuple[int, ...]], level: tuple[int, ...]
) -> None:
    space = SPACES[TokenType.COLOR]
    place = space.place(color_of(level))
    others = [color_of(tuple(map(sum, zip(level, shift, strict=True)))) for shift in around]
    places = np.array([space.place(other) for other in others])

    near = space.distance(places, place) <= 1

    assert (near == (ciede2000(places, place) <= MAX_COLOR_DIFFERENCE)).all()
