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
from numpy.typing import NDArray

from workers.measure.faces import PAIR_WEIGHTS, Face
from workers.measure.stems import Stems, middle

Floats = NDArray[np.float64]

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
# Past bold, distances between strokes go on changing with the stroke's width this far.
BOLDER_MAX = 1.5


@dataclass(frozen=True, slots=True)
class Marks:
    """A line's strokes in clusters: values (px) and how much each counts."""

    heights: Floats
    height_counts: Floats
    pairs: Floats
    pair_counts: Floats
    strokes: int
    tallest: float
    stem: float


@dataclass(frozen=True, slots=True)
class Yard:
    """The proportions of faces as arrays, faces along the first axis, in ems."""

    heights: Floats  # (faces, 4): x-height, ascender, cap height, t
    overshoot: Floats  # (faces,)
    pairs: Floats  # (faces, 3, weights): n, m, H at PAIR_WEIGHTS
    pair_stems: Floats  # (faces, weights): strokes at PAIR_WEIGHTS
    stems: Floats  # (faces, weights): strokes at SHARE_WEIGHTS
    stem_shares: Floats  # (faces, weights): how often each is met, 0 where unpublished


def make_yard(faces: Sequence[Face]) -> Yard:
    """Lay out the proportions of faces."""
    weights = tuple(SHARE_WEIGHTS)
    return Yard(
        heights=np.array([(f.x_height, f.ascender, f.cap, f.t_height) for f in faces]),
        overshoot=np.array([f.overshoot for f in faces]),
        pairs=np.array([(f.n_pair, f.m_pair, f.cap_pair) for f in faces]),
        pair_stems=np.array([_stems_at(f, PAIR_WEIGHTS) for f in faces]),
        stems=np.array([_stems_at(f, weights) for f in faces]),
        stem_shares=np.array(
            [[SHARE_WEIGHTS[w] * (w in f.stems) for w in weights] for f in faces]
        ),
    )


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
        tallest=float(stems.heights.max()),
        stem=middle(stems.widths),
    )


def _cluster(values: NDArray[np.float32], gap: float) -> tuple[Floats, Floats]:
    """Return the means of runs of close values, and how much each run counts."""
    if not len(values):
        return np.zeros(0), np.zeros(0)
    ordered = np.sort(values.astype(np.float64))
    starts = np.concatenate(([0], np.flatnonzero(np.diff(ordered) > gap) + 1))
    counts = np.diff(np.append(starts, len(ordered)))
    return np.add.reduceat(ordered, starts) / counts, np.minimum(
        counts**INDEPENDENCE, LARGEST_COUNT
    )


def measure_likelihood(mark: Marks, yard: Yard, sizes: Floats, *, hinted: bool) -> Floats:
    """Return the log likelihood (faces, sizes) of a line's strokes, up to a constant."""
    heights = yard.heights[:, :, None] * sizes
    if hinted:
        heights = _hint(heights, yard.overshoot[:, None])
    total = _two_cases(mark, heights, HINTED_SD if hinted else HEIGHT_SD)
    widths = yard.stems[:, :, None] * sizes
    stem_sd = np.full_like(widths, STEM_SD)
    mixed = _mix(np.array([mark.stem]), widths, stem_sd, yard.stem_shares, mark.tallest / 4)
    total += mixed[..., 0]
    if len(mark.pairs):
        apart = _expected_pairs(mark.stem, yard, sizes)
        pair_sd = PAIR_SD + PAIR_SD_RELATIVE * apart
        mixed = _mix(mark.pairs, apart, pair_sd, np.array([SHARE_PAIRS]), mark.tallest)
        total += mixed @ mark.pair_counts
    return np.asarray(total, np.float64)


def _two_cases(mark: Marks, heights: Floats, sd: float) -> Floats:
    """Return the log chance (faces, sizes) of the heights in mixed case or in capitals."""
    off = (mark.heights - heights[..., None]) / sd
    near = np.exp(-0.5 * off * off) / sd  # faces, kinds, sizes, values
    floor = math.sqrt(2 * math.pi) / mark.tallest
    shares = np.array(SHARE_HEIGHTS)[:, None, None]
    mixed = (near * shares).sum(axis=1) + (1 - sum(SHARE_HEIGHTS)) * floor
    capitals = SHARE_CAPITALS * near[:, CAP] + (1 - SHARE_CAPITALS) * floor
    mixed, capitals = (np.log(chance) @ mark.height_counts for chance in (mixed, capitals))
    either = np.logaddexp(mixed + math.log(1 - CAPITAL_LINES), capitals + math.log(CAPITAL_LINES))
    return np.asarray(either, np.float64)


def _hint(heights: Floats, overshoot: Floats) -> Floats:
    """Scale heights (faces, 4, sizes) as FreeType's light hinting does, to a whole x-height.

    The other heights are rounded after it; versions differ in how, so that is left to the spread.
    """
    round_x = heights[:, 0] * overshoot
    whole_x = np.maximum(1.0, np.floor(round_x + 1 - HINT_ROUND_UP))
    scaled = heights * (whole_x / round_x)[:, None]
    scaled[:, 0] = whole_x
    return np.asarray(scaled, np.float64)


def _expected_pairs(stem: float, yard: Yard, sizes: Floats) -> Floats:
    """Return the distances (faces, 3, sizes) at the boldness that the stroke's width tells."""
    thin, regular, bold = (yard.pair_stems[:, index, None] for index in range(3))
    em = stem / sizes
    lighter = np.clip((regular - em) / (regular - thin), 0, 1)[:, None]
    bolder = np.clip((em - regular) / (bold - regular), 0, BOLDER_MAX)[:, None]
    at_thin, at_regular, at_bold = (yard.pairs[:, :, index, None] for index in range(3))
    apart = at_regular + (at_thin - at_regular) * lighter + (at_bold - at_regular) * bolder
    return np.asarray(apart * sizes, np.float64)


def _mix(values: Floats, expected: Floats, sd: Floats, shares: Floats, span: float) -> Floats:
    """Return the log chance (faces, sizes, values) of a mixture of normals and a floor."""
    off = (values - expected[..., None]) / sd[..., None]
    weights = shares[..., None] / sd
    chance = (np.exp(-0.5 * off * off) * weights[..., None]).sum(axis=1)
    floor = (1 - shares.sum(axis=1)) / span * math.sqrt(2 * math.pi)
    return np.asarray(np.log(chance + floor[:, None, None]), np.float64)
