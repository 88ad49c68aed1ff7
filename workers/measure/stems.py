"""Vertical strokes of lines of text, measured below the pixel.

A rasteriser covers a pixel in proportion to the area of the letter inside it, so a straight
upright stroke tells its width as the sum of coverage across it, and its height as the count of
full rows plus the coverage of the last one. Strokes that stand on the baseline end at the
x-height (n, m, r, i), the cap height (H, E, T, digits) or the ascender (l, d, b, h, k): three
lengths that tell a font's size without reading a letter.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from workers.measure.galley import Galley, Indices

Coverage = NDArray[np.float32]  # (height, width), 0 to 1
Singles = NDArray[np.float32]

# Rows at which strokes are cut, in heights of the tallest letter above the baseline: above the
# feet of round letters, below the shoulders of n and h (which start at .65 of the x-height).
CUT_LOW = 0.12
CUT_HIGH = 0.42
CUT_MIN_ROWS = 3
# Coverage under this is a neighbour's rim.
STROKE_MIN = 0.06
# A stroke keeps its coverage from row to row; curves and diagonals vary more than this share.
STROKE_VARIATION = 0.12
# A stroke ends where coverage falls to this part of its own.
STROKE_END = 0.75
# Ink over a gap this dark is i's dot, and what lies in the gap is the dot's, not the stroke's.
DOT_MIN = 0.3
# A pixel is as much the letter's as the background's from about this coverage on.
COVERED = 0.45
# Strokes lower than this part of the tallest are feet and bars.
STANDING_MIN = 0.45
# No stroke of a text face is wider than this part of the letter height (black weights: .37).
STROKE_MAX_WIDTH = 0.45
# Two strokes of one letter stand this far apart, in letter heights (i's neighbours to M).
PAIR_MIN = 0.28
PAIR_MAX = 1.1
# Rasterisers blend in a space between linear and encoded light (Skia's text gamma), which widens
# the rims of light text. Measured on text of known weight: .00 px for black, .02 to .04 for mid
# grays, .10 for white, whatever the size.
LIGHT_GAIN_PX = 0.1
# A letter's second stroke that ends this far (px) under its first is a round shoulder (n, m, h):
# it stands nowhere.
SHOULDER_DROP = 0.2


@dataclass(frozen=True, slots=True)
class Stems:
    """The upright strokes of a line, in device pixels.

    ``heights`` are those above the baseline, of strokes that end at one of the font's heights;
    ``widths`` are those of all strokes; ``pairs`` are the distances between the centers of two
    neighbouring strokes of one letter. ``baseline`` is a row of the line's box.
    """

    baseline: int
    heights: NDArray[np.float32]
    widths: NDArray[np.float32]
    pairs: NDArray[np.float32]


def middle(values: NDArray[np.float32]) -> float:
    """Return the upper median of a few values, for which arrays take three times as long."""
    return float(sorted(values.tolist())[len(values) // 2])


@dataclass(frozen=True, slots=True)
class _Strokes:
    """Columns of ink in the cut of the lines, from left to right, one entry each.

    ``line`` is whose they are, ``place`` their strongest column on the canvas, ``core`` its
    coverage; ``widths``, ``centers`` (in the line) and ``roughness`` are over all their columns.
    """

    line: Indices
    place: Indices
    core: Singles
    widths: Singles
    centers: Singles
    roughness: Singles

    def take(self, chosen: Indices) -> "_Strokes":
        return _Strokes(
            self.line[chosen],
            self.place[chosen],
            self.core[chosen],
            self.widths[chosen],
            self.centers[chosen],
            self.roughness[chosen],
        )


def find_baselines(galley: Galley, coverage: Coverage) -> Indices:
    """Return each line's first row below the letters without descender: the largest drop of ink.

    Args:
        galley: where the lines lie.
        coverage: of the canvas, 0 to 1.
    """
    ink = np.add.reduceat(coverage, galley.starts, axis=1)
    drop = ink[:-1] - ink[1:]
    rows = np.arange(len(drop))[:, None]
    # Letters without any foot above the middle do not exist.
    drop[(rows < galley.heights // 3) | (rows >= galley.heights)] = -np.inf
    return np.asarray(drop.argmax(axis=0) + 1, np.intp)


def measure_stems(
    galley: Galley, coverage: Coverage, labels: NDArray[np.int32], lightness: Singles
) -> list[Stems]:
    """Measure the strokes that stand on the baselines of lines.

    Args:
        galley: where the lines lie.
        coverage: of the canvas, 0 to 1.
        labels: which connected piece each pixel of the canvas belongs to, 0 for none.
        lightness: of each line's color, 0 (black) to 1, shape (lines,).
    """
    baselines = find_baselines(galley, coverage)
    tallest = _tallest(galley, coverage, baselines)
    strokes = _find_strokes(galley, *_cut(galley, coverage, baselines, tallest))
    upright = np.flatnonzero(
        (strokes.roughness < STROKE_VARIATION)
        & (strokes.widths < STROKE_MAX_WIDTH * tallest[strokes.line])
    )
    chosen = strokes.take(upright)
    heights = _stand(coverage, chosen, baselines)
    standing = np.flatnonzero(heights >= STANDING_MIN * tallest[chosen.line])
    chosen, heights = chosen.take(standing), heights[standing]
    feet = labels[np.maximum(0, baselines - 2)[chosen.line], chosen.place]
    found = _sum_up(chosen, heights, feet, tallest, lightness)
    widths = _part(strokes.widths, strokes.line, len(baselines))
    return [
        Stems(int(baseline), *three)
        if len(three[1])
        else _without_stems(int(baseline), float(tall), sides)
        for baseline, tall, three, sides in zip(baselines, tallest, found, widths, strict=True)
    ]


def _sum_up(
    strokes: _Strokes, heights: Singles, feet: NDArray[np.int32], tallest: Singles, light: Singles
) -> list[tuple[Singles, Singles, Singles]]:
    """Return heights, widths and distances of pairs for each line."""
    line, count = strokes.line, len(tallest)
    distance = np.diff(strokes.centers)
    paired = (line[1:] == line[:-1]) & (feet[1:] == feet[:-1]) & (feet[1:] > 0)
    paired &= distance >= PAIR_MIN * tallest[line[1:]]
    paired &= distance <= PAIR_MAX * tallest[line[1:]]
    ends = np.ones(len(line), np.bool_)
    ends[1:] = ~(paired & (heights[1:] < heights[:-1] - SHOULDER_DROP))
    widths = strokes.widths - (LIGHT_GAIN_PX * light * light)[line]
    return list(
        zip(
            _part(heights[ends], line[ends], count),
            _part(widths.astype(np.float32), line, count),
            _part(distance[paired], line[1:][paired], count),
            strict=True,
        )
    )


def _part(values: Singles, line: Indices, count: int) -> list[Singles]:
    """Part values into those of each line; they come in the order of the lines."""
    bounds = np.searchsorted(line, np.arange(count + 1)).tolist()
    return [values[start:end] for start, end in pairwise(bounds)]


def _without_stems(baseline: int, tallest: float, widths: Singles) -> Stems:
    """Take the letters' height and the sides of round ones, where no stroke stands (2305)."""
    if not len(widths):
        return Stems(baseline, widths, widths, widths)
    return Stems(baseline, np.array([tallest], np.float32), widths, widths[:0])


