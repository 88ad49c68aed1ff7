"""The clear space around everything, from ink to ink: what the pixels show and nothing more.

Distances (``distances``) say what a layout keeps between boxes and line boxes, where the page
shows these. Clearances ask nothing: every element and every line of text keeps them to the next
one, and to its parent's edge where nothing lies between. A value that was meant shows itself in
them again and again; a text's own share of them (its leading, its ragged end) does not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.siblings import Siblings, face_each_other

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Boxes may overlap by antialiasing, and ends this close are level, in device pixels.
OVERLAP_PX = 0.5
LEVEL_PX = 1.0


@dataclass(frozen=True, slots=True)
class Clearances:
    """Clear stretches of one page.

    ``px`` are their lengths in CSS pixels, shape (n,). ``gaps`` tells which lie between siblings
    rather than before their parent's edge. ``stretches`` are left, top, right, bottom in device
    pixels, shape (n, 4).
    """

    px: Floats
    gaps: Bools
    stretches: Floats


def find_clearances(groups: Sequence[Siblings]) -> Clearances:
    """Return every clearance of a page, in no order; overlaps have none."""
    parts = [part for group in groups for axis in (0, 1) for part in _along(group, axis)]
    if not parts:
        return Clearances(np.empty(0), np.empty(0, bool), np.empty((0, 4)))
    px, gaps, stretches = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Clearances(px, gaps, stretches)


# Lengths, which are gaps, stretches.
_Part = tuple[Floats, Bools, Floats]


def _along(group: Siblings, axis: int) -> Iterator[_Part]:
    """Measure along an axis (0 sideways, 1 upright) between siblings and to their parent."""
    ink = group.ink
    low, high = ink[:, axis], ink[:, axis + 2]
    if len(ink) == 1:
        yield _to_parent(group, np.zeros(2, np.intp), axis, np.array([axis, axis + 2]))
        return
    facing = face_each_other(ink[:, 1 - axis], ink[:, 3 - axis])
    ahead = np.where(facing & (low - high[:, None] >= -OVERLAP_PX), low, np.inf)
    nearest = ahead.argmin(axis=1)
    followed = np.flatnonzero(np.isfinite(ahead.min(axis=1)))
    yield _gaps(group, followed, nearest[followed], axis)
    first = ~(facing & (low < low[:, None] - LEVEL_PX)).any(axis=1)
    last = ~(facing & (high > high[:, None] + LEVEL_PX)).any(axis=1)
    before, after = np.flatnonzero(first), np.flatnonzero(last)
    sides = np.repeat([axis, axis + 2], [len(before), len(after)])
    yield _to_parent(group, np.concatenate([before, after]), axis, sides)


def _gaps(group: Siblings, at: NDArray[np.intp], to: NDArray[np.intp], axis: int) -> _Part:
    """Describe the gaps from some siblings to the next ones."""
    one, other = group.ink[at], group.ink[to]
    across = 1 - axis
    stretches = np.empty((len(at), 4))
    stretches[:, axis], stretches[:, axis + 2] = one[:, axis + 2], other[:, axis]
    stretches[:, across] = np.maximum(one[:, across], other[:, across])
    stretches[:, across + 2] = np.minimum(one[:, across + 2], other[:, across + 2])
    px = (stretches[:, axis + 2] - stretches[:, axis]) / group.dpr
    return px, np.ones(len(at), np.bool_), stretches


def _to_parent(group: Siblings, at: NDArray[np.intp], axis: int, sides: NDArray[np.intp]) -> _Part:
    """Describe what is clear between siblings and an edge of their parent each (l, t, r, b)."""
    stretches, every = group.ink[at], np.arange(len(at))
    stretches[every, (sides + 2) % 4] = stretches[every, sides]
    stretches[every, sides] = group.inner[sides]
    px = (stretches[:, axis + 2] - stretches[:, axis]) / group.dpr
    return px, np.zeros(len(at), np.bool_), stretches
