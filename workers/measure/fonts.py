"""Which face and which size explain the strokes of the lines of a page.

Every line shows lengths of strokes (x-height, cap height, ascender) and distances between the
strokes of one letter; a face fixes their proportions and a size scales them. One page mostly
uses one face, so the faces compete over all its lines together, and then each line takes the
size at which its face explains it best. No size is preferred over another: 13.3 px is as good
as 14 px.

Rasterisers either keep heights as they are or round them to whole pixels. FreeType's light
hinting scales letters upright until the x-height is whole and then rounds the other heights; it
leaves widths alone. Which of the two happened is told from the heights themselves.

Source: FreeType, src/autofit/aflatin.c, af_latin_metrics_scale_dim.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.measure.faces import FACES, PAIR_WEIGHTS, Face
from workers.measure.measurements import FamilyClass
from workers.measure.stems import Stems

Floats = NDArray[np.float64]

# Sizes tried for a line: a line's tallest stroke is between these parts of an em, from the
# x-height of the smallest face to the ascender of the largest.
TALLEST_EM = (0.44, 0.84)
SIZE_STEP = 0.005  # relative, a twelfth of a pixel at 16 px
# FreeType rounds the x-height (that of round letters) up from this part of a pixel on.
HINT_ROUND_UP = 0.375
# Spread of measured stroke heights (px): antialiasing noise; under hinting, faces and versions
# of one face that round otherwise than foreseen.
HEIGHT_SD = 0.12
HINTED_SD = 0.33
# Spread of distances between strokes: a constant part in px, and a part of the distance.
PAIR_SD = 0.11
PAIR_SD_RELATIVE = 0.012
# How often a standing stroke ends at the x-height, the ascender, the cap height, at t's top, or
# nowhere foreseen (f, the shoulder of a).
SHARE_HEIGHTS = (0.48, 0.18, 0.18, 0.06)
# How often two strokes of one piece are n's (or h's), m's, a capital's, or something else.
SHARE_PAIRS = (0.45, 0.20, 0.05)
# Spread of a line's median stroke width (px), and how often each weight is met on pages. Regular
# comes first everywhere; the rest keeps a face without a weight from borrowing another's.
STEM_SD = 0.07
SHARE_WEIGHTS = {300: 0.06, 400: 0.4, 500: 0.14, 600: 0.15, 700: 0.15, 800: 0.02, 900: 0.02}
# Strokes of one height in one line repeat one error, so n of them count as n to this power.
INDEPENDENCE = 0.6
# Heights, and distances, closer than this (px) are one.
CLUSTER_GAP = 0.25
PAIR_GAP = 0.15
# A height is whole when this near to an integer; lines are hinted when most heights are whole.
WHOLE_PX = 0.12
HINTED_SHARE = 0.6
# A line speaks for a face when it shows this many strokes; this many lines suffice.
VOICE_STROKES = 5
VOICES = 30
# A line leaves the page's face when another explains it better by this log likelihood.
LEAVE = 8.0


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
    stem: float


@dataclass(frozen=True, slots=True)
class _Yard:
    """The faces' proportions as arrays, faces along the first axis."""

    heights: Floats  # (faces, 4): x-height, ascender, cap height, t
    overshoot: Floats  # (faces,)
    pairs: Floats  # (faces, 3, weights): n, m, H at PAIR_WEIGHTS
    pair_stems: Floats  # (faces, weights): strokes at PAIR_WEIGHTS
    stems: Floats  # (faces, 9): strokes at SHARE_WEIGHTS
    stem_shares: Floats  # (faces, 9): how often each weight is met, 0 where unpublished


def _yard(faces: Sequence[Face]) -> _Yard:
    return _Yard(
        heights=np.array([(f.x_height, f.ascender, f.cap, f.t_height) for f in faces]),
        overshoot=np.array([f.overshoot for f in faces]),
        pairs=np.array([(f.n_pair, f.m_pair, f.cap_pair) for f in faces]),
        pair_stems=np.array([_stems_at(f, PAIR_WEIGHTS) for f in faces]),
        stems=np.array([_stems_at(f, tuple(SHARE_WEIGHTS)) for f in faces]),
        stem_shares=np.array(
            [[SHARE_WEIGHTS[w] * (w in f.stems) for w in SHARE_WEIGHTS] for f in faces]
        ),
    )


def _stems_at(face: Face, weights: Sequence[int]) -> Floats:
    """Return stroke widths at weights, straight on past the lightest and the boldest."""
    known = sorted(face.stems)
    slope = (face.stems[known[-1]] - face.stems[known[0]]) / (known[-1] - known[0])
    inside = np.interp(weights, known, [face.stems[weight] for weight in known])
    outside = np.asarray(weights) - np.clip(weights, known[0], known[-1])
    return np.asarray(inside + slope * outside, np.float64)