def _tallest(galley: Galley, coverage: Coverage, baselines: Indices) -> Singles:
    """Return the height of each line's tallest letter above its baseline, in whole pixels."""
    inked = np.maximum.reduceat(coverage, galley.starts, axis=1) > COVERED
    inked &= np.arange(len(inked))[:, None] < baselines
    return np.asarray(np.maximum(1, baselines - inked.argmax(axis=0)), np.float32)


def _cut(
    galley: Galley, coverage: Coverage, baselines: Indices, tallest: Singles
) -> tuple[Singles, Singles]:
    """Return each column's median coverage over the cut, and how far it strays from it."""
    high = baselines - np.maximum(CUT_MIN_ROWS + 1, np.rint(CUT_HIGH * tallest).astype(np.intp))
    low = baselines - np.maximum(1, np.rint(CUT_LOW * tallest).astype(np.intp))
    low = np.minimum(np.maximum(low, high + CUT_MIN_ROWS), galley.heights)
    top = np.maximum(0, high)
    depth = np.maximum(1, low - top)[galley.row]
    steps = np.arange(int(depth.max()))
    rows = np.minimum(top[galley.row][:, None] + steps, len(coverage) - 1)
    band = coverage[rows, np.arange(len(rows))[:, None]]
    beyond = steps >= depth[:, None]
    band[beyond] = np.inf
    core = np.sort(band, axis=1)[np.arange(len(band)), depth // 2]
    strays = np.abs(band - core[:, None])
    strays[beyond] = 0
    return core, (strays.sum(axis=1) / depth).astype(np.float32)


def _find_strokes(galley: Galley, core: Singles, variation: Singles) -> _Strokes:
    """Take each run of columns with ink as a stroke."""
    mask = core > STROKE_MIN
    # The blank column after the last line closes the last run.
    edges = np.flatnonzero(np.diff(mask.view(np.int8), prepend=0))
    if not len(edges):
        none = np.zeros(0, np.float32)
        nowhere = np.zeros(0, np.intp)
        return _Strokes(nowhere, nowhere, none, none, none, none)
    moment = core * (galley.column.astype(np.float32) + np.float32(0.5))
    sums = np.add.reduceat(np.stack([core, moment, variation]), edges, axis=1)
    width, moment, strays = sums[:, ::2]
    strongest = np.maximum.reduceat(core, edges)[::2]
    run = np.repeat(np.arange(len(strongest)), edges[1::2] - edges[::2])
    inside = np.flatnonzero(mask)
    peaks = np.flatnonzero(core[inside] == strongest[run])[::-1]
    place = np.zeros(len(strongest), np.intp)
    place[run[peaks]] = inside[peaks]  # of several, the last written, the first column, stays
    line = galley.row[edges[::2]]
    return _Strokes(line, place, strongest, width, moment / width, strays / width)


def _stand(coverage: Coverage, strokes: _Strokes, baselines: Indices) -> Singles:
    """Follow strokes up from the baseline; return their heights, the last row in part."""
    if not len(strokes.line):
        return np.zeros(0, np.float32)
    feet = baselines[strokes.line]
    rows = feet - 1 - np.arange(int(feet.max()) + 2)[:, None]
    above = coverage[np.maximum(rows, 0), strokes.place] / strokes.core
    above[rows < 0] = 0
    end = (above >= STROKE_END).argmin(axis=0)
    above = np.minimum(above, np.float32(1))
    every = np.arange(len(feet))
    dotted = above[end + 1, every] > DOT_MIN
    rest = np.where(dotted, 0, above[end, every])
    height = end - 1 + above[np.maximum(end - 1, 0), every] + rest
    return np.where(end > 0, height, 0).astype(np.float32)
