"""Two or three layers of one ``box-shadow``, where one shape does not explain what is seen.

The depths beside a box are the sum of what its layers shade. For a coarse grid of shapes the best
two follow from the products of all with all; both are then moved downhill together. Where they do
not explain what is seen, a third is added, from several places, and all move again. Each layer is
blended in whole levels: what that drops has to be put back, or three are not told apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.descent import (
    LEAST_ANGLE,
    LIGHT_LEVELS,
    Layers,
    costs_of,
    descend,
    explained_with,
)
from workers.measure.penumbra import Penumbra
from workers.measure.shade import NO_SHADE, Floats, Samples, Shapes, Y, grid_of

# Offsets and spreads to start from, as parts of the blur.
OFFSETS = (0.0, 0.25, 0.5, 0.75, 1.0)
SPREADS = (0.0, -0.25, -0.5)
# A layer's blur lies between these parts of how far both reach.
LEAST_REACH, MOST_REACH = 0.08, 1.8
# A layer that adds no more levels than this where it is strongest is an excuse of the other's.
MIN_LEVELS = 2.0
# A few shapes of the grid tell what no two will explain.
FEW, LEAST_OF_FEW = 5, 0.7
# The best shape of the grid alone, and the best two, explain these parts of what is seen.
LEAST_ALONE, LEAST_TOGETHER = 0.85, 0.98
# Two layers that leave more levels may be three, which must bring that down to this part.
TWO_RMS_LEVELS, THIRD_GAIN = 0.45, 0.85
# So many of the grid's best pairs, and of the triples made of them, are followed, every
# so-many-th: neighbours end alike.
PAIRS, APART = 100, 10
TRIPLES, TRIPLES_APART = 3, 50
# Layers are moved, and what blending them drops put back, so many times in turn.
TURNS = 3


@dataclass(frozen=True, slots=True)
class LayersFit:
    """Shapes (layers, 4), what each takes off where it is full (layers, 3), what all leave."""

    shapes: Shapes
    depths: Floats
    rms_levels: float


def fit_layers(seen: Penumbra) -> LayersFit | None:
    """Find the two or three layers that leave the least; None where none have one color."""
    layers = Layers(Samples(seen), drops=bool(seen.ambient.min() >= LIGHT_LEVELS))
    grid = grid_of(layers.samples.reach, (LEAST_REACH, MOST_REACH), OFFSETS, SPREADS)
    if layers.alone(layers.shade(grid[::FEW])) < LEAST_OF_FEW * layers.total:
        return None
    shades = layers.shade(grid)
    pairs = _best_pairs(layers, grid, shades)
    if not len(pairs):
        return None
    pair = _settle(layers, grid[pairs[:1]])[0]
    two = _fit(layers, pair)
    if two is not None and two.rms_levels <= TWO_RMS_LEVELS:
        return two
    triples = _best_triples(layers.lifted(pair), grid, shades, pairs)
    three = _fit(layers, _best_of(layers, triples))
    if three is None or (two is not None and three.rms_levels > THIRD_GAIN * two.rms_levels):
        return two
    return three


def _best_of(layers: Layers, sets: Shapes) -> Shapes:
    """Move sets of shapes downhill; return the one that ends lowest."""
    found = _settle(layers, sets)
    lifted = [layers.lifted(shapes) for shapes in found]
    return np.asarray(found[costs_of(lifted, found, np.arange(len(found))).argmin()])


def _settle(layers: Layers, sets: Shapes) -> Shapes:
    """Move sets of shapes and put back what blending them drops until both agree."""
    sets, unsettled = sets.copy(), np.arange(len(sets))
    for _ in range(TURNS):
        before = sets[unsettled]
        moved = descend([layers.lifted(shapes) for shapes in before], before)
        sets[unsettled] = moved
        unsettled = unsettled[(moved != before).any(axis=(1, 2))]
        if not len(unsettled):
            break
    return sets


def _best_pairs(layers: Layers, grid: Shapes, shades: Floats) -> NDArray[np.int64]:
    """Return which two shapes of a grid explain most, (n, 2), best first; none if not enough."""
    products, sums = np.asarray(shades @ shades.T), np.asarray(shades @ layers.levels)
    own = np.maximum(products[np.arange(len(grid)), np.arange(len(grid))], NO_SHADE)
    alone = layers.alone(shades)
    if alone < LEAST_ALONE * layers.total:
        return np.zeros((0, 2), np.int64)
    spread = np.maximum(own[:, None] * own - products**2, NO_SHADE)
    first = sums[:, None] * own - sums * products
    explained = (first * sums[:, None] + first.T * sums) / spread
    both = (first > 0) & (first.T > 0) & (spread > LEAST_ANGLE * own[:, None] * own)
    prices = layers.prices(grid)
    explained = np.triu(np.where(both, explained - prices[:, None] - prices, 0))
    best = _largest(explained.ravel(), PAIRS * APART)[::APART]
    if explained.flat[best[0]] < max(LEAST_TOGETHER * layers.total, alone):
        return np.zeros((0, 2), np.int64)
    return np.stack(np.unravel_index(best, explained.shape), axis=1)


def _best_triples(
    layers: Layers, grid: Shapes, shades: Floats, pairs: NDArray[np.int64]
) -> Shapes:
    """Return the best sets (m, 3, 4) of a pair of shapes and one more."""
    products, sums = shades @ shades.T, shades @ layers.levels
    lengths = np.sqrt(np.diag(products)) + NO_SHADE
    explained = explained_with(products / (lengths[:, None] * lengths), sums / lengths, pairs)
    prices = layers.prices(grid)
    explained -= prices[pairs].sum(axis=1)[:, None] + prices
    best = _largest(explained.ravel(), TRIPLES * TRIPLES_APART)[::TRIPLES_APART]
    pair, third = np.unravel_index(best, explained.shape)
    return grid[np.column_stack([pairs[pair], third])]


def _largest(values: Floats, count: int) -> NDArray[np.intp]:
    """Return where the largest values (n,) are, so many or all, the largest first."""
    count = min(count, len(values))
    some = np.argpartition(values, -count)[-count:]
    return np.asarray(some[np.argsort(-values[some], kind="stable")], np.intp)


def _fit(layers: Layers, shapes: Shapes) -> LayersFit | None:
    """Return the fit of shapes in color; None where they are no layers of one shadow."""
    if (shapes[:, Y] > 0).any() and (shapes[:, Y] < 0).any():
        return None  # one light throws all shadows to one side
    shades, depths = layers.shade(shapes), layers.lifted(shapes).depths
    full = np.asarray(np.linalg.lstsq(shades.T, depths, rcond=None)[0], np.float64)
    if (shades.max(axis=1) * np.abs(full).max(axis=1)).min() < MIN_LEVELS:
        return None
    rest = depths - shades.T @ full
    return LayersFit(shapes, full, float(np.sqrt((rest**2).mean())))
