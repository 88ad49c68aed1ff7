"""Components by runs agree with OpenCV's own statistics."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workers.measure.components import label_components

masks = st.tuples(st.integers(1, 24), st.integers(1, 24)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.sampled_from([0, 255]))
)


@settings(max_examples=80, deadline=None)
@given(mask=masks, connectivity=st.sampled_from([4, 8]))
def test_boxes_and_pixels_are_opencvs(mask: np.ndarray, connectivity: int) -> None:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)

    found = label_components(mask, connectivity)

    assert found.count == count
    assert (found.labels == labels).all()
    assert (found.stats[1:] == stats[1:]).all()


def test_the_zeros_have_no_box() -> None:
    assert label_components(np.zeros((4, 5), np.uint8), 4).stats.tolist() == [[0, 0, 0, 0, 0]]
