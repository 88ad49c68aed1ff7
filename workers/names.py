"""Names for what was measured: the record that naming returns, and names given by rule.

A candidate's id is its place in the measurements: ``c3`` is the third color, and likewise ``s``
spacing, ``t`` typography, ``h`` shadow, ``g`` gradient, ``r`` radius, counted from 1.
"""

from dataclasses import dataclass, field
from typing import Literal

from shared.errors import Problem


@dataclass(frozen=True, slots=True)
class Name:
    """What a candidate is called. ``slug`` is kebab-case without the token type's own name.

    ``confidence`` is the namer's, 0 to 1. ``role`` is one of the tool's roles for the type.
    """

    slug: str
    confidence: float
    description: str
    role: str
    unit: Literal["px", "rem", "em"] = "px"
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Naming:
    """The answer to one image: names by candidate id, and the ids that are no tokens at all.

    ``degraded`` says why Claude could not name it; names by rule stand in then.
    """

    names: dict[str, Name] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    degraded: Problem | None = None
