"""Vertical strokes of one line of text, measured below the pixel.

A rasteriser covers a pixel in proportion to the area of the letter inside it, so a straight
upright stroke tells its width as the sum of coverage across it, and its height as the count of
full rows plus the coverage of the last one. Strokes that stand on the baseline end at the
x-height (n, m, r, i), the cap height (H, E, T, digits) or the ascender (l, d, b, h, k): three
lengths that tell a font's size without reading a letter.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Coverage = NDArray[np.float32]  # (height, width), 0 to 1

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
    """Return the upper median, which numpy's own takes ten times as long for."""
    return float(np.sort(values)[len(values) // 2])


def find_baseline(coverage: Coverage) -> int:
    """Return the first row below the letters without descender: the largest drop of ink."""
    rows = coverage.sum(axis=1)
    drop = rows - np.append(rows[1:], 0)
    lower = len(rows) // 3  # letters without any foot above the middle do not exist
    return lower + int(drop[lower:].argmax()) + 1


def measure_stems(coverage: Coverage, labels: NDArray[np.int32], lightness: float = 0.0) -> Stems:
    """Measure the strokes that stand on the baseline.

    Args:
        coverage: (height, width), 0 to 1, the line's ink box.
        labels: (height, width), which connected piece each pixel belongs to, 0 for none.
        lightness: of the text's color, 0 (black) to 1.
    """
    baseline = find_baseline(coverage)
    tallest = _tallest(coverage, baseline)
    core, variation = _cut(coverage, baseline, tallest)
    runs = _runs(core > STROKE_MIN)
    widths, centers, roughness = _sum_runs(core, variation, runs)
    strongest = np.array([a + int(core[a:b].argmax()) for a, b in runs], np.intp)
    upright = (roughness < STROKE_VARIATION) & (widths < STROKE_MAX_WIDTH * tallest)
    heights = _stand(coverage, core, strongest, baseline)
    upright &= heights >= STANDING_MIN * tallest
    chosen = np.flatnonzero(upright)
    if not len(chosen):
        return _without_stems(baseline, tallest, widths)
    heights, centers = heights[chosen], centers[chosen]
    feet = labels[max(0, baseline - 2), strongest[chosen]]
    distance = np.diff(centers)
    paired = (feet[1:] == feet[:-1]) & (feet[1:] > 0)
    paired &= (distance >= PAIR_MIN * tallest) & (distance <= PAIR_MAX * tallest)
    shoulder = np.zeros(len(chosen), np.bool_)
    shoulder[1:] = paired & (heights[1:] < heights[:-1] - SHOULDER_DROP)
    widths = widths[chosen] - LIGHT_GAIN_PX * lightness * lightness
    return Stems(baseline, heights[~shoulder], widths, distance[paired].astype(np.float32))


def _without_stems(baseline: int, tallest: float, widths: NDArray[np.float32]) -> Stems:
    """Take the letters' height and the sides of round ones, where no stroke stands (2305)."""
    if not len(widths):
        return Stems(baseline, widths, widths, widths)
    return Stems(baseline, np.array([tallest], np.float32), widths, widths[:0])


def _tallest(coverage: Coverage, baseline: int) -> float:
    return float(max(1, baseline - int((coverage[:baseline].max(axis=1) > COVERED).argmax())))


def _cut(coverage: Coverage, baseline: int, tallest: float) -> tuple[Coverage, Coverage]:
    """Return each column's median coverage over the cut, and how far it strays from it."""
    high = baseline - max(CUT_MIN_ROWS + 1, round(CUT_HIGH * tallest))
    low = max(baseline - max(1, round(CUT_LOW * tallest)), high + CUT_MIN_ROWS)
    band = coverage[max(0, high) : low]
    core = np.sort(band, axis=0)[len(band) // 2]
    return core, np.abs(band - core).mean(axis=0)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.view(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _sum_runs(
    core: Coverage, variation: Coverage, runs: list[tuple[int, int]]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return each run's summed coverage, its center column and its relative variation."""
    if not runs:
        empty = np.zeros(0, np.float32)
        return empty, empty, empty
    cuts = np.array(runs, np.intp).ravel()
    columns = np.arange(len(core), dtype=np.float32) + 0.5
    padded = np.stack([core, core * columns, variation])
    padded = np.pad(padded, ((0, 0), (0, 1)))  # reduceat may cut one past the end
    width, moment, strays = np.add.reduceat(padded, cuts, axis=1)[:, ::2]
    return width, moment / width, strays / width


def _stand(
    coverage: Coverage, core: Coverage, columns: NDArray[np.intp], baseline: int
) -> NDArray[np.float32]:
    """Follow each column up from the baseline; return its height, the last row in part."""
    if not len(columns):
        return np.zeros(0, np.float32)
    above = coverage[:baseline, columns][::-1] / core[columns]
    standing = np.vstack([above >= STROKE_END, np.zeros((1, len(columns)), np.bool_)])
    end = standing.argmin(axis=0)
    padded = np.clip(np.vstack([above, np.zeros((2, len(columns)), np.float32)]), 0, 1)
    every = np.arange(len(columns))
    dotted = padded[end + 1, every] > DOT_MIN
    rest = np.where(dotted, 0, padded[end, every])
    height = end - 1 + padded[np.maximum(end - 1, 0), every] + rest
    return np.where(end > 0, height, 0).astype(np.float32)
