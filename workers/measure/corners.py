"""Corner radii, by drawing corners of known radius and seeing which one the pixels show.

A corner is drawn as a browser would: what lies outside, the border's color up to the outer arc,
the fill up to the inner one, each by the part of the pixel that it covers. The color outside is
fitted along, held near the pixel beyond the corner, because a shadow may lie there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box
from workers.measure.scene import Rgb

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Four = tuple[int, int, int, int]

# Corners are read in squares of these sides, the next larger where the arc fills the square:
# small ones first, since content may lie near. In each, radii are tried in steps of so many
# pixels; the best one is then refined between its neighbours.
PATCHES = ((8, 0.25), (16, 0.25), (32, 0.5), (64, 1.0))
# An arc wider than this part of its square wants a larger square, if the box has room for one.
PATCH_ROOM = 0.8
# A larger square would show a bar's other corners where it is wider than half the bar, so that an
# arc may almost fill the square before. Bars are so much longer than wide; circles are none.
BAR_ROOM, BAR_ASPECT = 0.95, 1.3
# Pixels further from both edges than this part of the square show what lies in the box.
EDGE_SHARE = 0.5
# Samples a pixel, each way, of the drawn circles.
SUPERSAMPLING = 8
# Pixels that the color beyond the corner counts for when the outside color is fitted.
OUTSIDE_WEIGHT = 1.0
# An arc leaves at most this part of the error that a square corner leaves.
ARC_ERROR_SHARE = 0.2
# A corner may be off by this many fully wrong pixels, per pixel of radius beyond one.
WRONG_PIXELS = 0.2
# Below this radius a corner counts as square.
SQUARE_RADIUS = 1.0
# The outermost pixel of a square corner shows the edge's color to within as many levels.
SQUARE_LEVELS = 1
# Codecs disturb an edge by this part of its step at most: weak edges stay almost clean.
NOISE_SHARE = 0.06
# The outside must differ from the shape by as many levels, or coverage means nothing.
MIN_CONTRAST = 3.0
# A corner whose radius is this near to half the shorter side makes a pill.
PILL_SLACK_PX = 1.2


@dataclass(frozen=True, slots=True)
class Outline:
    """A box whose corners are asked for: the outer box, and what it shows along its edge.

    ``fills`` and ``edges`` are packed colors at each corner, clockwise from the top left; without
    a border they are the same and ``border_px`` is 0.
    """

    box: Box
    fills: Four
    edges: Four
    border_px: int


@dataclass(frozen=True, slots=True)
class _Corners:
    """Each corner's pixel, the directions inward, half the box's shorter side, and its shape."""

    x: Indices
    y: Indices
    step_x: Indices
    step_y: Indices
    half: Indices
    is_bar: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Paints:
    """The colors (n, 3) along the boxes' edges and inside, their border, the image's noise.

    ``noise`` (n,) is in levels, ``step`` the distance between the radii tried, in pixels.
    """

    edge: Floats
    fill: Floats
    border_px: int
    noise: Floats
    step: float


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Drawn corners: the part of each pixel inside the outer and the inner outline, 0 to 1.

    Most pixels of a square look alike at every radius (those far inside, and each with its image
    over the diagonal), so ``outer`` and ``inner`` have the shape (radii, groups of like pixels).
    ``order`` lists the pixels that are judged group by group, ``starts`` tells where each group
    begins there, and ``counts`` (groups,) how many pixels it has.
    """

    outer: Floats
    inner: Floats
    order: Indices
    starts: Indices
    counts: Floats


def measure_corners(rgb: Rgb, outlines: Sequence[Outline], noise: float = 0) -> Floats:
    """Measure the radius of every corner of some boxes.

    Args:
        rgb: (height, width, 3) uint8.
        outlines: the boxes.
        noise: standard deviation of the pixels in levels, which no corner is blamed for.

    Returns:
        (n, 4) radii in pixels, clockwise from the top left; NaN where a corner is at the image's
        edge, hidden, or no arc.
    """
    radii = np.full((len(outlines), 4), np.nan, np.float32)
    by_border: dict[int, list[int]] = {}
    for index, outline in enumerate(outlines):
        by_border.setdefault(outline.border_px, []).append(index)
    for border_px, chosen in by_border.items():
        group = [outlines[index] for index in chosen]
        radii[chosen] = _measure_group(rgb, group, border_px, noise)
    return radii


def corner_reach(radii: tuple[float | None, ...]) -> int:
    """Return the side of the squares that hold an element's corners, in whole pixels."""
    known = [radius for radius in radii if radius]
    return int(np.ceil(max(known))) if known else 0


