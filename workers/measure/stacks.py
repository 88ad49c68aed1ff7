"""Boxes made of parts that are stacked: a card of header, body and footer, a list of rows."""

from collections.abc import Sequence

from workers.measure.borders import find_border
from workers.measure.measurements import Box
from workers.measure.regions import Region
from workers.measure.scene import Border, Packed

# Parts of one box begin and end at the same columns, but for the border: a part filled with the
# border's own color reaches over it.
SAME_EDGE_PX = 3
# A dividing line may lie between two parts.
MAX_DIVIDER_PX = 3
# Narrower things are not cards.
MIN_WIDTH = 40
NO_FILL = -1


def find_stacks(packed: Packed, regions: Sequence[Region]) -> list[tuple[Box, int, Border]]:
    """Find boxes with one border around several parts.

    Args:
        packed: (height, width) packed colors.
        regions: the box-shaped single-colored regions.

    Returns:
        For each stack the area inside its border, the color of its largest part, its border.
    """
    stacks = []
    for parts in _chains(regions):
        left = max(part.box.x for part in parts)
        right = min(part.box.right for part in parts)
        top, bottom = parts[0].box.y, parts[-1].box.bottom
        box = Box(left, top, right - left, bottom - top)
        border = find_border(packed, box, NO_FILL)
        if border is not None:
            largest = max(parts, key=lambda part: part.pixels)
            stacks.append((box, largest.color, border))
    return stacks


def _chains(regions: Sequence[Region]) -> list[list[Region]]:
    """Return maximal runs of regions that lie one below the other without a gap."""
    ordered = sorted(
        (region for region in regions if region.box.width >= MIN_WIDTH),
        key=lambda region: (region.box.y, region.box.x),
    )
    used: set[int] = set()
    chains = []
    for index, first in enumerate(ordered):
        if index in used:
            continue
        chain = [first]
        for after in range(index + 1, len(ordered)):
            if after not in used and _continues(chain[-1].box, ordered[after].box):
                chain.append(ordered[after])
                used.add(after)
        if len(chain) > 1:
            chains.append(chain)
    return chains


def _continues(upper: Box, lower: Box) -> bool:
    """Tell whether a box goes on directly below another."""
    return (
        abs(upper.x - lower.x) <= SAME_EDGE_PX
        and abs(upper.right - lower.right) <= SAME_EDGE_PX
        and 0 <= lower.y - upper.bottom <= MAX_DIVIDER_PX
    )
