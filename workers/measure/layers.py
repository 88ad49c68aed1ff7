"""Two layers of one ``box-shadow``, where one shape does not explain what is seen.

The depths beside a box are the sum of what its layers shade. For a coarse grid of shapes the best
two follow from the products of all with all; both are then moved downhill together. Three and
more are not told apart: each is blended in whole levels, which leaves more than they differ by.
"""

from dataclasses import dataclass

import numpy as np

from workers.measure.descent import LEAST_ANGLE, Layers
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


@dataclass(frozen=True, slots=True)
class LayersFit:
    """Two shapes (2, 4), what each takes off where it is full (2, 3), and what both leave."""

    shapes: Shapes
    depths: Floats
    rms_levels: float


def fit_layers(seen: Penumbra) -> LayersFit | None:
    """Find the two layers that together leave the least; None where no two have one color."""
    layers = Layers(Samples(seen))
    grid = grid_of(layers.samples.reach, (LEAST_REACH, MOST_REACH), OFFSETS, SPREADS)
    if layers.alone(layers.shade(grid[::FEW])) < LEAST_OF_FEW * layers.total:
        return None
    shades = layers.shade(grid)
    pair = _best_pair(layers, grid, shades)
    if pair is None:
        return None
    return _fit(layers, layers.refine(pair))


def _best_pair(layers: Layers, grid: Shapes, shades: Floats) -> Shapes | None:
    """Return the two shapes of a grid that explain most; None where that is not enough."""
    products, sums = np.asarray(shades @ shades.T), np.asarray(shades @ layers.levels)
    own = np.maximum(products[np.arange(len(grid)), np.arange(len(grid))], NO_SHADE)
    alone = layers.alone(shades)
    if alone < LEAST_ALONE * layers.total:
        return None
    spread = np.maximum(own[:, None] * own - products**2, NO_SHADE)
    first = sums[:, None] * own - sums * products
    explained = (first * sums[:, None] + first.T * sums) / spread
    both = (first > 0) & (first.T > 0) & (spread > LEAST_ANGLE * own[:, None] * own)
    prices = layers.prices(grid)
    explained = np.where(both, explained - prices[:, None] - prices, 0)
    best = np.unravel_index(int(np.argmax(explained)), explained.shape)
    if explained[best] < max(LEAST_TOGETHER * layers.total, alone):
        return None
    return grid[list(best)]


def _fit(layers: Layers, shapes: Shapes) -> LayersFit | None:
    """Return the fit of shapes in color; None where they are no layers of one shadow."""
    if (shapes[:, Y] > 0).any() and (shapes[:, Y] < 0).any():
        return None  # one light throws all shadows to one side
    shades, depths = layers.shade(shapes), layers.samples.depths.astype(np.float64)
    full = np.asarray(np.linalg.lstsq(shades.T, depths, rcond=None)[0], np.float64)
    if (shades.max(axis=1) * np.abs(full).max(axis=1)).min() < MIN_LEVELS:
        return None
    rest = depths - shades.T @ full
    return LayersFit(shapes, full, float(np.sqrt((rest**2).mean())))
