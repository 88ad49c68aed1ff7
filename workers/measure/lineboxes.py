"""Where the line box of a text ends, told from its ink.

Layout works with line boxes; pixels show ink. Sideways the two differ by the side bearing of the
first letter, which depends on its shape: a straight stem stands about .08 em off its origin, a
bow less. Upright they differ by half the leading, which only neighbouring lines of one paragraph
show. What is not shown stays marked as unknown, so that nobody counts it as measured.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.scene import Scene, TextLine

Floats = NDArray[np.float64]

# Where red, green and blue stand in a packed color.
SHIFTS = (16, 8, 0)
# A column of pixels belongs to a letter from this much coverage on.
INK_COVERAGE = 0.25
# Coverage at which a column is as good as full.
FULL_COVERAGE = 0.97
# A letter's edge reaches its full coverage within so many columns.
EDGE_COLUMNS = 3
# Columns looked at on each end at least, for the smallest text.
MIN_END_PX = 6
# Side bearings in em by the share of the ink's height that the first columns cover: a stem
# (Arial H .079, Roboto .083, Inter .089), a bow or a short letter, a tip (Arial o .04, T .02).
STEM_SHARE, STEM_BEARING = 0.85, 0.08
BOW_SHARE, BOW_BEARING = 0.4, 0.055
TIP_BEARING = 0.04
# The middle of a line box lies this far above the baseline, in em: half of ascent less descent
# (Arial .347, Roboto .342, Inter .364, Noto Sans .388).
MIDDLE_EM = 0.36
# Baselines of a paragraph are this many sizes apart; rows of a list mostly further.
MIN_PITCH, MAX_PITCH = 0.9, 1.75
# Lines of a paragraph start, or are centered, at the same place up to so much of their size.
SAME_START = 0.15
SAME_MIDDLE = 0.2
# Only lines this long, in sizes, are running text, and a line that another follows is full.
MIN_FIRST_LENGTH = 8
MIN_LENGTH = 3
FULL_SHARE = 0.6
# Lines whose sizes differ by more than this, in CSS pixels, are not one paragraph.
SAME_SIZE_PX = 1.01
# Sizes this close, in CSS pixels, share their line height.
SHARED_SIZE_PX = 0.6
# Up to this size, in CSS pixels, text without measured lines takes the page's ratio; headings
# above it are commonly set tighter.
MAX_BODY_PX = 20.0
# Stands in for a line height that nothing on the page shows, to tell what lies beside the line.
# No distance is measured from such a box upright.
UNKNOWN_RATIO = 1.5


@dataclass(frozen=True, slots=True)
class LineBox:
    """The line box of one text line, in fractions of device pixels.

    ``known`` tells that lines of the page show the height. ``continued`` tells that the next
    line of the same paragraph follows, ``continues`` that one went before.
    """

    left: float
    top: float
    right: float
    bottom: float
    known: bool
    continued: bool
    continues: bool


@dataclass(slots=True)
class _Run:
    """A text line on the way to its box."""

    line: TextLine
    left: float
    right: float
    pitch: float | None = None
    continued: bool = False
    continues: bool = False

    @property
    def length(self) -> float:
        return self.right - self.left


def find_line_boxes(scene: Scene) -> list[LineBox]:
    """Return the line box of every text line of the scene, in their order."""
    runs = [_run_of(scene, line) for line in scene.lines]
    _find_paragraphs(runs, scene.dpr)
    ratios = [(run.pitch / run.line.size_px, run.line.size_px) for run in runs if run.pitch]
    return [_box_of(run, ratios, scene.dpr) for run in runs]


def _run_of(scene: Scene, line: TextLine) -> _Run:
    """Find where the first letter's origin lies and the last letter's advance ends."""
    box, size = line.box, line.size_px
    width = min(box.width, max(MIN_END_PX, int(size)))
    first = _coverage(scene, line, slice(box.x, box.x + width))
    last = _coverage(scene, line, slice(box.right - width, box.right))[:, ::-1]
    left_px, left_em = _edge(first)
    right_px, right_em = _edge(last)
    return _Run(line, box.x + left_px - left_em * size, box.right - right_px + right_em * size)


def _coverage(scene: Scene, line: TextLine, columns: slice) -> Floats:
    """Return how much of each pixel the text covers, 0 to 1, shape (height, columns).

    The channel in which text and background differ most tells it.
    """
    rows = slice(line.box.y, line.box.bottom)
    papers = scene.background[rows, columns]
    paper = int(papers.flat[0]) if papers.size else 0
    contrasts = [abs((line.color >> shift & 255) - (paper >> shift & 255)) for shift in SHIFTS]
    channel = contrasts.index(max(contrasts))
    behind = (papers >> SHIFTS[channel] & 255).astype(np.float64)
    toward = (line.color >> SHIFTS[channel] & 255) - behind
    toward[toward == 0] = 1
    covered: Floats = np.clip((scene.rgb[rows, columns, channel] - behind) / toward, 0.0, 1.0)
    return covered


def _edge(coverage: Floats) -> tuple[float, float]:
    """Return where ink starts from the left, in pixels, and its side bearing in em."""
    if not coverage.size:
        return 0.0, BOW_BEARING
    columns = coverage.max(axis=0)
    inked = np.flatnonzero(columns >= INK_COVERAGE)
    if not len(inked):
        return 0.0, BOW_BEARING
    start = int(inked[0])
    rising = columns[start : start + EDGE_COLUMNS].argmax() > 0
    partial = rising and columns[start] < FULL_COVERAGE
    edge = start + (1 - columns[start] if partial else 0.0)
    stem = coverage[:, start : start + 2].max(axis=1)
    height = np.count_nonzero(coverage.max(axis=1) > INK_COVERAGE)
    share = np.count_nonzero(stem > float(stem.max()) / 2) / max(1, int(height))
    if share > STEM_SHARE:
        return float(edge), STEM_BEARING
    return float(edge), BOW_BEARING if share > BOW_SHARE else TIP_BEARING


def _find_paragraphs(runs: Sequence[_Run], dpr: float) -> None:
    """Note for every line of a paragraph the distance of baselines and its neighbours."""
    groups: dict[tuple[int, int], list[_Run]] = defaultdict(list)
    for run in runs:
        groups[run.line.parent, run.line.color].append(run)
    for group in groups.values():
        group.sort(key=lambda run: run.line.baseline_y)
        for at, run in enumerate(group):
            _join_next(run, group[at + 1 :], dpr)


def _join_next(run: _Run, later: Sequence[_Run], dpr: float) -> None:
    """Join a line to the one that continues it, if there is one."""
    for other in later:
        pitch = other.line.baseline_y - run.line.baseline_y
        if pitch > MAX_PITCH * run.line.size_px:
            return
        if pitch >= MIN_PITCH * run.line.size_px and _is_continued(run, other, dpr):
            run.continued = other.continues = True
            for each in (run, other):
                each.pitch = pitch if each.pitch is None else min(each.pitch, pitch)
            return


def _is_continued(run: _Run, other: _Run, dpr: float) -> bool:
    """Tell whether two lines have the size, the place and the lengths of running text."""
    size = run.line.size_px
    middles = abs(run.left + run.right - other.left - other.right) / 2
    aligned = abs(run.left - other.left) <= SAME_START * size or middles <= SAME_MIDDLE * size / 2
    long = run.length > MIN_FIRST_LENGTH * size and other.length > MIN_LENGTH * size
    full = run.length > FULL_SHARE * other.length
    return aligned and long and full and abs(size - other.line.size_px) <= SAME_SIZE_PX * dpr


def _box_of(run: _Run, ratios: Sequence[tuple[float, float]], dpr: float) -> LineBox:
    """Give a line the height that it, its size or the page shows."""
    size = run.line.size_px
    height = run.pitch or _shared_height(size, ratios, dpr)
    middle = run.line.baseline_y - MIDDLE_EM * size
    half = (height or UNKNOWN_RATIO * size) / 2
    return LineBox(
        left=run.left,
        top=middle - half,
        right=run.right,
        bottom=middle + half,
        known=height is not None,
        continued=run.continued,
        continues=run.continues,
    )


def _shared_height(size: float, ratios: Sequence[tuple[float, float]], dpr: float) -> float | None:
    """Return the line height that other lines show for a size, None where none does."""
    alike = [ratio for ratio, other in ratios if abs(other - size) <= SHARED_SIZE_PX * dpr]
    if not alike and size <= MAX_BODY_PX * dpr:
        alike = [ratio for ratio, _ in ratios]
    return float(np.median(alike)) * size if alike else None
