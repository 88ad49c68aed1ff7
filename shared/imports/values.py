"""Values as DTCG 2025.10 writes them, read part by part; every part may be a reference.

Source: Design Tokens Format Module 2025.10, types and composite types; Color Module 2025.10. A
color of another space than sRGB is taken for its ``hex``, which that module has as its fallback.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.imports.document import Document, Node
from shared.imports.known import Known
from shared.tokens import (
    Color,
    Dimension,
    Gradient,
    GradientStop,
    Shadow,
    TokenType,
    Typography,
)

Model = TypeVar("Model", bound=BaseModel)

_CHANNELS = 3
# Keywords of fontWeight, from the table in the format module.
_WEIGHTS = {
    **dict.fromkeys(("thin", "hairline"), 100),
    **dict.fromkeys(("extra-light", "ultra-light"), 200),
    "light": 300,
    **dict.fromkeys(("normal", "regular", "book"), 400),
    "medium": 500,
    **dict.fromkeys(("semi-bold", "demi-bold"), 600),
    "bold": 700,
    **dict.fromkeys(("extra-bold", "ultra-bold"), 800),
    **dict.fromkeys(("black", "heavy"), 900),
    **dict.fromkeys(("extra-black", "ultra-black"), 950),
}


def read_value(kind: TokenType, document: Document, node: Node, known: Known) -> Any:  # noqa: ANN401
    """Return the typed value of a token.

    Args:
        kind: What the token is in a token set.
        document: Where references lead.
        node: Its ``$value``, or a reference to one.
        known: What stands in its extensions.

    Raises:
        UnreadableTokens: A part is not what the format says; it names the pointer.
    """
    return _READERS[kind](_Reader(document), document.resolve(node), known)


class _Reader:
    """Reads parts of values, and follows what refers to other tokens."""

    def __init__(self, document: Document) -> None:
        """Read from a document."""
        self._document = document

    def part(self, node: Node, name: str) -> Node:
        """Return a member that has to be there, resolved."""
        if not isinstance(node.value, Mapping):
            node.refuse("this has to be an object")
        part = node.at(name)
        if part.value is None:
            node.refuse(f"{name} is missing")
        return self._document.resolve(part)

    def optional(self, node: Node, name: str) -> Node | None:
        """Return a member, resolved; None where it is absent."""
        if not isinstance(node.value, Mapping):
            node.refuse("this has to be an object")
        part = node.at(name)
        return None if part.value is None else self._document.resolve(part)

    def elements(self, node: Node) -> list[Node]:
        """Return the elements of an array, resolved."""
        if not isinstance(node.value, list):
            node.refuse("this has to be an array")
        return [self._document.resolve(node.at(place)) for place in range(len(node.value))]


def _color(reader: _Reader, node: Node, _known: Known | None = None) -> Color:
    space = reader.part(node, "colorSpace")
    if space.value == "srgb":
        channels = reader.elements(reader.part(node, "components"))
        if len(channels) != _CHANNELS:
            node.at("components").refuse("a color of srgb has three components")
        code = "#" + bytes(_level(channel) for channel in channels).hex()
    else:
        fallback = reader.optional(node, "hex")
        if fallback is None:
            space.refuse(f"colors of {space.value!a} are not supported without hex as a fallback")
        code = str(fallback.value).lower()
    alpha = reader.optional(node, "alpha")
    return _build(Color, node, hex=code, alpha=1.0 if alpha is None else _number(alpha))


def _level(channel: Node) -> int:
    """Return a component of [0, 1] as one of 0 to 255."""
    share = 0.0 if channel.value == "none" else _number(channel)
    if not 0 <= share <= 1:
        channel.refuse("a component of srgb is from 0 to 1")
    return round(share * 255)


def _dimension(reader: _Reader, node: Node, known: Known) -> Dimension:
    if isinstance(known.em, float):
        return Dimension(value=known.em, unit="em")
    return _length(reader, node)


def _length(reader: _Reader, node: Node) -> Dimension:
    unit = reader.part(node, "unit")
    if unit.value not in ("px", "rem"):
        unit.refuse("a dimension is in px or rem")
    return _build(Dimension, node, value=_number(reader.part(node, "value")), unit=unit.value)


def _typography(reader: _Reader, node: Node, known: Known) -> Typography:
    """Return a text style, without what its extensions say was not measured."""
    ems = known.em if isinstance(known.em, dict) else {}
    spacing = leading = None
    if known.letter_spacing_measured and (part := reader.optional(node, "letterSpacing")):
        spacing = _length(reader, part)
    if known.line_height_measured and (part := reader.optional(node, "lineHeight")):
        leading = _number(part)
    if "letterSpacing" in ems:
        spacing = Dimension(value=ems["letterSpacing"], unit="em")
    size = _length(reader, reader.part(node, "fontSize"))
    if "fontSize" in ems:
        size = Dimension(value=ems["fontSize"], unit="em")
    return _build(
        Typography,
        node,
        font_family=_families(reader, reader.part(node, "fontFamily")),
        font_size=size,
        font_weight=_weight(reader.part(node, "fontWeight")),
        letter_spacing=spacing,
        line_height=leading,
    )


def _families(reader: _Reader, node: Node) -> list[Any]:
    if isinstance(node.value, str):
        return [node.value]
    return [element.value for element in reader.elements(node)]


def _weight(node: Node) -> float:
    if not isinstance(node.value, str):
        return _number(node)
    if node.value not in _WEIGHTS:
        node.refuse(f"there is no font weight {node.value!a}")
    return _WEIGHTS[node.value]


def _shadow(reader: _Reader, node: Node, _known: Known) -> Shadow:
    """Return a shadow; one of a single layer may stand in an array."""
    if isinstance(node.value, list) and len(node.value) == 1:
        (node,) = reader.elements(node)
    inset = reader.optional(node, "inset")
    if inset is not None and not isinstance(inset.value, bool):
        inset.refuse("inset is true or false")
    lengths = {
        field: _length(reader, reader.part(node, name))
        for field, name in (
            ("offset_x", "offsetX"),
            ("offset_y", "offsetY"),
            ("blur", "blur"),
            ("spread", "spread"),
        )
    }
    color = _color(reader, reader.part(node, "color"))
    return _build(Shadow, node, color=color, inset=bool(inset and inset.value), **lengths)


def _gradient(reader: _Reader, node: Node, known: Known) -> Gradient:
    """Return a gradient; DTCG has no angle, so a foreign one is linear in an unknown direction."""
    stops = [
        GradientStop(
            color=_color(reader, reader.part(stop, "color")),
            # As the format module has it: what is outside is taken for the end.
            position=min(1.0, max(0.0, _number(reader.part(stop, "position")))),
        )
        for stop in reader.elements(node)
    ]
    line = known.gradient
    kind, angle = (line.kind, line.angle) if line else ("linear", None)
    return _build(Gradient, node, kind=kind, angle=angle, stops=stops)


def _number(node: Node) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        node.refuse("this has to be a number")
    try:
        number = float(node.value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        node.refuse("the number is too large")
    return number


def _build(model: type[Model], node: Node, **parts: Any) -> Model:  # noqa: ANN401 - as pydantic's
    """Return a value of the model; what it says is wrong is wrong about the node."""
    try:
        return model.model_validate(parts)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        return node.refuse(f"{where}: {first['msg']}")


_READERS: Mapping[TokenType, Callable[[_Reader, Node, Known], Any]] = {
    TokenType.COLOR: _color,
    TokenType.SPACING: _dimension,
    TokenType.TYPOGRAPHY: _typography,
    TokenType.SHADOW: _shadow,
    TokenType.GRADIENT: _gradient,
    TokenType.RADIUS: _dimension,
}
