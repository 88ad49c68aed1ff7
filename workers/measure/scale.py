"""The device ratio: how many pixels of the image make one CSS pixel.

No single sign is safe, so independent ones vote: body text is 13 to 17 CSS pixels nearly
everywhere, hairlines are one CSS pixel thick, browsers and phones come in well-known widths, and
tools that capture at a ratio say so in the file's name. Whether edges fall on even pixels does
not work: layouts are full of odd sizes.
"""

import re
from collections.abc import Sequence

import numpy as np

from workers.measure.scene import Element, ElementKind, TextLine

RATIOS = (1.0, 1.5, 2.0, 3.0)
# Common CSS widths of browser windows, tablets and phones.
COMMON_WIDTHS = frozenset(
    (320, 360, 375, 384, 390, 393, 402, 412, 414, 428, 430, 440, 600, 744, 768, 800, 810, 820,
     834, 1024, 1112, 1194, 1200, 1280, 1366, 1440, 1512, 1536, 1600, 1680, 1728, 1792, 1920,
     2048, 2560)
)  # fmt: skip
# No page is laid out narrower than the smallest phone.
MIN_CSS_WIDTH = 310
# Body text: this quantile of a page's lines, since headings may be many, lies about here.
TEXT_QUANTILE = 0.3
TEXT_MEAN_PX, TEXT_SD_PX = 14.0, 2.5
# No page's text alone may say more than that against a ratio.
TEXT_MAX_VOTE = 6.0
MIN_LINES = 3
# Votes, in log odds.
WIDTH_VOTE = 2.5
NARROW_VOTE = -1.5
# Lines thinner than the ratio speak against it: CSS draws no half pixels.
THIN_LINE_VOTE = -2.0
MIN_THIN_LINES = 3
THIN_SLACK_PX = 0.6
# How rare each ratio is among screenshots; a usual width alone makes no 1.5 and no 3.
PRIOR = {1.0: 0.0, 1.5: -3.0, 2.0: -1.0, 3.0: -2.7}
NAMED_RATIO = re.compile(r"@(\d(?:\.\d+)?)x\b", re.IGNORECASE)


def find_device_ratio(
    width: int, elements: Sequence[Element], lines: Sequence[TextLine], name: str = ""
) -> float:
    """Return the most likely device ratio of an image.

    Args:
        width: of the image in pixels.
        elements: with borders and dividers, whose thickness tells.
        lines: of text, sizes in device pixels.
        name: the file's name, which may end in ``@2x``.

    Returns:
        One of 1, 1.5, 2 and 3, or what the name says.
    """
    named = NAMED_RATIO.search(name)
    if named:
        return float(named.group(1))
    thicknesses = _line_thicknesses(elements)
    sizes = [line.size_px for line in lines]
    body = float(np.quantile(sizes, TEXT_QUANTILE)) if len(sizes) >= MIN_LINES else None
    return max(RATIOS, key=lambda ratio: _score(ratio, width, thicknesses, body))


def _score(ratio: float, width: int, thicknesses: Sequence[int], body: float | None) -> float:
    """Return the log odds of a ratio; ``body`` is the size of body text, if there is any."""
    css_width = width / ratio
    score = PRIOR[ratio]
    score += WIDTH_VOTE if round(css_width, 2) in COMMON_WIDTHS else 0
    score += NARROW_VOTE if css_width < MIN_CSS_WIDTH else 0
    thin = sum(thickness < ratio - THIN_SLACK_PX for thickness in thicknesses)
    score += THIN_LINE_VOTE if thin >= MIN_THIN_LINES else 0
    if body is not None:
        deviation = (body / ratio - TEXT_MEAN_PX) / TEXT_SD_PX
        score -= min(TEXT_MAX_VOTE, deviation**2 / 2)
    return score


def _line_thicknesses(elements: Sequence[Element]) -> list[int]:
    """Return the thickness in pixels of every border and divider."""
    thicknesses = []
    for element in elements:
        if element.border is not None:
            border = element.border
            sides = (border.top, border.right, border.bottom, border.left)
            thicknesses.append(min(side for side in sides if side))
        elif element.kind is ElementKind.DIVIDER:
            thicknesses.append(min(element.box.width, element.box.height))
    return thicknesses
