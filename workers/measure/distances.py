"""The distances between facing edges: paddings inside boxes, gaps between neighbours.

Elements and line boxes that share a parent are laid out together. A padding runs from the
parent's inner edge to the outermost child on that side; a gap runs between two neighbours that
face each other along half of the shorter side or more. Every distance says what it rests on:
two painted edges are exact, a text's origin is good to half a pixel, and its upright extent is
measured only where lines of the page show the line height.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box, SpacingKind
from workers.measure.scene import ROOT, ElementKind
from workers.measure.siblings import Siblings

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Distances outside these bounds, in CSS pixels, are strokes and columns rather than spacing.
MIN_PX, MAX_PX = 1.5, 130.0
# Edges this close, in CSS pixels, are aligned: sideways text is good to half a pixel.
ALIGNED_X_PX, ALIGNED_Y_PX = 0.6, 1.0
# Sizes and places of like boxes differ by no more than this, in CSS pixels.
LIKE_PX = 1.5
# Boxes may overlap by antialiasing.
OVERLAP_PX = 0.5


class Evidence(StrEnum):
    """What a distance rests on."""

    FRAME = "frame"  # a box's edge to the outermost box in it
    EVEN = "even"  # between like boxes in a row or column
    STEP = "step"  # between unlike boxes
    INSET = "inset"  # a box's edge to the origin of the outermost text
    LEAD = "lead"  # sideways between a box and text
    WORDS = "words"  # sideways between texts
    LINE = "line"  # upright from a box's edge to a line box of known height
    BLOCK = "block"  # upright between line boxes of known height, or one and a box
    INDENT = "indent"  # a box's edge to something that is not outermost
    ICON = "icon"  # one side is an icon, whose own box is not painted


class Axis(StrEnum):
    """The direction in which a distance is measured."""

    SIDEWAYS = "sideways"
    UPRIGHT = "upright"


# By the index of their first edge: left and right bound what is sideways, top and bottom the rest.
AXES = (Axis.SIDEWAYS, Axis.UPRIGHT)


@dataclass(frozen=True, slots=True)
class Distance:
    """One distance in CSS pixels; ``box`` is the empty stretch in device pixels.

    ``parent`` is the index of the element inside which it lies.
    """

    px: float
    kind: SpacingKind
    evidence: Evidence
    axis: Axis
    parent: int
    box: Box


def find_distances(groups: Sequence[Siblings]) -> list[Distance]:
    """Return every distance between facing edges of siblings, in no order."""
    found: list[Distance] = []
    for siblings in groups:
        for part in (_sideways_paddings, _upright_paddings, _sideways_gaps, _upright_gaps):
            found += part(siblings)
    return [distance for distance in found if MIN_PX <= distance.px <= MAX_PX]


def _sideways_paddings(siblings: Siblings) -> Iterator[Distance]:
    """Measure from the parent's left and right edge to what is first there."""
    edges, inner = siblings.edges, siblings.inner
    lefts, rights = edges[:, 0] - inner[0], inner[2] - edges[:, 2]
    free = ~siblings.splitting()
    first = free & _foremost(siblings.in_row, edges[:, 0])
    last = free & _foremost(siblings.in_row, -edges[:, 2])
    aligned = ALIGNED_X_PX * siblings.dpr
    least_left, least_right = (px.min(initial=np.inf) for px in (lefts[first], rights[last]))
    for at in np.flatnonzero(first & _are_spaces(lefts, siblings.dpr)):
        outermost = lefts[at] <= least_left + aligned
        yield _padding(siblings, at, lefts[at], 0, outermost=outermost)
    for at in np.flatnonzero(last & _are_spaces(rights, siblings.dpr)):
        if siblings.lines[at] is None:
            outermost = rights[at] <= least_right + aligned
            yield _padding(siblings, at, rights[at], 2, outermost=outermost)
        elif _is_hugged(siblings, at, first, lefts, rights[at]):
            yield _padding(siblings, at, rights[at], 2, outermost=True)


