"""From ink to lines of text: glyphs, rows of glyphs, and each row's color and font.

Lines never cross an element's edge.
"""

from collections.abc import Sequence

from workers.measure.blocks import with_line_heights
from workers.measure.faces import weight_of
from workers.measure.fonts import Font, fit_fonts
from workers.measure.glyphs import find_glyphs, group_rows, measure_contrast
from workers.measure.measurements import FamilyClass
from workers.measure.pitch import is_monospaced
from workers.measure.rows import Planes, Row, measure_rows
from workers.measure.scene import Element, Packed, Rgb, TextLine
from workers.measure.stems import middle


def find_lines(
    rgb: Rgb, packed: Packed, background: Packed, elements: Sequence[Element]
) -> tuple[TextLine, ...]:
    """Find the lines of text and each one's font and color, from the top of the image down.

    A line's ``box`` holds all its ink and nothing else: from the tallest letter there is (an
    ascender, or an x-height where no letter rises above it) to the deepest (the baseline, where
    none descends), an icon before the text left out. ``baseline_y`` is the row on which letters
    stand, the first without their ink: the whole pixel where browsers put it. What CSS calls the
    content area reaches about .95 to .97 ``size_px`` above it and .2 to .25 below. Neither depends
    on the ``line_height_px``, which is known only where a block shows it.

    Words that stand an em or more apart are lines of their own. ``size_sd_px`` over 5 % of
    ``size_px`` means the line is there but its font can hardly be told (few or odd letters).

    Args:
        rgb: (height, width, 3), as decoded, unsnapped.
        packed: (height, width), the same colors packed.
        background: (height, width), the color behind each pixel's ink.
        elements: painted boxes, the page first.

    Returns:
        Lines in device pixels, ordered by the top of their box, then by its left.
    """
    contrast = measure_contrast(rgb, background)
    glyphs = find_glyphs(contrast, elements)
    rows = measure_rows(Planes(contrast, packed, background), glyphs, group_rows(glyphs))
    fonts = fit_fonts([row.stems for row in rows])
    lines = [_line(row, font) for row, font in zip(rows, fonts, strict=True) if font is not None]
    lines.sort(key=lambda line: (line.box.y, line.box.x))
    return with_line_heights(lines)


def _line(row: Row, font: Font) -> TextLine:
    stem = middle(row.stems.widths) / font.size_px
    return TextLine(
        box=row.box,
        parent=row.parent,
        baseline_y=float(row.box.y + row.stems.baseline),
        size_px=font.size_px,
        size_sd_px=font.size_sd_px,
        weight=weight_of(font.face, stem),
        family=FamilyClass.MONO if is_monospaced(row.glyphs, font.size_px) else font.face.family,
        line_height_px=None,
        color=row.color,
        color_confidence=row.color_confidence,
        background=row.background,
        glyphs=row.glyphs,
    )
