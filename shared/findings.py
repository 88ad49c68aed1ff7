"""What a drift report holds: tokens that stray from the rest, and what they should probably be."""

from typing import Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from shared.tokens import Color, Dimension, Gradient, Scales, Shadow, Token, TokenType, Typography

V = TypeVar("V")


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class Better(_Row, Generic[V]):
    """What a value should probably be; ``name`` is that of a token which has it, if one does."""

    name: str | None
    value: V


class Finding(_Row, Generic[V]):
    """A token that drifts, and what it should be as far as that can be told."""

    type: TokenType
    token: Token[V]
    probably: Better[V] | None


class NearDuplicate(_Row):
    """A color that is nearly another, which is used more; ``delta_e`` is CIEDE2000."""

    token: Token[Color]
    probably: Better[Color]
    delta_e: float


class LowContrast(_Row):
    """Text on a background that WCAG 2.2 AA wants more contrast of (success criterion 1.4.3).

    ``lines`` are those that fail, and ``required`` is what most of them need: large text needs
    less. The places of the color are those on all backgrounds.
    """

    token: Token[Color]
    background: Better[Color] = Field(description="What is behind the text.")
    ratio: float
    required: float
    lines: int
    probably: Better[Color]


AnyFinding: TypeAlias = (
    Finding[Color] | Finding[Dimension] | Finding[Typography] | Finding[Shadow] | Finding[Gradient]
)


class Report(_Row):
    """All findings, those with the most uses first.

    ``rare`` holds text styles that hardly anything uses, and of all types what too few images
    show to be sure that it is there at all (``confirmed`` is false). ``scales`` are the rules that
    ``off_scale`` strays from.
    """

    off_scale: tuple[Finding[Dimension] | Finding[Typography], ...] = ()
    near_duplicates: tuple[NearDuplicate, ...] = ()
    rare: tuple[AnyFinding, ...] = ()
    low_contrast: tuple[LowContrast, ...] = ()
    scales: Scales = Scales()
