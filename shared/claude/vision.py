"""The size in which a model is shown a picture, and what that counts as input.

From the vision page of the documentation: a picture is seen as squares of 28 pixels, each one
token, and one that is larger than a model's bounds is scaled down to them.
"""

import math
from dataclasses import dataclass

# Claude sees a picture as squares of so many pixels, each one token.
PATCH_PX = 28


@dataclass(frozen=True, slots=True)
class Fitted:
    """A size in pixels, and its pixels per pixel of the original."""

    width: int
    height: int
    scale: float

    @property
    def tokens(self) -> int:
        """What a picture of this size counts as input."""
        return count_tokens(self.width, self.height)


def count_tokens(width: int, height: int) -> int:
    """Return what a picture of this size in pixels counts as input tokens."""
    return math.ceil(width / PATCH_PX) * math.ceil(height / PATCH_PX)


def fit(
    width: int, height: int, max_edge_px: int, max_tokens: int, max_scale: float = 1.0
) -> Fitted:
    """Return the largest size of a picture within a model's bounds.

    Args:
        width: Of the original, in pixels.
        height: Of the original, in pixels.
        max_edge_px: The longest side that the model is shown.
        max_tokens: The most that the picture may count.
        max_scale: The largest scale; 1 never enlarges.
    """
    scale = min(max_scale, max_edge_px / max(width, height))
    while True:
        fitted = Fitted(max(1, round(width * scale)), max(1, round(height * scale)), scale)
        if fitted.tokens <= max_tokens:
            return fitted
        scale = min(scale * 0.99, math.sqrt(max_tokens / fitted.tokens) * scale)
