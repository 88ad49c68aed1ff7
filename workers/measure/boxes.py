"""The elements of an image: boxes with their borders and corners, dividers, pictures, nesting."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile

import numpy as np

from workers.measure.backgrounds import (
    absorb_soft,
    paint_area,
    paint_fill,
    paint_gradient,
    paint_pixels,
    shades_near_corners,
)
from workers.measure.borders import find_accents, find_border, grow
from workers.measure.corners import Four, Outline, measure_corners
from workers.measure.ink import Shape, find_dividers, find_ink, find_shapes
from workers.measure.measurements import Box
from workers.measure.nesting import corners_of, find_parents, overlap
from workers.measure.regions import (
    CIRCLE_FILL,
    CIRCLE_TOLERANCE,
    SAME_BOX,
    Region,
    Segmentation,
    find_regions,
    find_soft_regions,
    merge_boxes,
)
from workers.measure.scene import (
    ROOT,
    Border,
    Element,
    ElementKind,
    GradientRegion,
    Packed,
    Rgb,
)
from workers.measure.stacks import find_stacks
from workers.measure.steps import Steps

# A region covering this part of the image is the page itself.
PAGE_SHARE = 0.97
HOLDERS = {ElementKind.CONTAINER, ElementKind.GRADIENT, ElementKind.PICTURE}
NO_CORNERS = (None, None, None, None)
ALL_SIDES = (True, True, True, True)
# Without a border and in its surroundings' color, a round shape this small is a letter's inside.
COUNTER_MAX_SIDE = 96
# Standard deviation, in levels, of what codecs of quality 85 add around edges.
CODEC_NOISE = 3.0


@dataclass(frozen=True, slots=True)
class _Found:
    """A box before its corners and its parent are known.

    ``shades`` are the colors near the corners of a gradient, clockwise from the top left.
    """

    kind: ElementKind
    box: Box
    fill: int | None
    border: Border | None
    hard: tuple[bool, bool, bool, bool]
    shades: Four | None = None

    def outline(self) -> Outline:
        """Return what the corners are measured by."""
        fill = self.fill or 0
        fills = self.shades or (fill, fill, fill, fill)
        if self.border is None:
            return Outline(self.box, fills, fills, 0)
        sides = (self.border.top, self.border.right, self.border.bottom, self.border.left)
        edge = self.border.color
        return Outline(self.box, fills, (edge, edge, edge, edge), min(s for s in sides if s))


def find_elements(
    rgb: Rgb,
    packed: Packed,
    steps: Steps,
    gradients: tuple[GradientRegion, ...],
    original: Rgb | None = None,
    outlines: Sequence[Box] = (),
) -> tuple[tuple[Element, ...], Packed]:
    """Find what is painted on the page.

    Args:
        rgb: (height, width, 3) uint8.
        packed: the same pixels, packed.
        steps: how far they lie from their neighbours.
        gradients: regions that a gradient explains.
        original: the image before noise was snapped away, which keeps the antialiased corners.
        outlines: boxes that were found by their edges.

    Returns:
        The elements, the page first, each with the index of its parent; and the background map,
        (height, width) packed colors, equal to ``packed`` wherever there is no ink.
    """
    snapped = original is not None
    exact = find_regions(rgb, packed, steps, snapped=snapped)
    soft = find_soft_regions(rgb, packed, steps, exact, snapped=snapped)
    page = _page(packed, exact.regions)
    boxes = merge_boxes(exact, soft, PAGE_SHARE * packed.size)
    found = _containers(packed, boxes) + _gradient_boxes(packed, gradients)
    found += _outlined(packed, outlines, found)
    painted = [page, *_with_corners(rgb, original, found)]
    background = _paint(packed, painted, gradients, exact)
    if soft is not None:
        absorb_soft(background, packed, soft)
    del exact, soft  # a capture of 50 Mpx has 200 MB of labels in each
    ink = find_ink(packed, background)
    shapes = find_dividers(rgb, packed, ink) + find_shapes(rgb, packed, background, ink)
    shapes += _accents(packed, found)
    for shape in shapes:
        paint_pixels(background, packed, shape.box)
    return _nest([*painted, *(_element_of(shape) for shape in shapes)]), background


def _page(packed: Packed, regions: Sequence[Region]) -> Element:
    """Return element 0: the image's own box in its most common color."""
    height, width = packed.shape
    largest = max(regions, key=lambda region: region.pixels, default=None)
    fill = int(packed[0, 0]) if largest is None else largest.color
    none_hard = (False, False, False, False)
    box = Box(0, 0, width, height)
    return Element(ElementKind.CONTAINER, box, fill, None, -1, none_hard, NO_CORNERS)


