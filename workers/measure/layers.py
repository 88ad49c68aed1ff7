"""Two layers of one ``box-shadow``, where one shape does not explain what is seen.

The depths beside a box are the sum of what its layers shade. For a coarse grid of shapes the best
two follow from the products of all with all; both are then moved in ever smaller steps.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from workers.measure.blur import BLURS_PX, FAMILY, HALVES
from workers.measure.penumbra import Penumbra
from workers.measure.shade import (
    BLUR,
    ENOUGH_RMS_LEVELS,
    NO_SHADE,
    SPREAD,
    Floats,
    Samples,
    Shapes,
    Y,
    blurs_within_reach,
)

# Offsets and spreads to start from, as parts of the blur.
OFFSETS = (0.0, 0.25, 0.5, 0.75, 1.0)
SPREADS = (0.0, -0.25, -0.5)
# A layer's blur lies between these parts of how far both reach.
LEAST_REACH, MOST_REACH = 0.08, 1.8
# No layer is drawn in or out by more, as a part of its blur, nor moved farther down.
LEAST_SPREAD, MOST_SPREAD, FARTHEST = -0.65, 0.35, 1.5
# A sharper layer is a ring or a border.
LEAST_BLUR_PX = 1.5
# A layer that adds no more levels than this where it is strongest is an excuse of the other's.
MIN_LEVELS = 2.0
# The best shape of the grid alone, and the best two, explain these parts of what is seen.
LEAST_ALONE, LEAST_TOGETHER = 0.85, 0.98
# Down, blur and spread by one each, and how steps are damped, as parts of the slope's own square.
MOVES: Shapes = np.eye(4, dtype=np.int64)[[1, 2, 3]]
DAMPINGS = (0.001, 0.03, 0.3, 3.0)
MAX_ROUNDS = 20
# Two shapes that shade alike to this part are one.
LEAST_ANGLE = 1e-3


@dataclass(frozen=True, slots=True)
class LayersFit:
    """Two shapes (2, 4), what each takes off where it is full (2, 3), and what both leave."""

    shapes: Shapes
    depths: Floats
    rms_levels: float


def fit_layers(seen: Penumbra) -> LayersFit | None:
    """Find the two layers that together leave the least; None where no two have one color."""
    samples = Samples(seen)
    # All channels fade alike: one number a sample is enough to search by.
    tint = np.linalg.svd(samples.depths, full_matrices=False)[2][0]
    levels = np.asarray(samples.depths @ tint)
    levels *= np.sign(levels.sum())
    grid = _grid(seen)
    shades = np.asarray(samples.shade(grid), np.float64)
    products, sums = np.asarray(shades @ shades.T), np.asarray(shades @ levels)
    total = float(levels @ levels)
    own = products[np.arange(len(grid)), np.arange(len(grid))]
    alone = float((sums**2 / np.maximum(own, NO_SHADE)).max())
    if alone < LEAST_ALONE * total:
        return None
    prices = _prices(grid, len(levels))
    explained = _explained(own[:, None], own, products, sums[:, None], sums)
    explained -= prices[:, None] + prices
    best = np.unravel_index(int(np.argmax(explained)), explained.shape)
    together = float(explained[best])
    if together < max(LEAST_TOGETHER * total, alone):
        return None
    shapes = _refine(samples, levels, grid[list(best)])
    shades = np.asarray(samples.shade(shapes), np.float64)
    depths = np.linalg.lstsq(shades.T, samples.depths.astype(np.float64), rcond=None)[0]
    if shapes[0, Y] * shapes[1, Y] < 0:
        return None  # one light throws all shadows to one side
    seen_levels = shades.max(axis=1) * np.abs(depths).max(axis=1)
    if seen_levels.min() < MIN_LEVELS:
        return None
    rest = samples.depths - shades.T @ depths
    return LayersFit(shapes, np.asarray(depths, np.float64), float(np.sqrt((rest**2).mean())))


def _grid(seen: Penumbra) -> Shapes:
    shapes = [
        (0, round(HALVES * down * blur), index, round(HALVES * out * blur))
        for index, blur in blurs_within_reach(seen, LEAST_REACH, MOST_REACH)
        for down, out in product(OFFSETS, SPREADS)
    ]
    return np.array(shapes)


def _prices(shapes: Shapes, samples: int) -> Floats:
    """Return the squared levels that spreads must explain to be believed, shape (m,)."""
    parts = shapes[:, SPREAD] / (HALVES * BLURS_PX[shapes[:, BLUR]])
    return np.asarray(samples * ENOUGH_RMS_LEVELS**2 * parts**2)


def _explained(one: Floats, two: Floats, both: Floats, to_one: Floats, to_two: Floats) -> Floats:
    """Return how much of the squared levels pairs of shades explain, 0 where one is negative.

    Args:
        one: the squared length of the first shade of each pair.
        two: of the second.
        both: their product.
        to_one: the product of the first and the levels.
        to_two: of the second and the levels.
    """
    spread = np.maximum(one * two - both**2, NO_SHADE)
    first, second = to_one * two - to_two * both, to_two * one - to_one * both
    apart = spread > LEAST_ANGLE * one * two
    gain = (first * to_one + second * to_two) / spread
    return np.asarray(np.where(apart & (first > 0) & (second > 0), gain, 0.0))


def _refine(samples: Samples, levels: Floats, shapes: Shapes) -> Shapes:
    """Move both layers downhill together, by damped Gauss-Newton steps on whole numbers."""
    best, cost = shapes, _costs_of(samples, levels, shapes[None])[0]
    for _ in range(MAX_ROUNDS):
        tried = _steps(samples, levels, best)
        tried = tried[_are_plausible(tried.reshape(-1, 4)).reshape(-1, 2).all(axis=1)]
        costs = _costs_of(samples, levels, tried)
        if not len(tried) or costs.min() >= cost:
            break
        best, cost = tried[int(np.argmin(costs))], costs.min()
    return best


def _steps(samples: Samples, levels: Floats, shapes: Shapes) -> Shapes:
    """Return where damped and single steps lead from a pair (2, 4), shape (m, 2, 4)."""
    moved = np.concatenate([shapes[:, None] + sign * MOVES for sign in (1, -1)], axis=1)
    moved[..., BLUR] = np.clip(moved[..., BLUR], 0, FAMILY - 1)
    shade = np.asarray(samples.shade(np.concatenate([shapes, moved.reshape(-1, 4)])), np.float64)
    own, around = shade[:2], shade[2:].reshape(2, 2, len(MOVES), -1)
    full = np.linalg.lstsq(own.T, levels, rcond=None)[0]
    slopes = full[:, None, None] * (around[:, 0] - around[:, 1]) / 2
    jacobian = np.concatenate([slopes.reshape(2 * len(MOVES), -1), own]).T
    normal, downhill = jacobian.T @ jacobian, jacobian.T @ (levels - full @ own)
    # The price of a spread pulls it back to none.
    price = len(levels) * (ENOUGH_RMS_LEVELS / (HALVES * BLURS_PX[shapes[:, BLUR]])) ** 2
    spreads = [len(MOVES) - 1, 2 * len(MOVES) - 1]
    normal[spreads, spreads] += price
    downhill[spreads] -= price * shapes[:, SPREAD]
    scale = np.diag(np.diag(normal) + NO_SHADE)
    found = []
    for damping in DAMPINGS:
        step = np.linalg.solve(normal + damping * scale, downhill)[: 2 * len(MOVES)]
        found.append(shapes + np.rint(step.reshape(2, -1) @ MOVES).astype(np.int64))
    singles = np.concatenate([MOVES, -MOVES])
    for layer in (0, 1):
        near = np.repeat(shapes[None], len(singles), axis=0)
        near[:, layer] += singles
        found += list(near)
    return np.array(found)


def _costs_of(samples: Samples, levels: Floats, pairs: Shapes) -> Floats:
    """Return the squared levels that pairs of shapes (m, 2, 4) leave, and the price of spreads."""
    shade = np.asarray(samples.shade(pairs.reshape(-1, 4)), np.float64)
    first, second = shade[::2], shade[1::2]
    explained = _explained(
        np.einsum("ms,ms->m", first, first),
        np.einsum("ms,ms->m", second, second),
        np.einsum("ms,ms->m", first, second),
        first @ levels,
        second @ levels,
    )
    prices = _prices(pairs.reshape(-1, 4), len(levels)).reshape(-1, 2).sum(axis=1)
    return np.asarray(float(levels @ levels) - explained + prices)


def _are_plausible(shapes: Shapes) -> NDArray[np.bool_]:
    _, y, number, spread = shapes.T
    blur = HALVES * BLURS_PX[np.clip(number, 0, len(BLURS_PX) - 1)]
    tabled = (number >= 0) & (number < FAMILY)
    soft = (spread >= LEAST_SPREAD * blur) & (spread <= MOST_SPREAD * blur + HALVES)
    return np.asarray(
        tabled & soft & (np.abs(y) <= FARTHEST * blur) & (blur >= HALVES * LEAST_BLUR_PX)
    )
