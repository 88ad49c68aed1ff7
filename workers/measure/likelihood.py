"""How well a face at a size explains the strokes of a line.

A line shows lengths of strokes, distances between the strokes of one letter, and the strokes'
width. A face at a size expects each of them at a few values (x-height, ascender, cap height and
t; the pairs of n, m and H; the published weights), so each is judged by a mixture of normals
around those values and a floor for whatever else stands in a line.

Rasterisers either keep heights as they are or round them to whole pixels. FreeType's light
hinting scales letters upright until the x-height is whole and then rounds the other heights; it
leaves widths alone.

Source: FreeType, src/autofit/aflatin.c, af_latin_metrics_scale_dim.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workers.measure.faces import PAIR_WEIGHTS, Face
from workers.measure.stems import Stems, middle

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.intp]

# FreeType rounds the x-height (that of round letters) up from this part of a pixel on.
HINT_ROUND_UP = 0.375
# Spread of measured stroke heights (px): antialiasing noise; under hinting, the last rounding.
HEIGHT_SD = 0.12
HINTED_SD = 0.45
# Spread of distances between strokes: a constant part in px, and a part of the distance.
PAIR_SD = 0.05
PAIR_SD_RELATIVE = 0.006
# How often a standing stroke ends at the x-height, the ascender, the cap height, at t's top, or
# nowhere foreseen (f, the shoulder of a).
SHARE_HEIGHTS = (0.48, 0.18, 0.18, 0.06)
# A line may also be capitals and digits alone; then most strokes end at the cap height.
CAP = 2
SHARE_CAPITALS = 0.9
CAPITAL_LINES = 0.2
# How often two strokes of one piece are n's (or h's), m's, a capital's, or something else.
SHARE_PAIRS = (0.45, 0.20, 0.05)
SQRT_2_PI = np.float32(math.sqrt(2 * math.pi))
# Past this, numbers are so small that processors take a hundred times as long for each.
LEAST_EXPONENT = np.float32(-80)
# Spread of a line's median stroke width (px), and how often each weight is met on pages. Regular
# comes first everywhere; the rest keeps a face without a weight from borrowing another's.
STEM_SD = 0.06
SHARE_WEIGHTS = {300: 0.06, 400: 0.4, 500: 0.14, 600: 0.15, 700: 0.15, 800: 0.02, 900: 0.02}
# Strokes of one height in one line repeat one error, so n of them count as n to this power, and
# never for more than the largest count.
INDEPENDENCE = 0.6
LARGEST_COUNT = 9.0
# Heights, and distances, closer than this (px) are one.
HEIGHT_GAP = 0.25
PAIR_GAP = 0.1
# A hundred-thousandth of a pixel is nothing here, and single precision takes half the time. So
# many lines at once keep what they need in the processor's cache.
LINES_AT_ONCE = 16
# Past bold, distances between strokes go on changing with the stroke's width this far.
BOLDER_MAX = 1.5


@dataclass(frozen=True, slots=True)
class Marks:
    """A line's strokes in clusters: values (px) and how much each counts."""

    heights: tuple[float, ...]
    height_counts: tuple[float, ...]
    pairs: tuple[float, ...]
    pair_counts: tuple[float, ...]
    strokes: int
    tallest: float
    stem: float


@dataclass(frozen=True, slots=True)
class Yard:
    """The proportions of faces as arrays, faces along the first axis, in ems."""

    heights: Singles  # (faces, 4): x-height, ascender, cap height, t
    overshoot: Singles  # (faces,)
    pairs: Singles  # (faces, 3, weights): n, m, H at PAIR_WEIGHTS
    pair_stems: Singles  # (faces, weights): strokes at PAIR_WEIGHTS
    stems: Singles  # (faces, weights): strokes at SHARE_WEIGHTS
    stem_shares: Singles  # (faces, weights): how often each is met, 0 where unpublished


def make_yard(faces: Sequence[Face]) -> Yard:
    """Lay out the proportions of faces."""
    weights = tuple(SHARE_WEIGHTS)
    shares = [[SHARE_WEIGHTS[w] * (w in f.stems) for w in weights] for f in faces]
    return Yard(
        heights=_singles([(f.x_height, f.ascender, f.cap, f.t_height) for f in faces]),
        overshoot=_singles([f.overshoot for f in faces]),
        pairs=_singles([(f.n_pair, f.m_pair, f.cap_pair) for f in faces]),
        pair_stems=_singles([_stems_at(f, PAIR_WEIGHTS) for f in faces]),
        stems=_singles([_stems_at(f, weights) for f in faces]),
        stem_shares=_singles(shares),
    )


