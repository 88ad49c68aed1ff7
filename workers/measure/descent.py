"""Several shadow shapes moved together until they explain what is seen best.

Shapes are whole numbers and what each of them takes off follows by least squares, so a step is one
of damped Gauss-Newton, rounded, or one number changed by one. A spread has its price: a wide
shadow drawn in looks much like a narrower one, and the plainer is the likelier.
"""

from collections.abc import Sequence

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
LEAST_SPREAD, MOST_SPREAD, FARTHEST = -0.65, 0.35, 1.0
# What blending one layer drops on average, in levels: it keeps whole ones.
LOST_LEVELS = 0.5
# On darker grounds, in levels, what is dropped goes either way.
LIGHT_LEVELS = 192
# A sharper layer is a ring or a border.
LEAST_BLUR_PX = 1.5
# Down, blur and spread by one each, and how steps are damped, as parts of the slope's own square.
MOVES: Shapes = np.eye(4, dtype=np.int64)[[1, 2, 3]]
NUMBERS = len(MOVES)
# A wider shadow that is drawn in ends where it did.
DRAWN_IN: Shapes = np.array([[0, 0, 1, -1], [0, 0, 2, -1], [0, 0, 2, -2], [0, 0, 3, -2]])
NEAR = np.concatenate([MOVES, -MOVES, DRAWN_IN, -DRAWN_IN])
# Tells shapes apart: no number of one is as large.
KEY: Shapes = np.array([1 << 36, 1 << 24, 1 << 12, 1])
DAMPINGS: Floats = np.array([0.001, 0.03, 0.3, 3.0])
MAX_ROUNDS = 20
# A spread as large as the blur must explain so many times what rounding leaves.
PRICE = 3.0
# Shapes that shade alike to this part are one.
LEAST_ANGLE = 1e-3


class Layers:
    """What is seen beside an element as one number a sample, to be explained by layers.

    Args:
        samples: what is seen.
        drops: whether blending drops fractions of a level.
        lost: levels that it has dropped at each sample, shape (samples,), as far as is known.
    """

    def __init__(self, samples: Samples, *, drops: bool, lost: Floats | float = 0.0) -> None:
        self.samples = samples
        self._drops = drops
        # What shapes shade, by their keys: a descent comes by most of them again.
        self._known: dict[int, Floats] = {}
        lost = np.broadcast_to(np.asarray(lost, np.float64), len(samples.depths))
        self.depths: Floats = samples.depths.astype(np.float64) + lost[:, None]
        # All channels fade alike: one number a sample is enough to search by.
        self._tint = np.linalg.svd(self.depths, full_matrices=False)[2][0]
        levels = np.asarray(self.depths @ self._tint, np.float64)
        self.levels: Floats = levels * np.sign(levels.sum())
        self.total = float(self.levels @ self.levels)

    def lifted(self, shapes: Shapes) -> "Layers":
        """Return the same with what blending layers of these shapes (layers, 4) has dropped."""
        if not self._drops:
            return self
        shade = self.shade(shapes)
        full = np.linalg.lstsq(shade.T, self.levels, rcond=None)[0]
        levels = full[:, None] * shade / max(float(np.abs(self._tint).sum()), NO_SHADE)
        lost = LOST_LEVELS * np.clip(levels, 0, 1).sum(axis=0)
        lifted = Layers(self.samples, drops=True, lost=lost)
        lifted._known = self._known
        return lifted

    def shade(self, shapes: Shapes) -> Floats:
        """Return what shapes (..., 4) shade, shape (..., samples)."""
        shade = np.array(self._rows_of(shapes.reshape(-1, 4)))
        return shade.reshape(*shapes.shape[:-1], -1)

    def _rows_of(self, shapes: Shapes) -> list[Floats]:
        """Return what shapes (m, 4) shade, each of shape (samples,)."""
        keys = (shapes @ KEY).tolist()
        new = {key: index for index, key in enumerate(keys) if key not in self._known}
        if new:
            shade = self.samples.shade(shapes[list(new.values())])
            self._known.update(zip(new, shade.astype(np.float64), strict=True))
        return [self._known[key] for key in keys]

    def prices(self, shapes: Shapes) -> Floats:
        """Return the squared levels that spreads of shapes (..., 4) must explain, shape (...)."""
        parts = shapes[..., SPREAD] / (HALVES * BLURS_PX[shapes[..., BLUR]])
        return np.asarray(PRICE * len(self.levels) * ENOUGH_RMS_LEVELS**2 * parts**2)

    def alone(self, shades: Floats) -> float:
        """Return the squared levels that the best of some shades (m, samples) explains alone."""
        own = np.einsum("ms,ms->m", shades, shades)
        return float(((shades @ self.levels) ** 2 / np.maximum(own, NO_SHADE)).max())