def _containers(packed: Packed, regions: Sequence[Region]) -> list[_Found]:
    """Turn box-shaped regions into containers with borders, and stacked parts into one more."""
    found = []
    for region in regions:
        border = find_border(packed, region.box, region.color)
        one = _Found(
            ElementKind.CONTAINER, grow(region.box, border), region.color, border, region.hard
        )
        if border or not _is_counter(packed, region):
            found.append(one)
    for box, fill, border in find_stacks(packed, regions):
        found.append(_Found(ElementKind.CONTAINER, grow(box, border), fill, border, ALL_SIDES))
    return found


def _accents(packed: Packed, found: Sequence[_Found]) -> list[Shape]:
    """Return the border sides in a color of their own, each once, as dividers."""
    accents = {
        accent
        for one in found
        if one.border is not None
        for accent in find_accents(packed, one.box, one.border)
    }
    ordered = sorted(accents, key=lambda accent: (accent[0].y, accent[0].x))
    return [Shape(ElementKind.DIVIDER, box, color) for box, color in ordered]


def _is_counter(packed: Packed, region: Region) -> bool:
    """Tell whether a region may be the inside of a letter: round, small, in the color around."""
    box = region.box
    if max(box.width, box.height) > COUNTER_MAX_SIDE:
        return False
    fill = region.pixels / box.area
    if fill > CIRCLE_FILL + CIRCLE_TOLERANCE:
        return False
    around = (
        packed[max(0, box.y - box.height // 2), box.x + box.width // 2],
        packed[min(packed.shape[0] - 1, box.bottom + box.height // 2), box.x + box.width // 2],
    )
    return all(int(color) == region.color for color in around)


def _gradient_boxes(packed: Packed, gradients: tuple[GradientRegion, ...]) -> list[_Found]:
    found = []
    for region in gradients:
        border = find_border(packed, region.box, -1)
        found.append(
            _Found(
                ElementKind.GRADIENT,
                grow(region.box, border),
                None,
                border,
                ALL_SIDES,
                shades_near_corners(region),
            )
        )
    return found


def _outlined(packed: Packed, outlines: Sequence[Box], found: Sequence[_Found]) -> list[_Found]:
    """Add the boxes that only their edges showed, filled with their most common color."""
    added = []
    for box in outlines:
        if not (overlap(box, corners_of([one.box for one in found])) >= SAME_BOX).any():
            inside = packed[box.y : box.bottom, box.x : box.right]
            colors, counts = np.unique(inside, return_counts=True)
            fill = int(colors[counts.argmax()])
            added.append(_Found(ElementKind.CONTAINER, box, fill, None, ALL_SIDES))
    return added


def _with_corners(rgb: Rgb, original: Rgb | None, found: Sequence[_Found]) -> list[Element]:
    """Measure all corners at once and make elements, parents still open."""
    outlines = [one.outline() for one in found]
    if original is None:
        radii = measure_corners(rgb, outlines)
    else:
        radii = measure_corners(original, outlines, CODEC_NOISE)
    elements = []
    for one, corners in zip(found, radii, strict=True):
        known = [None if np.isnan(radius) else float(radius) for radius in corners]
        four = (known[0], known[1], known[2], known[3])
        elements.append(Element(one.kind, one.box, one.fill, one.border, ROOT, one.hard, four))
    return elements


def _paint(
    packed: Packed,
    elements: Sequence[Element],
    gradients: tuple[GradientRegion, ...],
    exact: Segmentation,
) -> Packed:
    """Paint the background map from large to small."""
    page = elements[ROOT].fill or 0
    background = np.full_like(packed, page)
    irregular = [region for region in exact.regions if not region.is_box]
    jobs: list[tuple[int, Element | GradientRegion | Region]] = []
    jobs += [(element.box.area, element) for element in elements[ROOT + 1 :]]
    jobs += [(region.box.area, region) for region in gradients]
    jobs += [(region.box.area, region) for region in irregular]
    ordered = [job for _, job in sorted(jobs, key=lambda entry: -entry[0])]
    # What is first and of the page's color is the page itself.
    for job in dropwhile(lambda job: isinstance(job, Region) and job.color == page, ordered):
        if isinstance(job, Element):
            paint_fill(background, packed, job)
        elif isinstance(job, GradientRegion):
            paint_gradient(background, packed, job)
        else:
            mine = (exact.found.cut(job.box) == job.label).view(np.uint8)
            paint_area(background, mine, job.box, job.color)
    return background


def _element_of(shape: Shape) -> Element:
    return Element(shape.kind, shape.box, shape.color, None, ROOT, ALL_SIDES, NO_CORNERS)


def _nest(elements: Sequence[Element]) -> tuple[Element, ...]:
    """Give every element its parent; the page has none."""
    holders = [index for index, element in enumerate(elements) if element.kind in HOLDERS]
    parents = find_parents([element.box for element in elements], holders)
    nested = [
        replace(element, parent=parent) if parent > ROOT else element
        for element, parent in zip(elements, parents, strict=True)
    ]
    nested[ROOT] = replace(elements[ROOT], parent=-1)
    return tuple(nested)
