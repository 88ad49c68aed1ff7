"""Several shadow shapes moved together until they explain what is seen best.

Shapes are whole numbers and what each of them takes off follows by least squares, so a step is one
of damped Gauss-Newton, rounded, or one number changed by one. A spread has its price: a wide
shadow drawn in looks much like a narrower one, and the plainer is the likelier.
"""

import numpy as np
from numpy.typing import NDArray

from workers.measure.blur import BLURS_PX, FAMILY, HALVES
from workers.measure.shade import (
    BLUR,
    ENOUGH_RMS_LEVELS,
    NO_SHADE,
    SPREAD,
    Floats,
    Samples,
    Shapes,
)

# No layer is drawn in or out by more, as a part of its blur, nor moved farther down.
LEAST_SPREAD, MOST_SPREAD, FARTHEST = -0.65, 0.35, 1.5
# A sharper layer is a ring or a border.
LEAST_BLUR_PX = 1.5
# Down, blur and spread by one each, and how steps are damped, as parts of the slope's own square.
MOVES: Shapes = np.eye(4, dtype=np.int64)[[1, 2, 3]]
NUMBERS = len(MOVES)
# A wider shadow that is drawn in ends where it did.
DRAWN_IN: Shapes = np.array([[0, 0, 1, -1], [0, 0, 2, -1], [0, 0, 2, -2], [0, 0, 3, -2]])
NEAR = np.concatenate([MOVES, -MOVES, DRAWN_IN, -DRAWN_IN])
DAMPINGS = (0.001, 0.03, 0.3, 3.0)
MAX_ROUNDS = 20
# A spread as large as the blur must explain so many times what rounding leaves.
PRICE = 3.0
# Shapes that shade alike to this part are one.
LEAST_ANGLE = 1e-3


class Layers:
    """What is seen beside an element as one number a sample, to be explained by layers."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        # All channels fade alike: one number a sample is enough to search by.
        tint = np.linalg.svd(samples.depths, full_matrices=False)[2][0]
        levels = np.asarray(samples.depths @ tint, np.float64)
        self.levels: Floats = levels * np.sign(levels.sum())
        self.total = float(self.levels @ self.levels)

    def shade(self, shapes: Shapes) -> Floats:
        """Return what shapes (..., 4) shade, shape (..., samples)."""
        shade = self.samples.shade(shapes.reshape(-1, 4))
        return np.asarray(shade.reshape(*shapes.shape[:-1], -1), np.float64)

    def prices(self, shapes: Shapes) -> Floats:
        """Return the squared levels that spreads of shapes (..., 4) must explain, shape (...)."""
        parts = shapes[..., SPREAD] / (HALVES * BLURS_PX[shapes[..., BLUR]])
        return np.asarray(PRICE * len(self.levels) * ENOUGH_RMS_LEVELS**2 * parts**2)

    def alone(self, shades: Floats) -> float:
        """Return the squared levels that the best of some shades (m, samples) explains alone."""
        own = np.einsum("ms,ms->m", shades, shades)
        return float(((shades @ self.levels) ** 2 / np.maximum(own, NO_SHADE)).max())

    def explained(self, shades: Floats) -> Floats:
        """Return the squared levels that sets of shades explain, less where one would lighten.

        Args:
            shades: of m sets, shape (m, layers, samples).

        Returns:
            Shape (m,); 0 where a layer takes off less than nothing or repeats another.
        """
        lengths = np.sqrt(np.einsum("mls,mls->ml", shades, shades)) + NO_SHADE
        shades = shades / lengths[..., None]
        products, sums = shades @ shades.swapaxes(1, 2), shades @ self.levels
        apart = np.linalg.det(products) > LEAST_ANGLE ** (shades.shape[1] - 1)
        products[~apart] = np.eye(shades.shape[1])
        full = np.linalg.solve(products, sums[..., None])[..., 0]
        gain = np.einsum("ml,ml->m", full, sums)
        return np.asarray(np.where(apart & (full > 0).all(axis=1), gain, 0.0))

    def costs(self, sets: Shapes) -> Floats:
        """Return the squared levels that sets of shapes (m, layers, 4) leave, and their price."""
        return np.asarray(
            self.total - self.explained(self.shade(sets)) + self.prices(sets).sum(axis=1)
        )

    def refine(self, shapes: Shapes) -> Shapes:
        """Move shapes (layers, 4) downhill; return where that ends."""
        cost = float(self.costs(shapes[None])[0])
        for _ in range(MAX_ROUNDS):
            tried = self._steps(shapes)
            tried = tried[_are_plausible(tried).all(axis=1)]
            if not len(tried):
                break
            costs = self.costs(tried)
            if costs.min() >= cost:
                break
            shapes, cost = tried[int(np.argmin(costs))], float(costs.min())
        return shapes

    def _steps(self, shapes: Shapes) -> Shapes:
        """Return where damped and single steps lead, shape (m, layers, 4)."""
        moved = shapes[:, None, None] + np.stack([MOVES, -MOVES])
        moved[..., BLUR] = np.clip(moved[..., BLUR], 0, FAMILY - 1)
        own, around = self.shade(shapes), self.shade(moved)
        full = np.linalg.lstsq(own.T, self.levels, rcond=None)[0]
        slopes = full[:, None, None] * (around[:, 0] - around[:, 1]) / 2
        jacobian = np.concatenate([slopes.reshape(-1, len(self.levels)), own])
        normal = jacobian @ jacobian.T
        downhill = jacobian @ (self.levels - full @ own)
        price = (
            PRICE
            * len(self.levels)
            * (ENOUGH_RMS_LEVELS / (HALVES * BLURS_PX[shapes[:, BLUR]])) ** 2
        )
        spreads = NUMBERS * np.arange(1, len(shapes) + 1) - 1
        normal[spreads, spreads] += price
        downhill[spreads] -= price * shapes[:, SPREAD]
        scale = np.diag(np.diag(normal) + NO_SHADE)
        found = []
        for damping in DAMPINGS:
            step = np.linalg.solve(normal + damping * scale, downhill)[: slopes[..., 0].size]
            found.append(np.rint(step.reshape(-1, NUMBERS) @ MOVES).astype(np.int64))
        for layer in range(len(shapes)):
            for move in NEAR:
                one = np.zeros_like(shapes)
                one[layer] = move
                found.append(one)
        return shapes + np.array(found)


def _are_plausible(shapes: Shapes) -> NDArray[np.bool_]:
    """Tell which shapes (..., 4) a layer may have."""
    y, number, spread = (shapes[..., index] for index in (1, 2, 3))
    blur = HALVES * BLURS_PX[np.clip(number, 0, len(BLURS_PX) - 1)]
    tabled = (number >= 0) & (number < FAMILY)
    soft = (spread >= LEAST_SPREAD * blur) & (spread <= MOST_SPREAD * blur + HALVES)
    near = (np.abs(y) <= FARTHEST * blur) & (blur >= HALVES * LEAST_BLUR_PX)
    return np.asarray(tabled & soft & near)
