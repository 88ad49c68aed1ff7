"""Components by runs agree with OpenCV's own statistics."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workers.measure.components import MOST_PIECES, label_components
from workers.measure.measurements import Box

masks = st.tuples(st.integers(1, 24), st.integers(1, 24)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.sampled_from([0, 255]))
)
repeats = st.lists(st.integers(1, 3), min_size=24, max_size=24)


@settings(max_examples=80, deadline=None)
@given(distinct=masks, times=repeats, connectivity=st.sampled_from([4, 8]))
def test_labels_boxes_and_pixels_are_opencvs(
    distinct: np.ndarray, times: list[int], connectivity: int
) -> None:
    mask = np.repeat(distinct, times[: len(distinct)], axis=0)
    count, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
        mask, connectivity, cv2.CV_32S, cv2.CCL_WU
    )

    found, width = label_components(mask, connectivity), mask.shape[1]

    assert found.count == count
    assert (found.labels == labels).all()
    assert (found.stats[1:] == stats[1:]).all()
    box = Box(width // 3, len(mask) // 3, width - width // 3, len(mask) - len(mask) // 3)
    seen, rows = found.view(box)
    assert (found.cut(box) == labels[len(mask) // 3 :, width // 3 :]).all()
    assert (seen[rows] == found.cut(box)).all()


def test_the_zeros_have_no_box() -> None:
    assert label_components(np.zeros((4, 5), np.uint8), 4).stats.tolist() == [[0, 0, 0, 0, 0]]


def test_of_a_pattern_of_too_many_pieces_the_largest_are_looked_at() -> None:
    side = 2 * int(MOST_PIECES**0.5) + 2
    mask = np.zeros((side, side), np.uint8)
    mask[::2, ::2] = 255
    mask[-2, -2:] = 255  # the last piece alone has two pixels

    found = label_components(mask, 8)
    every = found.stats[:, 4] > 0
    looked_at = found.largest(every)

    assert found.count - 1 > MOST_PIECES == len(looked_at)
    assert looked_at[-1] == found.count - 1
    assert (np.diff(looked_at) > 0).all()
    few = found.stats[:, 4] > 1
    assert found.largest(few).tolist() == [found.count - 1]
