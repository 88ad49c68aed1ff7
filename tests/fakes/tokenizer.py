"""How many tokens a text is, near enough to foretell a bill.

Claude's tokenizer is not published. Words, digits by three and runs of marks were counted like
this and by the tokenizer that the ``anthropic`` package carried up to 0.38, on our own requests:
this comes out 1 to 14 % above it.
"""

import math
import re

# Longer words fall apart into pieces of about this length.
WORD_CHARS = 8
_PIECE = re.compile(r" ?[A-Za-z]+|[0-9]{1,3}|[^\sA-Za-z0-9]{1,3}|\s+")


def count_text_tokens(text: str) -> int:
    """Return about how many tokens a text is."""
    return sum(_count(piece) for piece in _PIECE.findall(text))


def _count(piece: str) -> int:
    return math.ceil(len(piece) / WORD_CHARS) if piece[-1].isalpha() else 1