def _are_spaces(lengths: Floats, dpr: float) -> Bools:
    """Tell which lengths, in device pixels, may be spacing; the others are not looked at."""
    px = lengths / dpr
    return np.asarray((px >= MIN_PX) & (px <= MAX_PX), np.bool_)


def _foremost(facing: Bools, places: Floats) -> Bools:
    """Tell before which siblings none lies that they face, a pixel or less not counted."""
    if len(places) == 1:
        return np.ones(1, np.bool_)
    return np.logical_not((facing & (places < places[:, None] - 1)).any(axis=1))


def _is_hugged(siblings: Siblings, at: np.intp, first: Bools, lefts: Floats, right: float) -> bool:
    """Tell whether the box ends after the text as it starts before it.

    Lines end where words end, so the right end of a text measures a padding only where the box
    was made to fit it.
    """
    row = first & (siblings.in_row[at] | (np.arange(len(siblings.edges)) == at))
    tolerance = max(1.0, ALIGNED_X_PX * siblings.dpr)
    return bool(row.any()) and abs(float(lefts[row].min()) - right) <= tolerance


def _upright_paddings(siblings: Siblings) -> Iterator[Distance]:
    """Measure from the parent's top and bottom edge to what is first there."""
    edges, inner = siblings.edges, siblings.inner
    tops, bottoms = edges[:, 1] - inner[1], inner[3] - edges[:, 3]
    first = _foremost(siblings.in_column, edges[:, 1])
    last = _foremost(siblings.in_column, -edges[:, 3])
    aligned = ALIGNED_Y_PX * siblings.dpr
    shown = _shown(siblings)
    least = tops[first].min(initial=np.inf)
    for at in np.flatnonzero(first & shown):
        top = tops[at]
        if siblings.lines[at] is not None:
            column = last & (siblings.in_column[at] | (np.arange(len(siblings.edges)) == at))
            top = _centered(top, bottoms[column].min(initial=np.inf), siblings.dpr)
        yield _padding(siblings, at, top, 1, outermost=tops[at] <= least + aligned)
    if siblings.parent == ROOT:  # what is below the picture's end is not seen
        return
    least = bottoms[last].min(initial=np.inf)
    for at in np.flatnonzero(last & shown & _are_spaces(bottoms, siblings.dpr)):
        outermost = bottoms[at] <= least + aligned
        yield _padding(siblings, at, bottoms[at], 3, outermost=outermost)


def _shown(siblings: Siblings) -> Bools:
    """Tell whose upright edges are seen: all but those of text of unknown line height."""
    return np.array([line is None or line.known for line in siblings.lines], np.bool_)


def _centered(top: float, bottom: float, dpr: float) -> float:
    """Return the padding above a text; one in the middle of its box has the mean of both sides."""
    return top if abs(top - bottom) > LIKE_PX * dpr else (top + bottom) / 2


def _padding(
    siblings: Siblings, at: np.intp, px: float, side: int, *, outermost: bool
) -> Distance:
    """Describe the stretch between the parent's inner edge and a child (side: l, t, r, b)."""
    stretch = siblings.edges[at].tolist()
    stretch[(side + 2) % 4] = stretch[side]
    stretch[side] = float(siblings.inner[side])
    return Distance(
        px=float(px) / siblings.dpr,
        kind=SpacingKind.PADDING,
        evidence=_padding_evidence(siblings, at, upright=side % 2 == 1, outermost=outermost),
        axis=AXES[side % 2],
        parent=siblings.parent,
        box=box_of(stretch),
    )


def _padding_evidence(
    siblings: Siblings, at: np.intp, *, upright: bool, outermost: bool
) -> Evidence:
    """Say what a padding rests on."""
    line = siblings.lines[at]
    if siblings.kinds[at] is ElementKind.ICON:
        return Evidence.ICON
    if not outermost:
        return Evidence.INDENT
    if line is None:
        return Evidence.FRAME
    if not upright:
        return Evidence.INSET
    return Evidence.LINE