def costs_of(views: Sequence[Layers], sets: Shapes, of: NDArray[np.intp]) -> Floats:
    """Return the squared levels that sets of shapes leave, and their price, shape (m,).

    Args:
        views: the same samples, with what was put back for different shapes.
        sets: shape (m, layers, 4).
        of: the view in which each is judged, shape (m,).
    """
    _, first, each = np.unique(sets @ KEY, return_index=True, return_inverse=True)
    shades = views[0].shade(sets.reshape(-1, 4)[first])
    products = (shades @ shades.T)[each[:, :, None], each[:, None]]
    sums = np.stack([shades @ view.levels for view in views])[of[:, None], each]
    totals = np.array([view.total for view in views])[of]
    return np.asarray(totals - explained_by(products, sums) + views[0].prices(sets).sum(axis=1))


def descend(views: Sequence[Layers], sets: Shapes) -> Shapes:
    """Move sets of shapes (n, layers, 4) downhill, each in its own view, until none gets lower.

    All go in step: each step is many sums too small to be taken one by one.
    """
    sets, going = sets.copy(), np.arange(len(sets))
    costs = costs_of(views, sets, going)
    for _ in range(MAX_ROUNDS):
        seen = [views[at] for at in going.tolist()]
        tried = _steps_of(seen, sets[going])
        found = np.full(tried.shape[:2], np.inf)
        plausible = _are_plausible(tried)
        if plausible.any():
            found[plausible] = costs_of(seen, tried[plausible], np.nonzero(plausible)[0])
        best = found.argmin(axis=1)
        least = found[np.arange(len(going)), best]
        lower = np.flatnonzero(least < costs[going])
        going = going[lower]
        if not len(going):
            break
        sets[going], costs[going] = tried[lower, best[lower]], least[lower]
    return sets


def _steps_of(views: Sequence[Layers], sets: Shapes) -> Shapes:
    """Return where damped and single steps lead each of n sets, shape (n, m, layers, 4)."""
    normal, downhill = _slopes_of(views, sets)
    scale = np.eye(normal.shape[1]) * (np.einsum("nkk->nk", normal) + NO_SHADE)[:, None]
    damped = normal[:, None] + DAMPINGS[:, None, None] * scale[:, None]
    steps = np.linalg.solve(damped, downhill[:, None, :, None])[..., 0]
    count, layers, _ = sets.shape
    steps = steps[..., : layers * NUMBERS].reshape(count, len(DAMPINGS), layers, NUMBERS)
    together = sets[:, None] + np.rint(steps @ MOVES).astype(np.int64)
    alone = (np.eye(layers, dtype=np.int64)[:, None, :, None] * NEAR[:, None]).reshape(
        -1, layers, 4
    )
    return np.concatenate([together, sets[:, None] + alone], axis=1)


