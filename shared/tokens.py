"""Design tokens: the model that every program reads and every export writes.

A value has the shape of its DTCG 2025.10 ``$value``, so that the JSON of a token set needs no
translation; what DTCG has no place for (a gradient's kind and angle, a unit of ``em``) stands
beside it. Where the pixels did not show a part of a value, that part is None.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, computed_field
from pydantic.alias_generators import to_camel

V = TypeVar("V")

# Grows whenever measuring, naming or assembling may answer differently: results of another
# version are no answer to a new job.
PIPELINE_VERSION = "1"
# Browsers' default root font size, which every tool that turns rem into px assumes as well.
ROOT_FONT_SIZE_PX = 16.0


class TokenType(StrEnum):
    """The kinds of token, in the order every list and export shows them."""

    COLOR = "color"
    SPACING = "spacing"
    TYPOGRAPHY = "typography"
    SHADOW = "shadow"
    GRADIENT = "gradient"
    RADIUS = "radius"


class W3CTokenType(StrEnum):
    """The ``$type`` that DTCG 2025.10 gives a token."""

    COLOR = "color"
    DIMENSION = "dimension"
    TYPOGRAPHY = "typography"
    SHADOW = "shadow"
    GRADIENT = "gradient"


W3C_TYPES: dict[TokenType, W3CTokenType] = {
    TokenType.COLOR: W3CTokenType.COLOR,
    TokenType.SPACING: W3CTokenType.DIMENSION,
    TokenType.TYPOGRAPHY: W3CTokenType.TYPOGRAPHY,
    TokenType.SHADOW: W3CTokenType.SHADOW,
    TokenType.GRADIENT: W3CTokenType.GRADIENT,
    TokenType.RADIUS: W3CTokenType.DIMENSION,
}


class Source(StrEnum):
    """Who found a token and who named it."""

    CV = "cv"  # measured, named by rule
    CLAUDE = "claude"  # measured, named by Claude
    CLAUDE_ADDED = "claude-added"  # seen by Claude first, then measured


class _Record(BaseModel):
    """Frozen, strict about unknown fields, camelCase in JSON as DTCG writes it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class _Row(BaseModel):
    """Frozen, snake_case in JSON as our API writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Color(_Record):
    """An sRGB color; ``components`` follow from ``hex``, and are ignored when read back."""

    model_config = ConfigDict(extra="ignore")

    color_space: Literal["srgb"] = "srgb"
    hex: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    alpha: Annotated[float, Field(ge=0, le=1)] = 1.0

    @computed_field
    def components(self) -> tuple[float, float, float]:
        """Red, green and blue in [0, 1], four decimals."""
        red, green, blue = (round(int(self.hex[i : i + 2], 16) / 255, 4) for i in (1, 3, 5))
        return red, green, blue


class Dimension(_Record):
    """A length."""

    value: Annotated[float, Field(allow_inf_nan=False)]
    unit: Literal["px", "rem", "em"] = "px"

    @property
    def px(self) -> float:
        """The length in CSS pixels; an em is taken for a rem."""
        return self.value * (1 if self.unit == "px" else ROOT_FONT_SIZE_PX)


# No font is called what would be an alias, a string's end or markup to tools that quote badly.
FontFamily = Annotated[str, Field(pattern=r"^[^{}\"'\\<>;*\x00-\x1f\x7f]+$")]


class Typography(_Record):
    """A text style; ``line_height`` is line height over font size."""

    font_family: Annotated[tuple[FontFamily, ...], Field(min_length=1)]
    font_size: Dimension
    font_weight: Annotated[int, Field(ge=1, le=1000)]
    letter_spacing: Dimension | None = None
    line_height: Annotated[float, Field(gt=0)] | None = None


class Shadow(_Record):
    """An outer or inner box shadow."""

    color: Color
    offset_x: Dimension
    offset_y: Dimension
    blur: Dimension
    spread: Dimension
    inset: bool = False


class GradientStop(_Record):
    """A color at a position in [0, 1] on the gradient line."""

    color: Color
    position: Annotated[float, Field(ge=0, le=1)]


class Gradient(_Record):
    """A gradient; ``angle`` is CSS's, in degrees, None for radial ones."""

    kind: Literal["linear", "radial"]
    angle: float | None
    stops: Annotated[tuple[GradientStop, ...], Field(min_length=2)]


