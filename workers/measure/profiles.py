"""Colors outward from one side of an element: where they are even, fade, and end on a ground."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Across a shadow parallel to the side colors vary by no more than this many levels.
EVEN_LEVELS = 2.0
EVEN_SHARE = 0.2
# Along a side longer than this, in pixels of a 1x image, a shadow is even.
STEADY_PX = 96
# Outward a shadow only fades; a rise by more levels is the next thing's.
RISE_LEVELS = 1.0
# Below this many levels a shadow has faded; so many pixels more show that it has.
FADED_LEVELS = 0.5
TAIL_PX = 8
OTHER_GROUND_LEVELS = 40.0
LASTING_SHARE = 0.9
# Where something ends a shadow before it has faded, so many levels may be missing.
NEARLY_LEVELS = 6.0
# A color that so many lines have is the ground; faint shadows change within fewer.
GROUND_PX = 7


def until_uneven(strip: NDArray[np.int16], length_px: float) -> Floats:
    """Return the median color of each line outward, up to the first that varies along the side.

    Args:
        strip: pixels beside a side, shape (outward, along, 3).
        length_px: how long the side is, in pixels of a 1x image.
    """
    if not len(strip):
        return np.zeros((0, 3))
    along = np.sort(strip, axis=1)
    fifth, middle = along.shape[1] // 5, along.shape[1] // 2
    colors = along[:, middle].astype(np.float64)
    size = np.abs(colors - colors[-1])
    # A small element's shadow is rounder: it may vary by a part of its depth.
    allowed = EVEN_LEVELS + EVEN_SHARE * size.max(axis=1)
    even = _first((along[:, -1 - fifth] - along[:, fifth]).max(axis=1) > allowed)
    if even < len(colors) and length_px <= STEADY_PX:
        along = np.sort(strip - _slopes(strip, size), axis=1)
        even = _first((along[:, -1 - fifth] - along[:, fifth]).max(axis=1) > allowed)
    return colors[:even]


def _slopes(strip: NDArray[np.int16], size: Floats) -> Floats:
    """Return what a shadow adds to each pixel because it slopes along the side too.

    Beside a small box that it is moved away from a shadow gets steadily stronger, by no more than
    its depth ``size``, shape (outward, 3).
    """
    along = strip.shape[1]
    half = max(1, along // 2)
    slope = _medians(strip[:, -half:]) - _medians(strip[:, :half])
    place = (np.arange(along) - (along - 1) / 2) / max(1, along - half)
    return np.asarray(np.clip(slope, -size, size)[:, None] * place[:, None])


def _medians(strip: NDArray[np.int16]) -> Floats:
    """Return the median of each line, which numpy's own takes five times as long for."""
    along = np.sort(strip, axis=1)
    return np.asarray((along[:, (along.shape[1] - 1) // 2] + along[:, along.shape[1] // 2]) / 2)


def leads_to(colors: Floats, ground: tuple[int, ...]) -> bool:
    """Tell whether colors outward end near the ground after coming nearer."""
    off = np.abs(colors[-1] - ground).max()
    return bool(off <= NEARLY_LEVELS and comes_nearer(colors, ground))


def comes_nearer(colors: Floats, ground: tuple[int, ...]) -> bool:
    """Tell whether colors outward end nearer to the ground than they begin."""
    off = np.abs(colors[[0, -1]] - ground).max(axis=1)
    return bool(off[1] < off[0])


def find_ground(colors: Floats, lasting: int = GROUND_PX) -> tuple[int, ...]:
    """Return the color that the most lines in a row have, () where none lasts."""
    changes = np.ones(len(colors) + 1, np.bool_)
    np.any(colors[1:] != colors[:-1], axis=1, out=changes[1:-1])
    starts = np.flatnonzero(changes)
    lengths = starts[1:] - starts[:-1]
    longest = int(np.argmax(lengths))
    if lengths[longest] < lasting:
        return ()
    return tuple(int(level) for level in colors[starts[longest]])


def fade(depth: Floats) -> Floats:
    """Cut depths where something else than a fading shadow begins."""
    size = np.abs(depth).max(axis=1)
    # Once beyond the ground's color it is another ground.
    turned = (depth @ depth[0] < 0) & (size > RISE_LEVELS)
    depth = depth[: _first(turned)]
    size = size[: len(depth)]
    depth = depth[: _first(size > np.minimum.accumulate(size) + RISE_LEVELS)]
    size = size[: len(depth)]
    if len(size) >= GROUND_PX and size[-1] >= max(FADED_LEVELS, LASTING_SHARE * size[0]):
        # What does not fade is another ground.
        return np.zeros((0, 3))
    if size.min(initial=0.0 if not len(size) else np.inf) > OTHER_GROUND_LEVELS:
        # No shadow is that deep where it ends.
        return np.zeros((0, 3))
    return depth[: _first(size < FADED_LEVELS) + TAIL_PX]


def _first(flags: NDArray[np.bool_]) -> int:
    """Return the index of the first flag set, the number of flags where none is."""
    return int(np.argmax(flags)) if flags.any() else len(flags)