def _slopes_of(views: Sequence[Layers], sets: Shapes) -> tuple[Floats, Floats]:
    """Return the normal equations of n sets, shapes (n, k, k) and (n, k).

    The unknowns are by how much each number of each layer changes, and then the layers' depths.
    """
    # Not all are needed here, but tried next: they are looked up at once.
    near = sets[:, :, None] + NEAR
    near[..., BLUR] = np.clip(near[..., BLUR], 0, FAMILY - 1)
    own, around = views[0].shade(sets), views[0].shade(near)
    rise = around[:, :, :NUMBERS] - around[:, :, NUMBERS : 2 * NUMBERS]
    levels = np.stack([view.levels for view in views])
    pairs = zip(own, levels, strict=True)
    full = np.stack([np.linalg.lstsq(shade.T, one, rcond=None)[0] for shade, one in pairs])
    slopes = full[..., None, None] * rise / 2
    jacobian = np.concatenate([slopes.reshape(len(sets), -1, own.shape[2]), own], axis=1)
    normal = jacobian @ jacobian.swapaxes(1, 2)
    downhill = (jacobian @ (levels[:, None] - full[:, None] @ own).swapaxes(1, 2))[..., 0]
    least = (ENOUGH_RMS_LEVELS / (HALVES * BLURS_PX[sets[..., BLUR]])) ** 2
    price = PRICE * levels.shape[1] * least
    spreads = NUMBERS * np.arange(1, sets.shape[1] + 1) - 1
    normal[:, spreads, spreads] += price
    downhill[:, spreads] -= price * sets[..., SPREAD]
    return normal, downhill


def explained_by(products: Floats, sums: Floats) -> Floats:
    """Return the squared levels that sets of shades explain.

    Args:
        products: of the shades of m sets with each other, shape (m, layers, layers).
        sums: of each shade with the levels seen, shape (m, layers).

    Returns:
        Shape (m,); 0 where a layer takes off less than nothing or repeats another.
    """
    lengths = np.sqrt(np.einsum("mll->ml", products)) + NO_SHADE
    products, sums = products / (lengths[:, None] * lengths[..., None]), sums / lengths
    apart = np.linalg.det(products) > LEAST_ANGLE ** (lengths.shape[1] - 1)
    products[~apart] = np.eye(lengths.shape[1])
    full = np.linalg.solve(products, sums[..., None])[..., 0]
    gain = np.einsum("ml,ml->m", full, sums)
    return np.asarray(np.where(apart & (full > 0).all(axis=1), gain, 0.0))


def explained_with(products: Floats, sums: Floats, pairs: NDArray[np.int64]) -> Floats:
    """Return the squared levels that each pair of shades explains with each one as a third.

    The third explains of what the pair leaves as much as it has of its own (Schur complement).

    Args:
        products: of shades of length one with each other, shape (m, m).
        sums: of each with the levels seen, shape (m,).
        pairs: which two, shape (n, 2).

    Returns:
        Shape (n, m), 0 as in ``explained_by``.
    """
    first, second = pairs.T
    alike = products[first, second][:, None]
    apart = np.maximum(1 - alike**2, NO_SHADE)
    to_first, to_second = products[first], products[second]
    one, other = sums[first][:, None], sums[second][:, None]
    share_first = (to_first - alike * to_second) / apart
    share_second = (to_second - alike * to_first) / apart
    own = 1 - to_first * share_first - to_second * share_second
    kept = apart * own > LEAST_ANGLE**2
    third = (sums - one * share_first - other * share_second) / np.where(kept, own, 1)
    full_first, full_second = (one - alike * other) / apart, (other - alike * one) / apart
    kept &= (third > 0) & (full_first > share_first * third) & (full_second > share_second * third)
    return np.where(kept, full_first * one + full_second * other + third**2 * own, 0)


def _are_plausible(sets: Shapes) -> NDArray[np.bool_]:
    """Tell which sets of shapes (..., layers, 4) may be layers of one shadow, shape (...)."""
    y, number, spread = (sets[..., index] for index in (1, 2, 3))
    blur = HALVES * BLURS_PX.take(number, mode="clip")
    kept = (number >= 0) & (number < FAMILY) & (blur >= HALVES * LEAST_BLUR_PX)
    kept &= (spread >= LEAST_SPREAD * blur) & (spread <= MOST_SPREAD * blur + HALVES)
    kept &= np.abs(y) <= FARTHEST * blur + HALVES
    # One light throws all shadows to one side.
    aside = (y >= 0).all(axis=-1) | (y <= 0).all(axis=-1)
    return np.asarray(kept.all(axis=-1) & aside)
