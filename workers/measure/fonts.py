"""Which face and which sizes explain the strokes of the lines of a page.

A face fixes the proportions of strokes and a size scales them. One page mostly uses one face, so
the faces compete over all its lines together. Sizes recur on a page too: how often each occurs
is learned from all lines at once, and then helps to place the lines that show little. No size is
preferred because it is usual elsewhere: 13.3 px is as good as 14 px.

Source of the second step: nonparametric maximum likelihood of a mixture (Laird 1978, JASA 73),
by expectation and maximisation on a grid.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.faces import FACES, Face
from workers.measure.likelihood import Floats, Marks, Yard, gather, make_yard, measure_likelihoods
from workers.measure.measurements import FamilyClass
from workers.measure.stems import Stems, middle

# Sizes tried for a line: its tallest stroke is between these parts of an em, from the x-height
# of the smallest face to the ascender of the largest.
TALLEST_EM = (0.44, 0.84)
SIZE_STEP = 0.005  # relative, a twelfth of a pixel at 16 px
FACE_STEP = 0.01  # likewise, while faces compete
SIZE_MIN = 4.0  # device pixels
# A height is whole when this near to an integer; pages are hinted when most heights are whole.
WHOLE_PX = 0.12
HINTED_SHARE = 0.67
# Lines speak together for a face when tallest stroke, stroke width and commonest height differ
# less than this (px, or part for the width).
ALIKE_PX = 0.3
ALIKE_WIDTH = 0.07
# Only lines with this many strokes speak for a face (or the best there is).
VOICE_STROKES = 5
VOICES = 8
# Faces that most pages are set in need this much less log likelihood than the rest: with faces
# of like proportions, the one that is met a hundred times as often is the better guess.
FAMOUS = frozenset(
    {"Inter", "Inter 4", "Roboto", "Arial, Helvetica, Liberation Sans", "Open Sans", "Noto Sans"}
    | {"Lato", "Poppins", "Source Sans", "Montserrat"}
)
FAME = 5.0
# At most this many faces share the say about sizes, each with a chance that is at least this
# part of the best one's. Log likelihoods are divided by the caution, for lines of one page
# repeat each other's errors.
RIVALS = 3
RIVAL_MIN = 0.1
CAUTION = 4.0
# Learning how often sizes occur: rounds, smoothing (grid steps), and the part of chance that
# stays with sizes not seen elsewhere.
ROUNDS = 8
SMOOTHING = 2.0
UNSEEN = 0.15


@dataclass(frozen=True, slots=True)
class Font:
    """A line's font: size and its standard deviation in device pixels, and the face."""

    size_px: float
    size_sd_px: float
    face: Face


def fit_fonts(lines: Sequence[Stems]) -> list[Font | None]:
    """Find each line's font; None for a line without standing strokes."""
    marks = [gather(stems) for stems in lines]
    seen = [mark for mark in marks if mark is not None]
    if not seen:
        return [None] * len(lines)
    hinted = _are_hinted(seen)
    faces = _choose_faces(lines, hinted=hinted)
    fitted = _fit_sizes(seen, [face for face, _ in faces], hinted=hinted)
    chances = [chance for _, chance in faces]
    fonts = (_blend(fonts, chances) for fonts in zip(*fitted, strict=True))
    return [None if mark is None else next(fonts) for mark in marks]


def _blend(fonts: Sequence[Font], chances: Sequence[float]) -> Font:
    """Return the likeliest face at the mean size, its spread that within and between faces."""
    mean = sum(c * f.size_px for f, c in zip(fonts, chances, strict=True))
    variance = sum(
        chance * (font.size_sd_px**2 + (font.size_px - mean) ** 2)
        for font, chance in zip(fonts, chances, strict=True)
    )
    return Font(mean, math.sqrt(variance), fonts[0].face)


def _are_hinted(marks: Sequence[Marks]) -> bool:
    heights = np.array([height for mark in marks for height in mark.heights])
    counts = np.array([count for mark in marks for count in mark.height_counts])
    whole = np.abs(heights - np.round(heights)) < WHOLE_PX
    return float((counts * whole).sum() / counts.sum()) >= HINTED_SHARE


def _choose_faces(lines: Sequence[Stems], *, hinted: bool) -> list[tuple[Face, float]]:
    """Return the proportional faces that explain best what the lines show, and their chances.

    Faces of like proportions cannot be told apart, and their sizes lie a little to either side of
    the truth; so they share the say.
    """
    faces, yard = _text_faces()
    rates = rate_faces(lines, yard, hinted=hinted)
    rates += [FAME * (face.name in FAMOUS) for face in faces]
    best = np.argsort(-rates)[:RIVALS]
    chances = np.exp((rates[best] - rates[best[0]]) / CAUTION)
    chances[chances < RIVAL_MIN] = 0
    chances /= chances.sum()
    return [(faces[f], float(c)) for f, c in zip(best, chances, strict=True) if c]


