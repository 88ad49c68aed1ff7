"""Which face and which size explain the strokes of the lines of a page.

Every line shows lengths of strokes (x-height, cap height, ascender) and distances between the
strokes of one letter; a face fixes their proportions and a size scales them. One page mostly
uses one face, so the faces compete over all its lines together, and then each line takes the
size at which its face explains it best. No size is preferred over another: 13.3 px is as good
as 14 px.

Rasterisers either keep heights as they are or round them to whole pixels ("light hinting",
FreeType); widths stay unrounded. Which of the two is told from the heights themselves, and
rounded heights then say less than widths do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.faces import FACES, Face
from workers.measure.stems import Stems

Floats = NDArray[np.float64]

# Sizes tried for a line: cap heights lie between these parts of an em over all faces, and its
# tallest stroke is an ascender, a capital or an x-height.
TALLEST_EM = (0.44, 0.84)
SIZE_STEP = 0.004  # relative, a fifteenth of a pixel at 16 px
# Spread of measured stroke heights (px): antialiasing noise, and what rounding to whole pixels
# does (uniform over a pixel has .29; the hinter also prefers to round x-heights up).
HEIGHT_SD = 0.12
HINTED_SD = 0.42
# Spread of distances between strokes: a constant part in px and a part of the distance (u and h
# differ a little from n).
PAIR_SD = 0.10
PAIR_SD_RELATIVE = 0.012
# How often a standing stroke ends at each height in running text, and how often at none.
SHARE_X, SHARE_ASCENDER, SHARE_CAP, SHARE_ELSE = 0.5, 0.22, 0.22, 0.06
# How often the two strokes of a letter are n's.
SHARE_PAIR = 0.6
# Strokes of one height in one line repeat one error, so n of them count as n to this power.
INDEPENDENCE = 0.6
# Heights closer than this (px) are one height.
CLUSTER_GAP = 0.3
# A height is whole when this near to an integer; a page is hinted when most heights are whole.
WHOLE_PX = 0.07
HINTED_SHARE = 0.72
# A line speaks for a face when it shows this many strokes; this many lines suffice.
VOICE_STROKES = 5
VOICES = 30
# A line leaves the page's face when another explains it better by this log likelihood.
LEAVE = 9.0


@dataclass(frozen=True, slots=True)
class Font:
    """A line's font: size and its standard deviation in device pixels, and the face."""

    size_px: float
    size_sd_px: float
    face: Face


@dataclass(frozen=True, slots=True)
class _Marks:
    """A line's strokes in clusters: values and how much each counts."""

    heights: Floats
    height_counts: Floats
    pairs: Floats
    pair_counts: Floats
    strokes: int
    tallest: float


_PROPORTIONS = np.array([(f.x_height, f.ascender, f.cap) for f in FACES])
_PAIRS = np.array([sum(f.pair) / 2 for f in FACES])
_SHARES = np.array([SHARE_X, SHARE_ASCENDER, SHARE_CAP])


def fit_fonts(lines: Sequence[Stems]) -> list[Font | None]:
    """Find each line's font; None for a line without standing strokes."""
    marks = [_gather(stems) for stems in lines]
    seen = [mark for mark in marks if mark is not None]
    if not seen:
        return [None] * len(lines)
    height_sd = HINTED_SD if _are_hinted(seen) else HEIGHT_SD
    page = _page_likelihood(seen, height_sd)
    return [None if mark is None else _fit(mark, page, height_sd) for mark in marks]


def _gather(stems: Stems) -> _Marks | None:
    if not len(stems.heights):
        return None
    heights, counts = _cluster(stems.heights)
    pairs, pair_counts = _cluster(stems.pairs)
    return _Marks(heights, counts, pairs, pair_counts, len(stems.heights), float(heights.max()))


def _cluster(values: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Return the means of runs of close values, and how much each run counts."""
    if not len(values):
        return np.zeros(0), np.zeros(0)
    ordered = np.sort(values.astype(np.float64))
    starts = np.concatenate(([0], np.flatnonzero(np.diff(ordered) > CLUSTER_GAP) + 1))
    counts = np.diff(np.append(starts, len(ordered)))
    return np.add.reduceat(ordered, starts) / counts, counts**INDEPENDENCE


def _are_hinted(marks: Sequence[_Marks]) -> bool:
    heights = np.concatenate([mark.heights for mark in marks])
    counts = np.concatenate([mark.height_counts for mark in marks])
    whole = np.abs(heights - np.round(heights)) < WHOLE_PX
    return float((counts * whole).sum() / counts.sum()) >= HINTED_SHARE


def _page_likelihood(marks: Sequence[_Marks], height_sd: float) -> Floats:
    """Return each face's log likelihood over the lines that show most strokes."""
    voices = sorted(marks, key=lambda mark: -mark.strokes)[:VOICES]
    voices = [mark for mark in voices if mark.strokes >= VOICE_STROKES] or voices[:1]
    total = np.zeros(len(FACES))
    for mark in voices:
        total += _likelihood(mark, np.arange(len(FACES)), height_sd)[1].max(axis=1)
    return total


def _fit(mark: _Marks, page: Floats, height_sd: float) -> Font:
    """Take the page's face, or one that explains this line far better, and its best size."""
    favourite = int(page.argmax())
    sizes, likelihood = _likelihood(mark, np.array([favourite]), height_sd)
    curve = likelihood[0]
    best = int(curve.argmax())
    chance = np.exp(curve - curve[best])
    chance /= chance.sum()
    mean = float((chance * sizes).sum())
    spread = math.sqrt(float((chance * (sizes - mean) ** 2).sum()))
    return Font(float(sizes[best]), spread, FACES[favourite])


def _likelihood(mark: _Marks, faces: NDArray[np.intp], height_sd: float) -> tuple[Floats, Floats]:
    """Return the sizes tried and the log likelihood of the line, one row a face."""
    low, high = (math.log(mark.tallest / part) for part in reversed(TALLEST_EM))
    sizes = np.exp(np.arange(low, high, SIZE_STEP))
    expected = _PROPORTIONS[faces][:, :, None] * sizes  # face, kind, size
    off = (mark.heights - expected[..., None]) / height_sd
    chance = np.tensordot(_SHARES, np.exp(-0.5 * off * off), (0, 1)) / height_sd
    floor = SHARE_ELSE / mark.tallest * math.sqrt(2 * math.pi)
    total = np.log(chance + floor) @ mark.height_counts
    if len(mark.pairs):
        apart = _PAIRS[faces][:, None] * sizes
        sd = PAIR_SD + PAIR_SD_RELATIVE * apart
        off = (mark.pairs - apart[..., None]) / sd[..., None]
        chance = SHARE_PAIR * np.exp(-0.5 * off * off) / sd[..., None]
        floor = (1 - SHARE_PAIR) / mark.tallest * math.sqrt(2 * math.pi)
        total = total + np.log(chance + floor) @ mark.pair_counts
    return sizes, total
