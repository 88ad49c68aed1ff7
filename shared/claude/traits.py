"""What each Claude model accepts and how large a picture it sees.

From the models overview, the tool use, thinking and vision pages of the documentation, read in
November 2026. A name that is not in the table is most likely newer than it.
"""

import re
from dataclasses import dataclass, replace
from enum import Enum, auto

# A dated release ("claude-haiku-4-5-20251001") is the model that it is a release of.
_RELEASE = re.compile(r"-20\d{6}$")


class ToolUse(Enum):
    """How a model is brought to answer with the tool."""

    FORCED = auto()  # tool_choice names the tool
    ASKED = auto()  # tool_choice is auto and the system text asks: forcing is a 400


@dataclass(frozen=True, slots=True)
class Traits:
    """The ways of one model.

    ``max_edge_px`` and ``max_image_tokens`` bound the picture that the API serves unresized.
    ``thinks`` says that thinking is part of the output and of its limit. A shorter prompt than
    ``min_cached_tokens`` is never cached, and the API does not say so.
    """

    tool_use: ToolUse
    max_edge_px: int
    max_image_tokens: int
    thinks: bool
    low_effort: bool = False
    between_tools: bool = False
    min_cached_tokens: int = 1024


_SHARP = (2576, 4784)  # from 4.7 on
_COARSE = (1568, 1568)  # before

_BEFORE_4_7 = Traits(ToolUse.FORCED, *_COARSE, thinks=False)
_CACHES_LATE = replace(_BEFORE_4_7, min_cached_tokens=4096)
_FROM_4_7 = Traits(ToolUse.FORCED, *_SHARP, thinks=False)
_FIVE = Traits(ToolUse.FORCED, *_SHARP, thinks=True)
_ASKED = Traits(ToolUse.ASKED, *_SHARP, thinks=True, low_effort=True)

_TRAITS = {
    "claude-haiku-5-5": _FROM_4_7,
    "claude-sonnet-5-5": Traits(
        ToolUse.ASKED, *_SHARP, thinks=True, low_effort=True, between_tools=True
    ),
    "claude-opus-5-5": _ASKED,
    "claude-fable-5": _ASKED,
    "claude-fable-5-1": _ASKED,
    "claude-fable-5-2": _ASKED,
    "claude-mythos-preview": _ASKED,
    "claude-mythos-5": _ASKED,
    "claude-mythos-5-1": _ASKED,
    "claude-mythos-5-2": _ASKED,
    "claude-sonnet-5": _FIVE,
    "claude-opus-5": _FIVE,
    "claude-opus-4-8": _FROM_4_7,
    "claude-opus-4-7": replace(_FROM_4_7, min_cached_tokens=2048),
    "claude-opus-4-6": _CACHES_LATE,
    "claude-sonnet-4-6": _BEFORE_4_7,
    "claude-haiku-4-5": _CACHES_LATE,
    "claude-opus-4-5": _CACHES_LATE,
    "claude-sonnet-4-5": _BEFORE_4_7,
}

# Asking works everywhere; effort is left out, since an unknown model may refuse the parameter.
_UNKNOWN = Traits(ToolUse.ASKED, *_SHARP, thinks=True)


def undated(model: str) -> str:
    """Return a model's name without the date of its release."""
    return _RELEASE.sub("", model)


def traits_of(model: str) -> Traits:
    """Return the ways of a model, those of a new one when it is not known."""
    return _TRAITS.get(undated(model), _UNKNOWN)