@cache
def _text_faces() -> tuple[list[Face], Yard]:
    """Return the proportional faces and their proportions."""
    faces = [face for face in FACES if face.family is not FamilyClass.MONO]
    return faces, make_yard(faces)


def rate_faces(lines: Sequence[Stems], yard: Yard, *, hinted: bool) -> Floats:
    """Return the log likelihood of each face over the lines, alike ones taken together."""
    voices = [gather(stems) for stems in _pool(lines)]
    ranked = sorted((v for v in voices if v is not None), key=lambda voice: -voice.strokes)
    loud = [voice for voice in ranked if voice.strokes >= VOICE_STROKES] or ranked[:1]
    grids = [_grid(*_range(voice), FACE_STEP) for voice in loud[:VOICES]]
    most = max(len(grid) for grid in grids)
    sizes = np.array([np.pad(grid, (0, most - len(grid)), "edge") for grid in grids])
    rates = measure_likelihoods(loud[:VOICES], yard, sizes, hinted=hinted)
    return np.asarray(rates.max(axis=2).sum(axis=1), np.float64)


def _pool(lines: Sequence[Stems]) -> list[Stems]:
    """Unite the strokes of lines that look set alike."""
    pools: list[tuple[tuple[float, float, float], list[Stems]]] = []
    for stems in sorted(lines, key=lambda line: -len(line.heights)):
        if not len(stems.heights):
            continue
        heights = sorted(stems.heights.tolist())
        tallest, usual, width = heights[-1], heights[len(heights) // 2], middle(stems.widths)
        for known, pool in pools:
            if (
                abs(known[0] - tallest) < ALIKE_PX
                and abs(known[1] - usual) < ALIKE_PX
                and abs(known[2] - width) < ALIKE_WIDTH * width
            ):
                pool.append(stems)
                break
        else:
            pools.append(((tallest, usual, width), [stems]))
    return [_unite(pool) for _, pool in pools]


def _unite(pool: Sequence[Stems]) -> Stems:
    return Stems(
        baseline=0,
        heights=np.concatenate([stems.heights for stems in pool]),
        widths=np.concatenate([stems.widths for stems in pool]),
        pairs=np.concatenate([stems.pairs for stems in pool]),
    )


def _range(mark: Marks) -> tuple[float, float]:
    return max(SIZE_MIN, mark.tallest / TALLEST_EM[1]), max(SIZE_MIN, mark.tallest) / TALLEST_EM[0]


def _grid(low: float, high: float, step: float) -> Floats:
    """Return sizes from ``low`` to just past ``high`` in equal relative steps."""
    steps = math.ceil(math.log(high / low) / step) + 1
    return np.asarray(low * np.exp(step * np.arange(steps)), np.float64)


def _fit_sizes(marks: Sequence[Marks], faces: Sequence[Face], *, hinted: bool) -> list[list[Font]]:
    """Place each line at a size, once a face, by its own strokes and by the page's sizes."""
    ranges = np.array([_range(mark) for mark in marks])
    grid = _grid(SIZE_MIN, float(ranges[:, 1].max()), SIZE_STEP)
    first, last = np.searchsorted(grid, ranges).T[:, :, None]
    places = first + np.arange(int((last - first).max()))
    tried = places < last
    places = np.minimum(places, last - 1)
    curves = measure_likelihoods(marks, make_yard(faces), grid[places], hinted=hinted)
    chances = np.exp((curves - curves.max(axis=2, keepdims=True)).astype(np.float64)) * tried
    weights = np.sqrt([mark.strokes for mark in marks])
    return [
        _place(
            chance * _learn_sizes(chance, places, weights, len(grid))[places], grid[places], face
        )
        for chance, face in zip(chances, faces, strict=True)
    ]


def _place(chances: Floats, sizes: Floats, face: Face) -> list[Font]:
    """Return each line's likeliest size and its spread, from chances (lines, sizes)."""
    chances = chances / chances.sum(axis=1, keepdims=True)
    means = (chances * sizes).sum(axis=1)
    spreads = np.sqrt(np.maximum(0, (chances * sizes * sizes).sum(axis=1) - means * means))
    best = sizes[np.arange(len(sizes)), chances.argmax(axis=1)]
    return [Font(float(s), float(d), face) for s, d in zip(best, spreads, strict=True)]


def _learn_sizes(chances: Floats, places: NDArray[np.intp], weights: Floats, count: int) -> Floats:
    """Return how often each size of a grid occurs.

    Args:
        chances: of the sizes tried for each line, shape (lines, sizes).
        places: of those on the grid, same shape.
        weights: what each line counts.
        count: the grid's sizes.
    """
    flat = 1.0 / count
    often = np.full(count, flat)
    for _ in range(ROUNDS):
        placed = chances * often[places]
        placed *= (weights / placed.sum(axis=1))[:, None]
        often = np.bincount(places.ravel(), placed.ravel(), count) / weights.sum()
        often = cv2.GaussianBlur(often[None], (0, 0), SMOOTHING)[0]
        often = (1 - UNSEEN) * often + UNSEEN * flat
    return often
