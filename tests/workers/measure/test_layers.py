"""Layers of one shadow, known by the depths that they add up to, each blended in whole levels.

What is found leaves no more than rounding does. Layers that differ enough are told apart: offsets
within 2 px, blurs within 35 % (at least 1.5 px).
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.measure.blur import REACH_PX, fall_off
from workers.measure.layers import LayersFit, fit_layers
from workers.measure.measurements import Box
from workers.measure.penumbra import Penumbra
from workers.measure.shade import BLUR, Y, lengths_of
from workers.measure.sides import Side

ROUNDING_RMS_LEVELS = 0.45
OFFSET_TOLERANCE_PX = 2.0
BLUR_TOLERANCE, LEAST_BLUR_TOLERANCE_PX = 0.35, 1.5
WHITE = np.full(3, 255.0)
REACH = 90
# A sum that is a whole number but for what floating point leaves is one.
NEARLY = 1e-6

Layer = tuple[int, int, int, float]  # y, blur, spread, alpha


def surroundings(*layers: Layer) -> Penumbra:
    """Return what is seen beside a large box."""
    depths = {side: np.zeros((REACH, 3)) for side in Side}
    for y, blur, spread, alpha in layers:
        for side, out in zip(Side, (spread - y, spread, spread + y, spread), strict=True):
            fall = fall_off(blur)[REACH_PX - out : REACH_PX - out + REACH]
            # Blending keeps whole levels of each layer.
            depths[side] += np.floor(alpha * 255 * fall[:, None] + NEARLY)
    return Penumbra(Box(200, 200, 900, 700), WHITE, depths, {}, frozenset())


def assert_told_apart(found: LayersFit, *layers: Layer) -> None:
    """Check that the layers found, from sharp to soft, are those given."""
    lengths = sorted((lengths_of(shape) for shape in found.shapes), key=lambda one: one[BLUR])
    for one, (y, blur, _, _) in zip(lengths, layers, strict=True):
        assert abs(one[Y] - y) <= OFFSET_TOLERANCE_PX
        assert abs(one[BLUR] - blur) <= max(LEAST_BLUR_TOLERANCE_PX, BLUR_TOLERANCE * blur)


@settings(max_examples=25, deadline=None)
@given(
    sharp=st.tuples(st.integers(2, 5), st.integers(4, 7), st.integers(-1, 1)),
    soft=st.tuples(st.integers(6, 14), st.integers(24, 40), st.integers(-4, 0)),
    alphas=st.tuples(st.floats(0.12, 0.2), st.floats(0.12, 0.2)),
)
def test_two_layers_leave_what_rounding_leaves(
    sharp: tuple[int, int, int], soft: tuple[int, int, int], alphas: tuple[float, float]
) -> None:
    found = fit_layers(surroundings((*sharp, alphas[0]), (*soft, alphas[1])))

    assert found is not None
    assert found.rms_levels <= ROUNDING_RMS_LEVELS


@pytest.mark.parametrize(
    ("sharp", "soft"),
    [
        ((3, 5, 0, 0.15), (10, 30, 0, 0.15)),
        ((7, 10, -5, 0.2), (4, 20, 0, 0.15)),
        ((4, 7, 0, 0.15), (12, 28, -3, 0.15)),
        ((2, 5, 1, 0.1), (9, 36, 0, 0.12)),
    ],
)
def test_a_sharp_and_a_soft_layer_are_told_apart(sharp: Layer, soft: Layer) -> None:
    found = fit_layers(surroundings(sharp, soft))

    assert found is not None
    assert_told_apart(found, sharp, soft)


@pytest.mark.parametrize(
    "layers",
    [
        ((1, 3, 0, 0.15), (6, 12, 0, 0.15), (16, 40, -2, 0.15)),
        ((2, 4, 0, 0.12), (7, 14, 0, 0.1), (16, 40, 0, 0.1)),
    ],
)
def test_three_layers_are_told_apart(layers: tuple[Layer, ...]) -> None:
    found = fit_layers(surroundings(*layers))

    assert found is not None
    assert_told_apart(found, *layers)


def test_a_slope_that_no_shadow_casts_has_no_layers() -> None:
    zigzag = np.tile(np.array([9.0, 2.0, 8.0, 1.0, 9.0, 2.0])[:, None], 3)
    seen = Penumbra(Box(10, 10, 300, 200), WHITE, dict.fromkeys(Side, zigzag), {}, frozenset())

    assert fit_layers(seen) is None