def _singles(values: ArrayLike) -> Singles:
    return np.asarray(values, np.float32)


def _stems_at(face: Face, weights: Sequence[int]) -> Floats:
    """Return stroke widths at weights, straight on past the lightest and the boldest."""
    known = sorted(face.stems)
    slope = (face.stems[known[-1]] - face.stems[known[0]]) / (known[-1] - known[0])
    inside = np.interp(weights, known, [face.stems[weight] for weight in known])
    outside = np.asarray(weights) - np.clip(weights, known[0], known[-1])
    return np.asarray(inside + slope * outside, np.float64)


def gather(stems: Stems) -> Marks | None:
    """Cluster a line's strokes; None when none stands on the baseline."""
    if not len(stems.heights):
        return None
    return Marks(
        *_cluster(stems.heights, HEIGHT_GAP),
        *_cluster(stems.pairs, PAIR_GAP),
        strokes=len(stems.heights),
        tallest=max(stems.heights.tolist()),
        stem=middle(stems.widths),
    )


def _cluster(
    values: NDArray[np.float32], gap: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the means of runs of close values, and how much each run counts."""
    runs: list[list[float]] = []
    before = -math.inf
    # A line has a dozen strokes: fewer than arrays are worth.
    for value in sorted(values.tolist()):
        if value - before > gap:
            runs.append([])
        runs[-1].append(value)
        before = value
    means = tuple(sum(run) / len(run) for run in runs)
    return means, tuple(min(len(run) ** INDEPENDENCE, LARGEST_COUNT) for run in runs)


def measure_likelihoods(
    marks: Sequence[Marks], yard: Yard, sizes: Floats, *, hinted: bool
) -> Singles:
    """Return the log likelihood of the strokes of lines at sizes of their own, up to a constant.

    Args:
        marks: the lines.
        yard: the faces.
        sizes: tried for each line, shape (lines, sizes).
        hinted: whether heights were rounded to whole pixels.

    Returns:
        Shape (faces, lines, sizes).
    """
    total = np.empty((len(yard.heights), *sizes.shape), np.float32)
    for start in range(0, len(marks), LINES_AT_ONCE):
        some = slice(start, start + LINES_AT_ONCE)
        total[:, some] = _rate(marks[some], yard, _singles(sizes[some]), hinted=hinted)
    return total


def _rate(marks: Sequence[Marks], yard: Yard, sizes: Singles, *, hinted: bool) -> Singles:
    heights = yard.heights[:, :, None, None] * sizes
    if hinted:
        heights = _hint(heights, yard.overshoot[:, None, None])
    total = _two_cases(marks, heights, HINTED_SD if hinted else HEIGHT_SD)
    stems = _singles([mark.stem for mark in marks])[:, None]
    spans = _singles([mark.tallest for mark in marks])[:, None]
    total += _rate_stems(stems, yard, sizes, spans)
    paired = [at for at, mark in enumerate(marks) if mark.pairs]
    if paired:
        line, values, weights = _lay_out(
            [marks[at].pairs for at in paired], [marks[at].pair_counts for at in paired]
        )
        apart = _expected_pairs(stems[paired], yard, sizes[paired])
        precise = _singles(1 / (np.float32(PAIR_SD) + np.float32(PAIR_SD_RELATIVE) * apart))
        mixed = _mix(values, apart, precise, spans[paired], line)
        total[:, paired] += weights @ mixed
    return total


def _lay_out(
    values: Sequence[Sequence[float]], counts: Sequence[Sequence[float]]
) -> tuple[Ints, Singles, Singles]:
    """Return the line of each value, the values as a column, and what each counts in each line.

    The last is (lines, values): by it, a product sums over the values of each line.
    """
    line = np.repeat(np.arange(len(values)), [len(some) for some in values])
    weights = np.zeros((len(values), len(line)), np.float32)
    weights[line, np.arange(len(line))] = [one for some in counts for one in some]
    return line, _singles([one for some in values for one in some])[:, None], weights


def _two_cases(marks: Sequence[Marks], heights: Singles, sd: float) -> Singles:
    """Return the log chance (faces, lines, sizes) of the heights in mixed case or in capitals."""
    line, values, weights = _lay_out(
        [mark.heights for mark in marks], [mark.height_counts for mark in marks]
    )
    tallest = _singles([mark.tallest for mark in marks])
    floor = (SQRT_2_PI / tallest)[line, None]
    mixed = np.empty((len(heights), len(line), heights.shape[3]), np.float32)
    mixed[:] = np.float32(1 - sum(SHARE_HEIGHTS)) * floor
    spread = np.float32(1 / sd)
    expected, measured = heights * spread, values * spread
    for kind, share in enumerate(SHARE_HEIGHTS):
        near = _bell(measured, expected[:, kind, line])
        near *= np.float32(share / sd)
        mixed += near
        if kind == CAP:
            capitals = near * np.float32(SHARE_CAPITALS / share)
    capitals += np.float32(1 - SHARE_CAPITALS) * floor
    low, high = (weights @ np.log(chance, out=chance) for chance in (mixed, capitals))
    low += np.float32(math.log(1 - CAPITAL_LINES))
    high += np.float32(math.log(CAPITAL_LINES))
    return np.asarray(np.logaddexp(low, high), np.float32)


def _bell(measured: Singles, expected: Singles) -> Singles:
    """Return exp(-z^2 / 2) of values, (values, 1), around (..., values, sizes), which is lost.

    Both come in standard deviations.
    """
    off = np.subtract(expected, measured, out=expected)
    off *= off
    off *= np.float32(-0.5)
    np.maximum(off, LEAST_EXPONENT, out=off)
    return np.asarray(np.exp(off, out=off), np.float32)


def _hint(heights: Singles, overshoot: Singles) -> Singles:
    """Scale heights (faces, 4, lines, sizes) as FreeType's light hinting does.

    The x-height becomes whole. The other heights are rounded after it; versions differ in how, so
    that is left to the spread.
    """
    round_x = heights[:, 0] * overshoot
    whole_x = np.maximum(np.float32(1), np.floor(round_x + np.float32(1 - HINT_ROUND_UP)))
    scaled = heights * (whole_x / round_x)[:, None]
    scaled[:, 0] = whole_x
    return _singles(scaled)


def _expected_pairs(stems: Singles, yard: Yard, sizes: Singles) -> Singles:
    """Return the distances (faces, 3, lines, sizes) at the boldness that the strokes tell.

    Args:
        stems: the width of each line's strokes, shape (lines, 1).
        yard: the faces.
        sizes: tried for each line, shape (lines, sizes).
    """
    thin, regular, bold = (yard.pair_stems[:, index, None, None] for index in range(3))
    em = stems / sizes
    lighter = np.clip((regular - em) / (regular - thin), 0, 1)[:, None]
    bolder = np.clip((em - regular) / (bold - regular), 0, BOLDER_MAX)[:, None]
    at_thin, at_regular, at_bold = (yard.pairs[:, :, index, None, None] for index in range(3))
    apart = at_regular + (at_thin - at_regular) * lighter + (at_bold - at_regular) * bolder
    return _singles(apart * sizes)


def _rate_stems(stems: Singles, yard: Yard, sizes: Singles, spans: Singles) -> Singles:
    """Return the log chance (faces, lines, sizes) of the widths of strokes, (lines, 1)."""
    spread = np.float32(1 / STEM_SD)
    expected = (yard.stems * spread)[:, :, None, None] * sizes
    bell = _bell(stems * spread, expected)
    shares = yard.stem_shares
    chance = np.einsum("fnvs,fn->fvs", bell, shares * spread)
    chance += (1 - shares.sum(axis=1))[:, None, None] * (4 * SQRT_2_PI / spans)
    return np.asarray(np.log(chance, out=chance), np.float32)


def _mix(
    values: Singles, expected: Singles, precise: Singles, spans: Singles, line: Ints
) -> Singles:
    """Return the log chance (faces, values, sizes) of distances.

    Args:
        values: shape (values, 1).
        expected: the normals' centers, shape (faces, 3, lines, sizes).
        precise: one over their spread, same shape.
        spans: over which the floor spreads, shape (lines, 1).
        line: of each value.
    """
    scaled = expected * precise
    chance = np.empty((len(expected), len(line), expected.shape[3]), np.float32)
    chance[:] = np.float32(1 - sum(SHARE_PAIRS)) * (SQRT_2_PI / spans)[line]
    for kind, share in enumerate(SHARE_PAIRS):
        sharp = precise[:, kind, line]
        bell = _bell(values * sharp, scaled[:, kind, line])
        sharp *= np.float32(share)
        bell *= sharp
        chance += bell
    return np.asarray(np.log(chance, out=chance), np.float32)