def _measure_group(rgb: Rgb, outlines: Sequence[Outline], border_px: int, noise: float) -> Floats:
    """Measure boxes with borders of the same width, shape (n, 4)."""
    corners = _corners_of([outline.box for outline in outlines])
    fill = _levels([outline.fills for outline in outlines])
    edge = _levels([outline.edges for outline in outlines])
    height, width = rgb.shape[:2]
    x, y, half = corners.x, corners.y, corners.half
    radii = np.full(len(x), np.nan, np.float32)
    inside = (x > 0) & (y > 0) & (x < width - 1) & (y < height - 1)
    beyond = rgb[(y - corners.step_y).clip(0, height - 1), (x - corners.step_x).clip(0, width - 1)]
    noises = np.minimum(noise, NOISE_SHARE * np.abs(beyond - edge).max(axis=1)).astype(np.float32)
    square = inside & (np.abs(rgb[y, x] - edge).max(axis=1) <= SQUARE_LEVELS + 3 * noises)
    radii[square] = 0
    pending = np.flatnonzero(inside & ~square)
    for side, step in PATCHES:
        if not len(pending):
            break
        patch = _cut(rgb, corners, pending, side)
        paints = _Paints(edge[pending], fill[pending], border_px, noises[pending], step)
        last = corners.is_bar[pending] & (2 * side > half[pending])
        room = side * np.where(last, BAR_ROOM, PATCH_ROOM)
        found, best = _fit_arcs(patch, paints, half[pending], room)
        radii[pending] = found
        wide = np.isnan(found) & (best > PATCH_ROOM * side)
        pending = pending[wide & (half[pending] > PATCH_ROOM * side)]
    return radii.reshape(-1, 4)


def _levels(colors: Sequence[Four]) -> Floats:
    """Return red, green and blue of packed colors, one row a color."""
    packed = np.array(colors).reshape(-1, 1)
    return np.asarray(packed >> np.array([16, 8, 0]) & 255, np.float32)


