"""Connected components with their boxes, by rows that differ and by runs.

About half of a screenshot's rows are like the row above them, which changes nothing in what is
connected: only the others are labelled. OpenCV's own statistics cost more than the labelling;
the rows are a few long runs, so boxes and areas are summed over runs instead, at a quarter of
the price.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.measure.measurements import Box
from workers.measure.scene import Mask

Labels = NDArray[np.int32] | NDArray[np.uint16]
Ints = NDArray[np.int32]
# Labels below this go into two bytes, which are written sooner than four.
SMALL_LABELS = 1 << 16
# By connectivity, the fastest algorithm that numbers components in the order of their first pixels
# (Bolelli et al. 2020, IEEE TIP 29; Wu et al. 2009, PAA 12).
ALGORITHMS = {4: cv2.CCL_SPAGHETTI, 8: cv2.CCL_WU}
# Rows that are looked at at once: a usual screenshot whole, and a tall capture without several
# copies of all of it.
BAND_ROWS = 1024
# Pieces of one kind that are looked at one by one: fifty times as many as the fullest page has. Of
# a pattern that has more, the largest stand for all.
MOST_PIECES = 10_000
View = tuple[Labels, NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class Components:
    """The labels of a mask's pixels, 0 where it is 0, and what is known of each label.

    ``distinct`` (n, width) are the labels of the rows that differ from the row above, and ``rows``
    (height,) tells for each row of the mask which of those it is. ``stats`` holds a row of x, y,
    width, height, pixels for each label; row 0, the mask's zeros, holds zeros.
    """

    distinct: Labels
    rows: NDArray[np.intp]
    stats: NDArray[np.int32]

    @property
    def count(self) -> int:
        """The number of labels, 0 included."""
        return len(self.stats)

    def largest(self, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the chosen labels in rising order; of too many, those of most pixels."""
        labels = np.flatnonzero(chosen)
        if len(labels) <= MOST_PIECES:
            return labels
        order = np.argsort(-self.stats[labels, 4], kind="stable")
        return np.sort(labels[order[:MOST_PIECES]])

    @property
    def labels(self) -> Labels:
        """The whole label image, (height, width)."""
        whole = len(self.distinct) == len(self.rows)
        return self.distinct if whole else self.distinct[self.rows]

    def cut(self, box: Box) -> Labels:
        """Return the labels in a box, (height, width)."""
        return self.distinct[:, box.x : box.right][self.rows[box.y : box.bottom]]

    def view(self, box: Box) -> View:
        """Return the distinct rows of labels in a box, uncopied, and which of them each row is."""
        rows = self.rows[box.y : box.bottom]
        return self.distinct[rows[0] : rows[-1] + 1, box.x : box.right], rows - rows[0]


def label_components(mask: Mask, connectivity: int) -> Components:
    """Label the connected components of a mask, in the order of their first pixels.

    Args:
        mask: (height, width), 0 or not.
        connectivity: 4 or 8.
    """
    differs = np.ones(len(mask), np.bool_)
    for top in range(1, len(mask), BAND_ROWS):
        band = mask[top - 1 : top + BAND_ROWS]
        np.any(band[1:] != band[:-1], axis=1, out=differs[top : top + BAND_ROWS])
    first = np.flatnonzero(differs)
    times = np.diff(first, append=len(mask))
    distinct = mask if len(first) == len(mask) else mask[first]
    starts, ends, row = _find_runs(distinct)
    # A label begins with a run, so that there are no more of them.
    kind = cv2.CV_16U if len(starts) < SMALL_LABELS else cv2.CV_32S
    algorithm = ALGORITHMS[connectivity]
    count, found = cv2.connectedComponentsWithAlgorithm(distinct, connectivity, kind, algorithm)
    labels = cast("Labels", found)
    label = labels.ravel().take(row * mask.shape[1] + starts)
    left = np.full(count, mask.shape[1], np.int32)
    above, right, bottom, pixels = np.zeros((4, count), np.int32)
    np.minimum.at(left, label, starts)
    np.maximum.at(right, label, ends)
    # Runs come from the top down, and of several values for one label the last one stays.
    above[label[::-1]] = first[row[::-1]]
    bottom[label] = (first + times)[row]
    pixels[:] = np.bincount(label, weights=(ends - starts) * times[row], minlength=count)
    stats = np.stack([left, above, right - left, bottom - above, pixels], axis=1)
    stats[0] = 0
    return Components(labels, np.cumsum(differs) - 1, stats)


def _find_edges(mask: Mask) -> Ints:
    """Return where a mask changes, row by row, each row one longer than it is."""
    height, width = mask.shape
    # A column of zeros parts the rows, so that every other edge is a start.
    parted = np.zeros(height * (width + 1) + 1, np.bool_)
    np.not_equal(mask, 0, out=parted[1:].reshape(height, width + 1)[:, :width])
    return np.flatnonzero(parted[1:] != parted[:-1]).astype(np.int32)


def _find_runs(mask: Mask) -> tuple[Ints, Ints, Ints]:
    """Return where the runs of a mask start, where they end (past the last pixel), their row."""
    height, width = mask.shape
    edges = np.concatenate(
        [
            _find_edges(mask[top : top + BAND_ROWS]) + top * (width + 1)
            for top in range(0, height, BAND_ROWS)
        ]
    )
    row = edges[::2] // (width + 1)
    start = row * (width + 1)
    return edges[::2] - start, edges[1::2] - start, row
