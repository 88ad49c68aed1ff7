"""Where the line box of a text ends, told from its ink.

Layout works with line boxes; pixels show ink. Sideways the two differ by the side bearing of the
first letter (``lineends``). Upright they differ by half the leading, which only neighbouring
lines of one paragraph show. What is not shown stays marked as unknown, so that nobody counts it
as measured.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from workers.measure.lineends import find_ends
from workers.measure.scene import Scene, TextLine

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
    lefts, rights = find_ends(scene, scene.lines)
    runs = [
        _Run(line, left, right)
        for line, left, right in zip(scene.lines, lefts.tolist(), rights.tolist(), strict=True)
    ]
    _find_paragraphs(runs, scene.dpr)
    ratios = [(run.pitch / run.line.size_px, run.line.size_px) for run in runs if run.pitch]
    return [_box_of(run, ratios, scene.dpr) for run in runs]


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
    return median(alike) * size if alike else None
