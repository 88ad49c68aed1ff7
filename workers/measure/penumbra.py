"""What lies outside an element's sides: colors from its edge outward, where nothing disturbs."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from workers.measure.backgrounds import render_gradient
from workers.measure.measurements import Box
from workers.measure.preprocess import unpack
from workers.measure.profiles import (
    GROUND_PX,
    comes_nearer,
    fade,
    find_ground,
    leads_to,
    until_uneven,
)
from workers.measure.scene import ROOT, Element, ElementKind, Scene
from workers.measure.sides import IS_UPRIGHT, MIDDLE, Side, strip_beside, turn

Floats = NDArray[np.float64]
Color = tuple[int, ...]
Usual = Callable[[], Color | None]

# Blurs of interfaces reach less far, in pixels of a 1x image.
REACH_CSS_PX = 64
# The median of what is seen there is that of the points so far, as a part of the side, apart.
OFF_MIDDLE = MIDDLE / 2
# Sides shorter than this, in pixels, are all corner.
MIN_SIDE_PX = 12
# So many pixels are needed to see a fall.
MIN_LENGTH = 3
# Where it is looked whether anything fades beside a side: pixels outward but the first, which a
# border has too, parts of the side, and how many of these must change. Elements are looked at so
# many at once.
FIRST_PX = np.array([1, 2, 4, 8])
PLACES = np.array([0.4, 0.5, 0.6])
CHANGING_PLACES = 2
BLOCK = 256
# Parts of one thing may overlap by a shared border, or lie a divider apart.
OVERLAP_PX = 2
JOINED_PX = 2
# Farther than anything on an image.
FAR = 1 << 30
# A neighbour whose size is this near, as a part, likely casts the same shadow.
LIKE_NEIGHBOUR = 0.3


@dataclass(frozen=True, slots=True)
class Penumbra:
    """How far an element's surroundings are from their own color.

    ``depths`` has, for each side seen, the ambient color less the color at each pixel outward,
    shape (n, 3) levels; ``gaps`` the pixels to a like neighbour, whose shadow falls here too;
    ``joined`` the sides on which more of it follows, or the image ends; ``radius_px`` rounds its
    corners.
    """

    box: Box
    ambient: Floats
    depths: dict[Side, Floats]
    gaps: dict[Side, int]
    joined: frozenset[Side]
    radius_px: float = 0.0

    @property
    def spans(self) -> bool:
        """Whether the box goes on beyond the image, or into others, on both sides of a side seen.

        Then that one side shows all there is to see.
        """
        (side, *others) = self.depths
        beside = {Side((side + 1) % 4), Side((side + 3) % 4)}
        return not others and beside <= self.joined


@dataclass(frozen=True, slots=True)
class _View:
    """The median colors outward from each side, before the ground is known."""

    box: Box
    parent: int
    colors: dict[Side, Floats]
    gaps: dict[Side, int]
    joined: set[Side]
    radius_px: float


class Surroundings:
    """The boxes of a scene, asked what stands beside an element."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._lasting = round(GROUND_PX * scene.dpr)
        boxes = [element.box for element in scene.elements] + [line.box for line in scene.lines]
        self._edges = np.array([(b.x, b.y, b.right, b.bottom) for b in boxes], np.int64)
        self._turned = np.stack([turn(self._edges, side) for side in Side], axis=1)
        self._dividers = np.zeros(len(boxes), np.bool_)
        for index, element in enumerate(scene.elements):
            self._dividers[index] = element.kind is ElementKind.DIVIDER

    def penumbras_of(self, indices: Sequence[int]) -> list[Penumbra]:
        """Return what lies outside the sides of elements, without those where nothing can be told.

        Args:
            indices: of elements in the scene.
        """
        views = [self._view(index) for index in self._not_flat(indices)]
        siblings: dict[int, list[_View]] = defaultdict(list)
        for view in views:
            siblings[view.parent].append(view)
        usual = {parent: cache(partial(_usual_ground, some)) for parent, some in siblings.items()}
        seen = (self._penumbra_of(view, usual[view.parent]) for view in views)
        return [penumbra for penumbra in seen if penumbra.depths]

    def _not_flat(self, indices: Sequence[int]) -> list[int]:
        """Leave out elements beside which the color does not change at all for some pixels."""
        found: list[int] = []
        height, width = self._scene.rgb.shape[:2]
        for begin in range(0, len(indices), BLOCK):
            some = np.array(indices[begin : begin + BLOCK])
            x, y, right, bottom = self._edges[some].T[:, :, None, None]
            across = x + ((right - x) * PLACES).astype(np.int64)
            down = y + ((bottom - y) * PLACES).astype(np.int64)
            away = FIRST_PX[:, None]
            changes = np.zeros(len(some), np.bool_)
            places = (
                (y - 1 - away, across),
                (bottom + away, across),
                (down, x - 1 - away),
                (down, right + away),
            )
            for rows, columns in places:
                inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
                seen = self._scene.packed[rows.clip(0, height - 1), columns.clip(0, width - 1)]
                differ = ((seen != seen[:, :1]) & inside).any(axis=1)
                changes |= differ.sum(axis=1) >= CHANGING_PLACES
            found += some[changes].tolist()
        return found

    def _view(self, index: int) -> _View:
        """Look outward from an element's sides."""
        element = self._scene.elements[index]
        view = _View(element.box, max(element.parent, ROOT), {}, {}, set(), _radius_of(element))
        for side, (free, neighbour, is_joined) in zip(Side, self._look(index), strict=True):
            if free == 0 or is_joined:
                view.joined.add(side)
            length = element.box.height if side % 2 else element.box.width
            strip = strip_beside(self._scene.rgb, element.box, side, free)
            colors = until_uneven(strip, length / self._scene.dpr)
            if len(colors) >= MIN_LENGTH:
                view.colors[side] = colors
                if neighbour is not None and self._are_alike(index, neighbour):
                    view.gaps[side] = free
        return view

    def _penumbra_of(self, view: _View, usual: Usual) -> Penumbra:
        """Compare what was seen with the color an element lies on."""
        fill = self._scene.elements[view.parent].fill
        depths: dict[Side, Floats] = {}
        ambient = np.full(3, np.nan)
        around = self._around(view, fill)
        for side, colors in view.colors.items():
            below = self._gradient_below(view, side, len(colors))
            if below is None:
                ground = self._ground_of(colors, fill, around, usual)
                below = None if ground is None else np.array([ground], np.float64)
            if below is None:
                continue
            depth = fade(below - colors)
            if len(depth) >= MIN_LENGTH:
                ambient = below[0] if np.isnan(ambient).any() else ambient
                if depth.sum() > 0:
                    # The same shadow takes a part of whatever it falls on.
                    depth = depth * (ambient / np.maximum(below, 1))[: len(depth)]
                depths[side] = depth
        # A neighbour's shadow falls here only if it reaches this side's own.
        gaps = {
            side: gap
            for side, gap in view.gaps.items()
            if side in depths and gap < 2 * np.count_nonzero(depths[side].any(axis=1))
        }
        return Penumbra(view.box, ambient, depths, gaps, frozenset(view.joined), view.radius_px)

    def _around(self, view: _View, fill: int | None) -> Color | None:
        """Return the color that lasts beside an element whose parent's own shows on no side."""
        if fill is not None:
            own = unpack(fill)
            if any((colors == own).all(axis=1).any() for colors in view.colors.values()):
                return None
        return _usual_ground([view], self._lasting)

    def _ground_of(
        self, colors: Floats, fill: int | None, around: Color | None, usual: Usual
    ) -> Color | None:
        """Return the color a side lies on: its parent's, or what lasts beside it or others.

        What lies on a seam of its parent's children has one of theirs ``around`` it.
        """
        ground = None if fill is None else tuple(int(level) for level in unpack(fill))
        if ground is not None and (colors == ground).all(axis=1).any():
            return ground
        lasting = find_ground(colors, self._lasting)
        if lasting:
            return lasting
        if around and comes_nearer(colors, around):
            return around
        nearly = ground if ground is not None and leads_to(colors, ground) else None
        return nearly or usual() or ground

    def _gradient_below(self, view: _View, side: Side, count: int) -> Floats | None:
        """Return the colors outward of the gradient a side lies on, shape (count, 3), if any."""
        parent = self._scene.elements[view.parent]
        region = next((one for one in self._scene.gradients if one.box == parent.box), None)
        if region is None:
            return None
        box, outer = view.box, region.box
        x, y = box.x + box.width // 2 - outer.x, box.y + box.height // 2 - outer.y
        if side in (Side.LEFT, Side.RIGHT):
            row = render_gradient(region, y, 1)[0]
            start = box.x - outer.x
            line = row[:start][::-1] if side is Side.LEFT else row[start + box.width :]
        else:
            start = box.y - outer.y
            top = max(0, start - count) if side is Side.TOP else start + box.height
            line = render_gradient(region, top, count)[:, x]
            line = line[::-1] if side is Side.TOP else line
        colors = np.array([unpack(int(color)) for color in line[:count]], np.float64)
        return colors if len(colors) == count else None

    def _look(self, index: int) -> list[tuple[int, int | None, bool]]:
        """Return how many pixels beside each side are free, what faces it there, what joins it.

        What lies under a bar across the whole image is what its shadow falls on: it is looked
        into.
        """
        starts, nears, ends, fars = self._turned
        start, near, end, far = self._turned[:, :, index, None]
        height, width = self._scene.rgb.shape[:2]
        limits = near[:, 0] + np.array([0, width, height, 0])
        cut = (end - start) * (1 - MIDDLE) / 2
        beside = (starts < end - cut) & (ends > start + cut)
        inside = (starts >= start) & (ends <= end) & (nears >= near) & (fars <= far)
        beside &= ~inside
        # A faint shadow's own bands may have been taken for dividers along the side.
        apart = near - fars
        beside &= ~(self._dividers & (apart >= -OVERLAP_PX) & (apart <= 1))
        # What ends before the side faces it; what only starts before it lies around it.
        facing = np.where(beside & (apart >= -OVERLAP_PX), np.maximum(apart, 0), FAR)
        away = near - nears
        around = np.where(beside & (apart < -OVERLAP_PX) & (away >= 0), away, FAR)
        joined = facing <= JOINED_PX
        spanning = (start <= 0) & (end >= width) & IS_UPRIGHT
        ground = joined & spanning
        facing[ground] = FAR
        free = np.minimum(limits, int(REACH_CSS_PX * self._scene.dpr))
        free = np.minimum(free, np.where(ground, away, around).min(axis=1))
        nearest = facing.argmin(axis=1)
        first = facing[range(len(Side)), nearest]
        touched = np.asarray(joined.any(axis=1))
        sides = (first.tolist(), nearest.tolist(), free.tolist(), touched.tolist())
        return [
            (gap, at, touches) if gap <= room else (room, None, touches)
            for gap, at, room, touches in zip(*sides, strict=True)
        ]

    def _are_alike(self, index: int, other: int) -> bool:
        """Tell whether a neighbour is a box of about the same size."""
        if other >= len(self._scene.elements):
            return False
        first, second = self._scene.elements[index], self._scene.elements[other]
        width = abs(first.box.width - second.box.width) <= LIKE_NEIGHBOUR * first.box.width
        height = abs(first.box.height - second.box.height) <= LIKE_NEIGHBOUR * first.box.height
        return second.kind is first.kind and (width or height)


def _usual_ground(views: Sequence[_View], lasting: int = GROUND_PX) -> Color | None:
    """Return the color that lasts beside most sides, if any does."""
    colors = (colors for view in views for colors in view.colors.values())
    found = Counter(color for one in colors if (color := find_ground(one, lasting)))
    return found.most_common(1)[0][0] if found else None


def _radius_of(element: Element) -> float:
    """Return the middle of the radii that are known, 0 where none is."""
    known = sorted(radius for radius in element.radii_px if radius is not None)
    return known[len(known) // 2] if known else 0.0
