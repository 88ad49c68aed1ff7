import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.measure.galley import make_galley
from workers.measure.stems import Coverage, Stems, find_baselines, measure_stems


def draw_bars(
    bars: list[tuple[float, float, float]], baseline: int = 30, width: int = 60
) -> Coverage:
    """Return coverage of upright bars: left edge, width and height above the baseline."""
    fine = 50
    area = np.zeros((baseline + 8, width), np.float32)
    rows = np.arange(baseline)
    for left, thick, tall in bars:
        edges = np.arange(width * fine) / fine
        across = ((edges >= left) & (edges < left + thick)).reshape(width, fine).mean(axis=1)
        up = np.clip(tall - (baseline - 1 - rows), 0, 1)
        area[:baseline] = np.maximum(area[:baseline], up[:, None] * across[None])
    return area


def stems_of(coverage: Coverage, labels: NDArray[np.int32], lightness: float = 0.0) -> Stems:
    galley = make_galley([coverage.shape[1]], [coverage.shape[0]])
    light = np.array([lightness], np.float32)
    blank = ((0, 1), (0, 1))
    (stems,) = measure_stems(galley, np.pad(coverage, blank), np.pad(labels, blank), light)
    return stems


def baseline_of(coverage: Coverage) -> int:
    galley = make_galley([coverage.shape[1]], [coverage.shape[0]])
    return int(find_baselines(galley, np.pad(coverage, ((0, 1), (0, 1))))[0])


def labels_of(coverage: Coverage, *, pieces: int = 1) -> NDArray[np.int32]:
    labels = np.zeros(coverage.shape, np.int32)
    labels[coverage > 0] = 1
    if pieces > 1:
        labels *= np.arange(coverage.shape[1])[None].astype(np.int32) // 20 + 1
    return labels


@settings(deadline=None)
@given(left=st.floats(5, 12), thick=st.floats(1.0, 4.0), tall=st.floats(12.0, 24.0))
def test_a_bar_is_measured_to_a_seventh_of_a_pixel(left: float, thick: float, tall: float) -> None:
    coverage = draw_bars([(left, thick, tall), (left + 20, thick, tall)])

    stems = stems_of(coverage, labels_of(coverage, pieces=3))

    # The rims of a bar that begins and ends just inside a pixel look like a neighbour's.
    assert stems.widths == pytest.approx([thick, thick], abs=1 / 7)
    assert stems.heights == pytest.approx([tall, tall], abs=0.083)


def test_the_baseline_is_where_most_ink_ends() -> None:
    coverage = draw_bars([(5, 2, 20), (12, 2, 14), (20, 2, 20)])
    coverage[30:36, 12:14] = 1  # a descender

    assert baseline_of(coverage) == 30


@settings(deadline=None)
@given(apart=st.floats(7.0, 14.0))
def test_two_bars_of_one_piece_are_a_pair(apart: float) -> None:
    coverage = draw_bars([(5, 2, 20), (5 + apart, 2, 20)])

    stems = stems_of(coverage, labels_of(coverage))

    assert stems.pairs == pytest.approx([apart], abs=0.08)


def test_bars_of_two_letters_are_no_pair() -> None:
    coverage = draw_bars([(12, 2, 20), (22, 2, 20)])

    stems = stems_of(coverage, labels_of(coverage, pieces=2))

    assert len(stems.widths) == 2
    assert len(stems.pairs) == 0


def test_a_shoulder_tells_a_width_but_no_height() -> None:
    coverage = draw_bars([(5, 2, 20), (14, 2, 18.5)])

    stems = stems_of(coverage, labels_of(coverage))

    assert stems.heights == pytest.approx([20], abs=0.05)
    assert len(stems.widths) == 2


def test_the_dot_over_a_stroke_does_not_lengthen_it() -> None:
    coverage = draw_bars([(5, 2, 14), (25, 2, 14), (45, 2, 20)])
    coverage[15, 5:7] = 0.5  # the dot's lower rim
    coverage[12:15, 5:7] = 1

    stems = stems_of(coverage, labels_of(coverage, pieces=3))

    assert stems.heights == pytest.approx([14, 14, 20], abs=0.05)


def test_white_text_loses_what_its_rims_gained() -> None:
    coverage = draw_bars([(5, 2, 20), (25, 2, 20)])

    dark = stems_of(coverage, labels_of(coverage, pieces=2), 0.0)
    light = stems_of(coverage, labels_of(coverage, pieces=2), 1.0)

    assert dark.widths - light.widths == pytest.approx([0.1, 0.1], abs=1e-3)


def test_where_nothing_stands_the_letters_height_is_all_there_is() -> None:
    coverage = np.zeros((30, 40), np.float32)
    for row in range(30):
        coverage[row, 5 + row // 2 : 8 + row // 2] = 1

    stems = stems_of(coverage, labels_of(coverage))

    assert stems.heights.tolist() == [30]
    assert len(stems.pairs) == 0


def test_no_ink_gives_no_stems() -> None:
    coverage = np.zeros((12, 20), np.float32)

    stems = stems_of(coverage, labels_of(coverage))

    assert len(stems.widths) == len(stems.heights) == len(stems.pairs) == 0


@settings(deadline=None, max_examples=30)
@given(
    lines=st.lists(
        st.tuples(st.floats(1.0, 4.0), st.floats(7.0, 14.0), st.integers(20, 40)),
        min_size=1,
        max_size=6,
    )
)
def test_lines_measured_together_are_measured_as_alone(
    lines: list[tuple[float, float, int]],
) -> None:
    drawn = [
        draw_bars([(5, thick, 20), (5 + apart, thick, 15)], baseline, 40)
        for thick, apart, baseline in lines
    ]
    galley = make_galley([40] * len(drawn), [len(one) for one in drawn])
    canvas = np.zeros(galley.shape, np.float32)
    for index, one in enumerate(drawn):
        canvas[galley.cut(index)] = one
    labels = (canvas > 0).astype(np.int32)

    together = measure_stems(galley, canvas, labels, np.zeros(len(drawn), np.float32))

    for one, stems in zip(drawn, together, strict=True):
        alone = stems_of(one, labels_of(one))
        assert stems.baseline == alone.baseline
        assert stems.heights == pytest.approx(alone.heights, abs=1e-4)
        assert stems.widths == pytest.approx(alone.widths, abs=1e-4)
        assert stems.pairs == pytest.approx(alone.pairs, abs=1e-4)
