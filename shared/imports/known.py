"""What our own files carry in ``$extensions`` under ``dev.copy-that``, read back as it was.

Texts stand there percent-encoded; see ``shared.export.dtcg``. What another tool has changed into
something else is refused like any other wrong part.
"""

from typing import Annotated, Literal, TypeVar
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shared.imports.document import Node
from shared.tokens import Box, ImageUse, Scale, Scales, Source, TextOn

VENDOR = "dev.copy-that"

Text = Annotated[str, AfterValidator(unquote)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    """Frozen, camelCase in JSON; what newer versions of ours may add is skipped."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")


class _Line(_Part):
    """A gradient's kind and angle."""

    kind: Literal["linear", "radial"]
    angle: Number | None = None


class _Use(_Part):
    """An image that shows a token."""

    image: Text
    count: int
    boxes: tuple[Box, ...] = ()

    def as_use(self) -> ImageUse:
        return ImageUse(image=self.image, count=self.count, boxes=self.boxes)


class Known(_Part):
    """What is known of a token beside its value; of a foreign one, that somebody chose it."""

    usage: Annotated[int, Field(ge=1)] = 1
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    source: Source = Source.CV
    description: Text | None = None
    role: Text | None = None
    on: tuple[TextOn, ...] = ()
    boxes: tuple[Box, ...] = ()
    images: tuple[_Use, ...] = ()
    image_count: Annotated[int, Field(ge=0)] = 0
    em: Number | dict[str, Number] | None = None
    line_height_measured: bool = True
    letter_spacing_measured: bool = True
    gradient: _Line | None = None


class _Rule(_Part):
    """A scale."""

    base_px: Number | None
    ratio: Number | None
    confidence: Annotated[float, Field(ge=0, le=1)]
    steps: tuple[str, ...]
    outliers: tuple[str, ...]

    def as_scale(self) -> Scale:
        return Scale.model_validate(self.model_dump())


class _Rules(_Part):
    """The scales of a set."""

    spacing: _Rule
    typography: _Rule
    elevation: tuple[str, ...]

    def as_scales(self) -> Scales:
        return Scales(
            spacing=self.spacing.as_scale(),
            typography=self.typography.as_scale(),
            elevation=self.elevation,
        )


class About(_Part):
    """What is known of a whole document."""

    pipeline_version: str = ""
    source_images: tuple[Text, ...] = ()
    scales: _Rules | None = None


Model = TypeVar("Model", bound=BaseModel)


def read_known(model: type[Model], node: Node) -> Model:
    """Return our extensions of a token or of the document, the model's defaults if it has none.

    Raises:
        UnreadableTokens: They are there and not as we write them.
    """
    for name in ("$extensions", VENDOR):
        node = node.at(name)
        if node.value is None:
            return model()
        if not isinstance(node.value, dict):
            node.refuse("extensions are objects")
    try:
        return model.model_validate(node.value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"/{step}" for step in first["loc"])
        return Node(None, node.pointer + where).refuse(first["msg"])