def fit_fonts(lines: Sequence[Stems]) -> list[Font | None]:
    """Find each line's font; None for a line without standing strokes."""
    marks = [_gather(stems) for stems in lines]
    seen = [mark for mark in marks if mark is not None]
    if not seen:
        return [None] * len(lines)
    hinted = _are_hinted(seen)
    everyone = _yard(FACES)
    page = _page_likelihood(seen, everyone, hinted=hinted)
    page[[face.family is FamilyClass.MONO for face in FACES]] = -np.inf
    favourite = FACES[int(page.argmax())]
    alone = _yard([favourite])
    return [
        None if mark is None else _fit(mark, favourite, alone, hinted=hinted) for mark in marks
    ]


def _gather(stems: Stems) -> _Marks | None:
    if not len(stems.heights):
        return None
    heights, counts = _cluster(stems.heights, CLUSTER_GAP)
    pairs, pair_counts = _cluster(stems.pairs, PAIR_GAP)
    return _Marks(
        heights,
        counts,
        pairs,
        pair_counts,
        len(stems.heights),
        float(heights.max()),
        float(np.median(stems.widths)),
    )


def _cluster(values: NDArray[np.float32], gap: float) -> tuple[Floats, Floats]:
    """Return the means of runs of close values, and how much each run counts."""
    if not len(values):
        return np.zeros(0), np.zeros(0)
    ordered = np.sort(values.astype(np.float64))
    starts = np.concatenate(([0], np.flatnonzero(np.diff(ordered) > gap) + 1))
    counts = np.diff(np.append(starts, len(ordered)))
    return np.add.reduceat(ordered, starts) / counts, counts**INDEPENDENCE


def _are_hinted(marks: Sequence[_Marks]) -> bool:
    heights = np.concatenate([mark.heights for mark in marks])
    counts = np.concatenate([mark.height_counts for mark in marks])
    whole = np.abs(heights - np.round(heights)) < WHOLE_PX
    return float((counts * whole).sum() / counts.sum()) >= HINTED_SHARE


def _page_likelihood(marks: Sequence[_Marks], yard: _Yard, *, hinted: bool) -> Floats:
    """Return each face's log likelihood over the lines that show most strokes."""
    voices = sorted(marks, key=lambda mark: -mark.strokes)[:VOICES]
    voices = [mark for mark in voices if mark.strokes >= VOICE_STROKES] or voices[:1]
    total = np.zeros(len(yard.heights))
    for mark in voices:
        total += _likelihood(mark, yard, hinted=hinted)[1].max(axis=1)
    return total


def _fit(mark: _Marks, face: Face, yard: _Yard, *, hinted: bool) -> Font:
    """Return the size at which a face explains a line best, and how sharp that best is."""
    sizes, likelihood = _likelihood(mark, yard, hinted=hinted)
    curve = likelihood[0]
    chance = np.exp(curve - curve.max())
    chance /= chance.sum()
    mean = float((chance * sizes).sum())
    spread = math.sqrt(float((chance * (sizes - mean) ** 2).sum()))
    return Font(float(sizes[int(curve.argmax())]), spread, face)


def _likelihood(mark: _Marks, yard: _Yard, *, hinted: bool) -> tuple[Floats, Floats]:
    """Return the sizes tried and the line's log likelihood, (faces, sizes)."""
    low, high = (math.log(mark.tallest / part) for part in reversed(TALLEST_EM))
    sizes = np.exp(np.arange(low, high, SIZE_STEP))
    heights = yard.heights[:, :, None] * sizes
    if hinted:
        heights = _hint(heights, yard.overshoot[:, None])
    height_sd = np.full_like(heights, HINTED_SD if hinted else HEIGHT_SD)
    total = _mix(mark.heights, heights, height_sd, np.array([SHARE_HEIGHTS]), mark.tallest)
    log_likelihood = total @ mark.height_counts
    widths = yard.stems[:, :, None] * sizes
    stem_sd = np.full_like(widths, STEM_SD)
    total = _mix(np.array([mark.stem]), widths, stem_sd, yard.stem_shares, mark.tallest / 4)
    log_likelihood += total[..., 0]
    if len(mark.pairs):
        apart = _expected_pairs(mark.stem, yard, sizes)
        sd = PAIR_SD + PAIR_SD_RELATIVE * apart
        total = _mix(mark.pairs, apart, sd, np.array([SHARE_PAIRS]), mark.tallest)
        log_likelihood += total @ mark.pair_counts
    return sizes, log_likelihood


def _hint(heights: Floats, overshoot: Floats) -> Floats:
    """Scale heights (faces, 4, sizes) as FreeType's light hinting does, to a whole x-height.

    The other heights are rounded after it; versions differ in how, so that is left to the spread.
    """
    round_x = heights[:, 0] * overshoot
    whole_x = np.maximum(1.0, np.floor(round_x + 1 - HINT_ROUND_UP))
    scaled = heights * (whole_x / round_x)[:, None]
    scaled[:, 0] = whole_x
    return scaled


def _expected_pairs(stem: float, yard: _Yard, sizes: Floats) -> Floats:
    """Return the distances (faces, 3, sizes) at the boldness that the stem's width tells."""
    thin, regular, bold = (yard.pair_stems[:, index, None] for index in range(3))
    em = stem / sizes
    lighter = np.clip((regular - em) / (regular - thin), 0, 1)[:, None]
    bolder = np.clip((em - regular) / (bold - regular), 0, 1.5)[:, None]
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