def _corners_of(boxes: Sequence[Box]) -> _Corners:
    """List the corners of boxes, clockwise from the top left."""
    left = np.array([box.x for box in boxes], np.intp)
    top = np.array([box.y for box in boxes], np.intp)
    width = np.array([box.width for box in boxes], np.intp)
    height = np.array([box.height for box in boxes], np.intp)
    right, bottom = left + width - 1, top + height - 1
    shorter = np.minimum(width, height)
    return _Corners(
        np.stack([left, right, right, left], 1).ravel(),
        np.stack([top, top, bottom, bottom], 1).ravel(),
        np.tile(np.array([1, -1, -1, 1], np.intp), len(boxes)),
        np.tile(np.array([1, 1, -1, -1], np.intp), len(boxes)),
        np.repeat((shorter + 1) // 2, 4),
        np.repeat(np.maximum(width, height) >= BAR_ASPECT * shorter, 4),
    )


def _cut(rgb: Rgb, corners: _Corners, chosen: Indices, side: int) -> Floats:
    """Cut squares that begin one pixel outside each corner, turned so that all look alike.

    Returns:
        (n, side + 1, side + 1, 3); [:, 0, 0] is the pixel diagonally outside.
    """
    offsets = np.arange(-1, side)
    columns = corners.x[chosen, None] + corners.step_x[chosen, None] * offsets
    rows = corners.y[chosen, None] + corners.step_y[chosen, None] * offsets
    columns, rows = columns.clip(0, rgb.shape[1] - 1), rows.clip(0, rgb.shape[0] - 1)
    return np.asarray(rgb[rows[:, :, None], columns[:, None, :]], np.float32)


def _fit_arcs(
    patch: Floats, paints: _Paints, half: Indices, room: Floats
) -> tuple[Floats, Floats]:
    """Fit a radius to each corner.

    Args:
        patch: (n, side + 1, side + 1, 3), from one pixel outside the corner.
        paints: what the boxes are painted with.
        half: (n,), half the box's shorter side, the largest radius it can have.
        room: (n,), the largest radius that a square of this size shows.

    Returns:
        The radii, NaN where none fits, and the best ones, fitting or not.
    """
    side = patch.shape[1] - 1
    beyond = patch[:, 0, 0]
    errors = _errors(patch[:, 1:, 1:].reshape(len(patch), -1, 3), beyond, paints)
    errors = np.maximum(errors - 3 * (side * paints.noise[:, None]) ** 2, 0)
    radii = np.arange(errors.shape[1]) * paints.step
    errors[radii[None] > half[:, None] + PILL_SLACK_PX] = np.inf
    index = errors.argmin(axis=1)
    error, best = errors[np.arange(len(index)), index], radii[index]
    contrast = np.abs(paints.edge - beyond).max(axis=1)
    wrong = error / np.maximum(((paints.edge - beyond) ** 2).sum(axis=1), 1)
    fits = wrong <= WRONG_PIXELS * np.maximum(best, 1)
    fits &= (error <= ARC_ERROR_SHARE * errors[:, 0]) | (best < SQUARE_RADIUS)
    fits &= (contrast >= MIN_CONTRAST) & (best <= room)
    radius = np.where(best < SQUARE_RADIUS, 0, best + paints.step * _refine(errors, index))
    return np.where(fits, radius, np.nan).astype(np.float32), best.astype(np.float32)


def _errors(pixels: Floats, beyond: Floats, paints: _Paints) -> Floats:
    """Return the squared error of every radius for every corner, shape (n, radii).

    With w the part of a pixel that lies outside and q what remains of it after border and fill,
    the best outside color is (sum w q + weight beyond) / (sum w w + weight), per channel. All
    colors are taken relative to ``beyond``.
    """
    drawn = _drawn_corners(round(pixels.shape[1] ** 0.5), paints.step, paints.border_px)
    outside, between, inner = 1 - drawn.outer, drawn.outer - drawn.inner, drawn.inner
    pixels = pixels[:, drawn.order] - beyond[:, None]
    ring, core = paints.edge - beyond, paints.fill - beyond
    total = pixels.sum(axis=1)
    groups = np.add.reduceat(pixels, drawn.starts, axis=1)
    # A product for each corner: all in one are so large that the library splits it over threads.
    on_ring, on_core = between @ groups, inner @ groups
    explained = (on_ring * ring[:, None]).sum(axis=2) + (on_core * core[:, None]).sum(axis=2)
    weighed_ring, weighed_core = between * drawn.counts, inner * drawn.counts
    painted = (
        np.outer((ring**2).sum(axis=1), (between * weighed_ring).sum(axis=1))
        + np.outer((core**2).sum(axis=1), (inner * weighed_core).sum(axis=1))
        + 2 * np.outer((ring * core).sum(axis=1), (between * weighed_core).sum(axis=1))
    )
    left = (pixels**2).sum(axis=(1, 2))[:, None] - 2 * explained + painted
    pull = (
        (total[:, None] - on_ring - on_core)
        - (outside * weighed_ring).sum(axis=1)[None, :, None] * ring[:, None]
        - (outside * weighed_core).sum(axis=1)[None, :, None] * core[:, None]
    )
    weight = (outside**2 * drawn.counts).sum(axis=1) + OUTSIDE_WEIGHT
    return np.asarray(np.maximum(left - (pull**2).sum(axis=2) / weight, 0), np.float32)


def _refine(errors: Floats, index: Indices) -> Floats:
    """Return the offset, in steps, of the parabola's foot through the best radius."""
    every, last = np.arange(len(index)), errors.shape[1] - 1
    before = errors[every, np.maximum(index - 1, 0)]
    after = errors[every, np.minimum(index + 1, last)]
    usable = (index > 0) & (index < last) & np.isfinite(after)
    after = np.where(usable, after, before)
    curve = before + after - 2 * errors[every, index]
    offset = np.where(usable & (curve > 0), (before - after) / np.maximum(2 * curve, 1e-6), 0)
    return np.asarray(offset, np.float32)


@cache
def _drawn_corners(side: int, step: float, border_px: int) -> _Drawn:
    """Draw corners of rising radius.

    The inner radius is the outer one less the border's width (CSS Backgrounds Level 3, 4.2).
    """
    fine = (np.arange(side * SUPERSAMPLING) + 0.5) / SUPERSAMPLING
    radii = np.arange(0, side, step)
    outer = [_quarter(fine, radius) for radius in radii]
    inner = [_quarter(fine - border_px, max(0.0, radius - border_px)) for radius in radii]
    judged = _along_edges(side)
    pixels = np.array([*outer, *inner], np.float32)[:, judged].T.copy()
    seen: dict[bytes, int] = {}
    group = np.array([seen.setdefault(pixel.tobytes(), len(seen)) for pixel in pixels], np.intp)
    counts = np.bincount(group)
    order = np.argsort(group, kind="stable")
    starts = np.cumsum(counts) - counts
    alike = pixels[order[starts]].T.copy()
    parts = alike[: len(radii)], alike[len(radii) :]
    return _Drawn(*parts, judged[order], starts, counts.astype(np.float32))


def _along_edges(side: int) -> Indices:
    """Return which pixels of a square, raveled, are judged: at the rest may be what lies inside.

    An arc that leaves room in its square comes no further inward than a quarter of the side.
    """
    at = np.arange(side)
    return np.flatnonzero(np.minimum(at[:, None], at) < side * EDGE_SHARE)


def _quarter(at: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Draw one corner at rising sample positions, averaged over pixels and raveled.

    Each row of samples is inside from some place on, which tells how many are in each pixel.
    """
    off = np.clip(radius - at, 0, None) ** 2
    off[at < 0] = np.inf
    first = len(at) - np.searchsorted(off[::-1], radius**2 - off, side="right")
    ends = np.arange(1, len(at) // SUPERSAMPLING + 1) * SUPERSAMPLING
    samples = np.clip(ends - first[:, None], 0, SUPERSAMPLING)
    rows = samples.reshape(len(ends), SUPERSAMPLING, len(ends)).sum(axis=1)
    return np.asarray(rows.ravel() / SUPERSAMPLING**2, np.float64)
