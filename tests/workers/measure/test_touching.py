"""Groups of touching rectangles agree with labels of a canvas on which they are painted."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.measure.touching import unite_touching

boxes = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 9), st.integers(1, 9)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(boxes=boxes)
def test_groups_are_what_hangs_together_when_painted(
    boxes: list[tuple[int, int, int, int]],
) -> None:
    left, top, wide, tall = np.array(boxes, np.int32).T
    canvas = np.zeros((50, 50), np.uint8)
    for x, y, width, height in boxes:
        canvas[y : y + height, x : x + width] = 255

    groups = unite_touching(left, top, left + wide, top + tall)

    painted = cv2.connectedComponents(canvas, connectivity=4)[1][top, left]
    assert (np.unique(groups, return_inverse=True)[1] + 1 == painted).all()
