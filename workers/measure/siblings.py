"""What lies side by side in one element: its child elements and the line boxes of its text."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.edges import find_edges
from workers.measure.lineboxes import LineBox, find_line_boxes
from workers.measure.scene import ROOT, Element, ElementKind, Scene

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Neighbours face each other along at least this part of the shorter side.
FACING_SHARE = 0.5
# A divider this wide in its parent splits it and has no padding sideways.
SPLITTING_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Siblings:
    """What lies in one parent, in device pixels.

    ``edges`` are left, top, right, bottom, shape (n, 4); ``inner`` the same of the parent inside
    its border. ``in_row[i, j]`` tells that i and j face each other sideways, ``in_column``
    upright. ``kinds`` are None for text, ``lines`` None for elements.
    """

    parent: int
    inner: Floats
    edges: Floats
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
    members: dict[int, list[Element | LineBox]] = defaultdict(list)
    for element in scene.elements[ROOT + 1 :]:
        members[element.parent].append(element)
    for line, box in zip(scene.lines, find_line_boxes(scene), strict=True):
        members[line.parent].append(box)
    return [_siblings_of(scene, parent, children) for parent, children in members.items()]


def _siblings_of(scene: Scene, parent: int, children: list[Element | LineBox]) -> Siblings:
    """Put the children of one parent into arrays."""
    _, inner = find_edges(scene, scene.elements[parent])
    edges = np.array([_edges_of(scene, child) for child in children], np.float64)
    return Siblings(
        parent=parent,
        inner=inner,
        edges=edges,
        kinds=tuple(child.kind if isinstance(child, Element) else None for child in children),
        lines=tuple(child if isinstance(child, LineBox) else None for child in children),
        in_row=_facing(edges[:, 1], edges[:, 3]),
        in_column=_facing(edges[:, 0], edges[:, 2]),
        dpr=scene.dpr,
    )


def _edges_of(scene: Scene, child: Element | LineBox) -> Floats:
    """Return left, top, right and bottom of an element or a line box."""
    if isinstance(child, LineBox):
        return np.array([child.left, child.top, child.right, child.bottom])
    outer, _ = find_edges(scene, child)
    return outer


def _facing(low: Floats, high: Floats) -> Bools:
    """Tell which pairs of stretches overlap by half of the shorter, none with itself."""
    overlap = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    length = high - low
    facing: Bools = overlap > FACING_SHARE * np.minimum(length[:, None], length)
    np.fill_diagonal(facing, val=False)
    return facing