def _sideways_gaps(siblings: Siblings) -> Iterator[Distance]:
    """Measure from every child to the next one at its right."""
    gaps = siblings.edges[:, 0] - siblings.edges[:, [2]]
    yield from _gaps(siblings, gaps, siblings.in_row, 0)


def _upright_gaps(siblings: Siblings) -> Iterator[Distance]:
    """Measure from every child to the next one below; lines of one paragraph have no gap."""
    gaps = siblings.edges[:, 1] - siblings.edges[:, [3]]
    yield from _gaps(siblings, gaps, siblings.in_column, 1)


def _gaps(siblings: Siblings, gaps: Floats, facing: Bools, axis: int) -> Iterator[Distance]:
    """Yield the gap from each child to its nearest neighbour ahead along an axis."""
    if len(gaps) == 1:
        return
    ahead = np.where(facing & (gaps >= -OVERLAP_PX), gaps, np.inf)
    nearest = ahead.argmin(axis=1)
    lengths = ahead[np.arange(len(ahead)), nearest]
    for at in np.flatnonzero(_are_spaces(lengths, siblings.dpr)).tolist():
        to = int(nearest[at])
        if axis == 1 and not _is_gap(siblings, at, to):
            continue
        like = _are_alike(siblings, at, to, axis)
        yield Distance(
            px=float(lengths[at]) / siblings.dpr,
            kind=SpacingKind.GAP if like else SpacingKind.MARGIN,
            evidence=_gap_evidence(siblings, at, to, like=like, upright=axis == 1),
            axis=AXES[axis],
            parent=siblings.parent,
            box=box_of(_between(siblings.edges[at], siblings.edges[to], axis)),
        )


def _is_gap(siblings: Siblings, at: int, to: int) -> bool:
    """Tell whether what lies between two neighbours upright is seen, and no mere leading."""
    lines = [line for line in (siblings.lines[at], siblings.lines[to]) if line is not None]
    same = len(lines) == len((at, to)) and lines[0].continued and lines[1].continues
    return not same and all(line.known for line in lines)


def _are_alike(siblings: Siblings, at: int, to: int, axis: int) -> bool:
    """Tell whether two elements of one kind have the same place and size across the axis."""
    if siblings.lines[at] is not None or siblings.lines[to] is not None:
        return axis == 0 and siblings.lines[at] is not None and siblings.lines[to] is not None
    if siblings.kinds[at] is not siblings.kinds[to]:
        return False
    one, other = siblings.edges[at].tolist(), siblings.edges[to].tolist()
    off = (abs(one[side] - other[side]) for side in (1 - axis, 3 - axis))
    return bool(max(off) <= LIKE_PX * siblings.dpr)


def _gap_evidence(siblings: Siblings, at: int, to: int, *, like: bool, upright: bool) -> Evidence:
    """Say what a gap rests on."""
    if ElementKind.ICON in {siblings.kinds[at], siblings.kinds[to]}:
        return Evidence.ICON
    lines = [line for line in (siblings.lines[at], siblings.lines[to]) if line is not None]
    if not lines:
        return Evidence.EVEN if like else Evidence.STEP
    if upright:
        return Evidence.BLOCK
    return Evidence.LEAD if len(lines) == 1 else Evidence.WORDS


def _between(one: Floats, other: Floats, axis: int) -> list[float]:
    """Return the stretch between two boxes along an axis, as wide as both face each other."""
    here, there = one.tolist(), other.tolist()
    across = 1 - axis
    stretch = [0.0] * 4
    stretch[axis], stretch[axis + 2] = here[axis + 2], there[axis]
    stretch[across] = max(here[across], there[across])
    stretch[across + 2] = min(here[across + 2], there[across + 2])
    return stretch


def box_of(edges: Sequence[float]) -> Box:
    """Return whole pixels for left, top, right and bottom, one pixel at least."""
    left, top, right, bottom = map(round, edges)
    return Box(left, top, max(1, right - left), max(1, bottom - top))
