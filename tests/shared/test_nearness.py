import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.colorspace import ciede2000
from shared.nearness import MAX_COLOR_DIFFERENCE, SPACES, Lookup, is_paler_text
from shared.tokens import Color, TextOn, TokenType
from tests.token_sets import style, token

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


def test_a_value_is_looked_up_among_its_own_family() -> None:
    solid, clear = Color(hex="#3366cc"), Color(hex="#3366cc", alpha=0.5)
    lookup = Lookup(SPACES[TokenType.COLOR], [clear, Color(hex="#cc3333"), solid])

    assert lookup.find_near(solid) == [(0.0, 2)]
    assert lookup.find_nearest(clear) == (0.0, 0)
    assert lookup.find_near(Color(hex="#3366cc", alpha=0.1)) == []
    assert lookup.find_nearest(Color(hex="#3366cc", alpha=0.1)) is None


def test_the_nearest_color_is_found_however_far_it_is() -> None:
    lookup = Lookup(SPACES[TokenType.COLOR], [Color(hex="#ffffff")])

    nearest = lookup.find_nearest(Color(hex="#000000"))

    assert nearest is not None
    # Black and white are 100 apart.
    assert nearest[0] == pytest.approx(100 / MAX_COLOR_DIFFERENCE)
    assert lookup.find_near(Color(hex="#000000")) == []


@given(part=st.floats(0.02, 0.14))
def test_text_mixed_with_a_little_of_its_background_is_paler(part: float) -> None:
    levels = (round(90 + (255 - 90) * part), round(107 + 148 * part), round(97 + 158 * part))
    on = (TextOn(background="#ffffff", count=1),)
    thin = token("thin", Color(hex="#" + bytes(levels).hex()), role="text", on=on)
    ink = token("ink", Color(hex="#5a6b61"), usage=9, role="text")

    assert is_paler_text(thin, [ink])
    assert not is_paler_text(thin, [ink.model_copy(update={"usage": 1})])
    assert not is_paler_text(thin.model_copy(update={"on": ()}), [ink])
    assert not is_paler_text(thin, [])


@pytest.mark.parametrize(
    ("size_px", "line_height", "is_near"),
    [(15, 1.6, True), (14.5, 1.7, True), (14.5, 1.72, False), (15.5, 1.5484, False)],
)
def test_line_heights_are_compared_in_pixels(
    *, size_px: float, line_height: float, is_near: bool
) -> None:
    other = style("serif", size_px, line_height=line_height)
    lookup = Lookup(SPACES[TokenType.TYPOGRAPHY], [style("serif", 14.5, line_height=24 / 14.5)])

    assert bool(lookup.find_near(other)) is is_near
