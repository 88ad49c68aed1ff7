"""What lies side by side in one element: its child elements and the line boxes of its text."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.edges import find_edges
from workers.measure.lineboxes import LineBox, find_line_boxes
from workers.measure.scene import ROOT, ElementKind, Scene

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Neighbours face each other along at least this part of the shorter side.
FACING_SHARE = 0.5
# A divider this wide in its parent splits it and has no padding sideways.
SPLITTING_SHARE = 0.9
# Children that are held against each other: all pairs are looked at. That is twenty times as many
# as the fullest element of a page has; of a pattern that has more, the top stands for the rest.
MOST_SIBLINGS = 2000


@dataclass(frozen=True, slots=True)
class Siblings:
    """What lies in one parent, in device pixels.

    ``edges`` are left, top, right, bottom, shape (n, 4), of elements and line boxes; ``ink`` the
    same with text as far as its pixels go, ``inner`` of the parent inside its border.
    ``in_row[i, j]`` tells that i and j face each other sideways, ``in_column`` upright. ``kinds``
    are None for text, ``lines`` None for elements.
    """

    parent: int
    inner: Floats
    edges: Floats
    ink: Floats
    kinds: tuple[ElementKind | None, ...]
    lines: tuple[LineBox | None, ...]
    in_row: Bools
    in_column: Bools
    dpr: float

    def splitting(self) -> Bools:
        """Tell which of them are dividers through the whole width of the parent."""
        width = SPLITTING_SHARE * (self.inner[2] - self.inner[0])
        wide: Bools = self.edges[:, 2] - self.edges[:, 0] > width
        dividers = np.array([kind is ElementKind.DIVIDER for kind in self.kinds], np.bool_)
        return dividers & wide


def find_siblings(scene: Scene) -> list[Siblings]:
    """Return the siblings of every parent that has children."""
    members: dict[int, list[_Child]] = defaultdict(list)
    for element in scene.elements[ROOT + 1 :]:
        outer, _ = find_edges(scene, element)
        members[element.parent].append(_Child(outer, outer, element.kind, None))
    for line, box in zip(scene.lines, find_line_boxes(scene), strict=True):
        edges = np.array([box.left, box.top, box.right, box.bottom])
        ink = np.array([line.box.x, line.box.y, line.box.right, line.box.bottom], np.float64)
        members[line.parent].append(_Child(edges, ink, None, box))
    return [_siblings_of(scene, parent, children) for parent, children in members.items()]


def face_each_other(low: Floats, high: Floats) -> Bools:
    """Tell which pairs of stretches overlap by half of the shorter, none with itself."""
    if len(low) == 1:
        return np.zeros((1, 1), np.bool_)
    overlap = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    length = high - low
    facing: Bools = overlap > FACING_SHARE * np.minimum(length[:, None], length)
    np.fill_diagonal(facing, val=False)
    return facing


@dataclass(frozen=True, slots=True)
class _Child:
    """One of the siblings, as the arrays hold it."""

    edges: Floats
    ink: Floats
    kind: ElementKind | None
    line: LineBox | None


def _siblings_of(scene: Scene, parent: int, children: list[_Child]) -> Siblings:
    """Put the children of one parent into arrays."""
    if len(children) > MOST_SIBLINGS:
        children = sorted(children, key=lambda child: float(child.ink[1]))[:MOST_SIBLINGS]
    _, inner = find_edges(scene, scene.elements[parent])
    edges = np.array([child.edges for child in children], np.float64)
    return Siblings(
        parent=parent,
        inner=inner,
        edges=edges,
        ink=np.array([child.ink for child in children], np.float64),
        kinds=tuple(child.kind for child in children),
        lines=tuple(child.line for child in children),
        in_row=face_each_other(edges[:, 1], edges[:, 3]),
        in_column=face_each_other(edges[:, 0], edges[:, 2]),
        dpr=scene.dpr,
    )