class Box(_Row):
    """A rectangle in image pixels."""

    x: int
    y: int
    width: int
    height: int


class ImageUse(_Row):
    """How often a merged token was seen in one image of its job, and its first places there.

    All of its places are in the image's own set. ``item_id`` is None in what was read from a file.
    """

    image: str
    count: int
    item_id: str | None = None
    boxes: tuple[Box, ...] = ()


class TextOn(_Row):
    """A background, ``#rrggbb``, that text in a color was seen on.

    ``count`` is in lines of text, ``large`` in those that are large text to WCAG 2.2: from 24 px,
    or from 18.66 px in bold.
    """

    background: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    count: Annotated[int, Field(ge=1)]
    large: Annotated[int, Field(ge=0)] = 0


Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]


class Alias(_Row):
    """Another name of a token, for what it is used for: ``text-primary`` of ``slate-900``."""

    name: Name
    usage: Annotated[int, Field(ge=1)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    source: Source
    description: str = ""


class Token(_Row, Generic[V]):
    """One token: its value and all that is known of where it comes from.

    ``role`` is the context a color, distance or style was seen in (``text``, ``padding``,
    ``heading``…). ``on`` is for colors of text alone. ``boxes`` are filled in an image's own set,
    ``images`` and ``aliases`` in a job's merged set; names and aliases of a type all differ.
    ``image_count`` images use it, of which ``images`` lists those that use it most.

    ``confidence`` is the chance that an image really shows it, in a merged set that any of them
    does. ``confirmed`` is false where that is too little for as many images: every image adds
    values that it alone shows and that were read wrong. Exports leave those out.
    """

    name: Name
    value: V
    usage: Annotated[int, Field(ge=1)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    confirmed: bool = True
    source: Source
    description: str = ""
    role: str | None = None
    on: tuple[TextOn, ...] = ()
    aliases: tuple[Alias, ...] = ()
    boxes: tuple[Box, ...] = ()
    images: tuple[ImageUse, ...] = ()
    image_count: Annotated[int, Field(ge=0)] = 0


class Tokens(_Row):
    """The tokens of one set by type; an empty type is an empty list."""

    color: tuple[Token[Color], ...] = ()
    spacing: tuple[Token[Dimension], ...] = ()
    typography: tuple[Token[Typography], ...] = ()
    shadow: tuple[Token[Shadow], ...] = ()
    gradient: tuple[Token[Gradient], ...] = ()
    radius: tuple[Token[Dimension], ...] = ()

    def by_type(self) -> Iterator[tuple[TokenType, tuple[Token[Any], ...]]]:
        """Yield each type with its tokens, in the order of ``TokenType``."""
        for token_type in TokenType:
            yield token_type, getattr(self, token_type.value)

    def confirmed(self) -> "Tokens":
        """Return those that enough images show for how many there are."""
        return Tokens(
            **{
                token_type.value: tuple(token for token in tokens if token.confirmed)
                for token_type, tokens in self.by_type()
            }
        )


class Scale(_Row):
    """The rule that values of a type follow: multiples of a base, or powers of a ratio.

    ``base_px`` and ``ratio`` are None where no rule fits better than chance would; a scale of
    spacing has no ratio. ``steps`` are the names of the tokens on the scale, the smallest first,
    ``outliers`` those of tokens off it.
    """

    base_px: float | None = None
    ratio: float | None = None
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    steps: tuple[str, ...] = ()
    outliers: tuple[str, ...] = ()


class Scales(_Row):
    """The rules behind a merged set; ``elevation`` are names of shadows, the lowest first."""

    spacing: Scale = Scale()
    typography: Scale = Scale()
    elevation: tuple[str, ...] = ()


class TokenSet(_Row):
    """What one image, or one job's images together, came to.

    ``scales`` follow from the tokens of a job's merged set; one image's are empty. A set is
    ``partial`` while its job runs: it holds the images that have ended.
    """

    id: str
    job_id: str | None = None
    item_id: str | None = None
    pipeline_version: str
    source_images: tuple[str, ...]
    partial: bool = False
    tokens: Tokens
    scales: Scales = Scales()
