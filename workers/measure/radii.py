"""The corner radii of a page, summed up over its boxes."""

from dataclasses import dataclass
from statistics import median

import numpy as np

from workers.measure.corners import PILL_SLACK_PX
from workers.measure.measurements import Box, Path, RadiusMeasurement
from workers.measure.scene import ROOT, Element, ElementKind, Scene

# Boxes smaller than this, in CSS pixels, are dots and checks.
MIN_BOX_PX = 10.0
# Radii this close, in CSS pixels, are one value.
SAME_RADIUS_PX = 0.5


# How well corners are read. A box alone belongs to a radius no further off than ``stray_px``, in
# CSS pixels, that ``agreeing`` boxes show; the corners of one box agree to ``alike_px``.
@dataclass(frozen=True, slots=True)
class _Reading:
    alike_px: float
    stray_px: float
    agreeing: int


EXACT = _Reading(alike_px=0.5, stray_px=1.0, agreeing=3)
# Codecs smear corners by a pixel or two, each another way.
SMEARED = _Reading(alike_px=1.0, stray_px=2.0, agreeing=2)
# The unit radii are reported in, in device pixels: rasterisers draw arcs up to .2 px apart.
RADIUS_UNIT = 0.5
# Below this, in CSS pixels, a corner counts as square: antialiasing of odd edges looks like it.
MIN_RADIUS_PX = 1.5
# A circle touches its box so little that the box is often found a pixel too small on each side,
# which makes the radius 2.7 px less than half of it. No more than this part of the box is doubted.
CIRCLE_SLACK_PX, CIRCLE_SLACK = 3.0, 0.1
# Tiles of icons are no larger, in CSS pixels. What one part of an icon alone shows is no radius of
# the page: icons are round as they please.
TILE_MAX_PX = 64.0
BOXES = {ElementKind.CONTAINER, ElementKind.GRADIENT, ElementKind.PICTURE}


def measure_radii(scene: Scene) -> tuple[RadiusMeasurement, ...]:
    """Sum up the corners of all boxes, most used radius first; pills are left out."""
    reading = EXACT if scene.path is Path.EXACT else SMEARED
    found = [
        (radius / scene.dpr, element.box)
        for element in scene.elements[ROOT + 1 :]
        for radius in _radii_of(element, scene.dpr, reading)
        if radius >= MIN_RADIUS_PX * scene.dpr
    ]
    groups: list[list[tuple[float, Box]]] = []
    for entry in sorted(found, key=lambda item: item[0]):
        if groups and entry[0] - groups[-1][-1][0] <= SAME_RADIUS_PX:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    # Codecs leave so few corners clear that every one is wanted.
    drawn = _parts_of_icons(scene) if reading is EXACT else set()
    joined = _join_strays(groups, reading)
    kept = [group for group in joined if len(group) > 1 or group[0][1] not in drawn]
    measured = [_sum_up(group, RADIUS_UNIT / scene.dpr) for group in kept]
    return tuple(sorted(measured, key=lambda radius: -radius.count))


def _radii_of(element: Element, dpr: float, reading: _Reading) -> list[float]:
    """Return the radii an element shows, in device pixels; none for square ones and pills.

    A box has one, or two where its corners differ; a corner that stands alone is no arc of a box.
    """
    smaller = min(element.box.width, element.box.height)
    if element.kind not in BOXES or smaller < MIN_BOX_PX * dpr:
        return []
    alike: list[list[float]] = []
    for radius in sorted(radius for radius in element.radii_px if radius):
        if alike and radius - alike[-1][-1] <= reading.alike_px * dpr:
            alike[-1].append(radius)
        else:
            alike.append([radius])
    radii = [median(some) for some in alike if len(some) > 1]
    slack = PILL_SLACK_PX
    if abs(element.box.width - element.box.height) <= 1:
        slack = max(slack, min(CIRCLE_SLACK_PX, CIRCLE_SLACK * smaller))
    return [radius for radius in radii if radius < smaller / 2 - slack]


def _parts_of_icons(scene: Scene) -> set[Box]:
    """Return what lies on tiles, the small boxes that icons are drawn on."""
    tiles = {
        index
        for index, element in enumerate(scene.elements)
        if max(element.box.width, element.box.height) <= TILE_MAX_PX * scene.dpr
    }
    return {element.box for element in scene.elements if element.parent in tiles}


def _join_strays(
    groups: list[list[tuple[float, Box]]], reading: _Reading
) -> list[list[tuple[float, Box]]]:
    """Give single boxes to the well shown radius beside theirs: one of them was misread."""
    shown = [group for group in groups if len(group) >= reading.agreeing]
    kept = [group for group in groups if len(group) > 1]
    for group in groups:
        if len(group) > 1:
            continue
        radius = group[0][0]
        near = [
            other
            for other in shown
            if min(abs(radius - known) for known, _ in other) <= reading.stray_px
        ]
        if near:
            max(near, key=len).extend(group)
        else:
            kept.append(group)
    return kept


def _sum_up(group: list[tuple[float, Box]], unit: float) -> RadiusMeasurement:
    """Make one measurement of boxes whose radii agree."""
    radii = np.array([radius for radius, _ in group])
    px = round(round(float(np.median(radii)) / unit) * unit, 3)
    spread = float(np.abs(radii - px).mean())
    # One box alone may be an accident of what lies in its corners; three agreeing are not.
    confidence = min(0.98, 1 - 0.5 / (1 + len(group))) * max(0.3, 1 - spread)
    boxes = tuple(box for _, box in group)
    return RadiusMeasurement(px, len(group), boxes, round(confidence, 3))
