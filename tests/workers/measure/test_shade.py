"""Whatever lies beside a box, fitting a shadow to it ends with a shape."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.measure.measurements import Box
from workers.measure.penumbra import Penumbra
from workers.measure.shade import fit_shape
from workers.measure.sides import Side

FAR_PX = 29
# Levels outward beside a card whose neighbours are hidden by a menu, as they were met.
TOP = "-5 -5 -4 -4 -4 -4 -3 -3 -3 -2 -3 -2 -2 -1 -1 -1 0 0 -1 -1 0 0 0 0 0 0 1 1 1"
RIGHT = "-4 -3 -2 -2 -2 -2 -1"
LEFT = "-5 -5 -4 -4 -5 -5 -3 -3 -4 -3 -4 -4 -4 -4 -3 -4 -3 -3 -5 -5 -4 -4 -5"


def odd_slopes() -> Penumbra:
    """Return slopes that a large start with much spread explains best, but not well."""
    sides = {Side.TOP: TOP, Side.RIGHT: RIGHT, Side.LEFT: LEFT}
    depths = {
        side: np.tile(np.array([levels.split()], float).T, 3) for side, levels in sides.items()
    }
    ambient = np.array([52.0, 71.0, 103.0])
    return Penumbra(Box(1063, 99, 365, 109), ambient, depths, {Side.LEFT: 24}, frozenset())


def test_a_start_with_no_plausible_neighbour_is_where_the_fit_ends() -> None:
    assert np.isfinite(fit_shape(odd_slopes()).shape).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, FAR_PX), st.floats(0.5, 40))
def test_any_depths_give_a_shape(seed: int, length: int, strength: float) -> None:
    random = np.random.default_rng(seed)
    depths = {
        side: np.sort(random.integers(-3, round(strength) + 4, (length, 3)), axis=0)[::-1].astype(
            float
        )
        for side in (Side.TOP, Side.RIGHT, Side.LEFT)
    }
    seen = Penumbra(Box(50, 50, 365, 109), np.full(3, 90.0), depths, {}, frozenset())

    assert np.isfinite(fit_shape(seen).shape).all()
