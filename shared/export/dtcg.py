"""DTCG 2025.10 JSON (``tokens.json``), the form that other tools exchange tokens in.

Source: Design Tokens Format Module 2025.10 and Color Module 2025.10, reports of the W3C Design
Tokens Community Group. What the format has no place for stands in ``$extensions``, under
``dev.copy-that``: usage, confidence, source, role, boxes, images, backgrounds of text, scales, a
gradient's kind and angle, lengths that were classified as em, and which parts of a text style were
not measured. An alias is a token whose value is ``{type.name}``.

Style Dictionary reads a brace in any string of the document as an alias. So texts from outside
stand in the extensions percent-encoded as far as braces need it, and a description that is not
fit for every tool stands there whole, beside what is left of it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from shared.export.entries import Entry, list_entries
from shared.export.formats import File
from shared.export.rendering import render
from shared.export.values import (
    letter_spacing,
    line_height,
    make_absolute,
    round_number,
    write_comment,
)
from shared.tokens import (
    W3C_TYPES,
    Color,
    Dimension,
    Gradient,
    ImageUse,
    Scale,
    Scales,
    Shadow,
    Token,
    TokenSet,
    TokenType,
    Typography,
)

SCHEMA = "https://www.designtokens.org/schemas/2025.10/format.json"
VENDOR = "dev.copy-that"


def write_dtcg(token_set: TokenSet) -> File:
    """Return the set as ``tokens.json``."""
    groups = {
        token_type.value: {each.name: _describe(token_type, each) for each in list_entries(tokens)}
        for token_type, tokens in token_set.tokens.by_type()
    }
    content = render("tokens.json.j2", schema=SCHEMA, about=_about(token_set), groups=groups)
    return File("tokens.json", "application/design-tokens+json", content)


def _about(token_set: TokenSet) -> dict[str, Any]:
    """Return the document's own extensions: nothing that differs where the tokens are the same."""
    about: dict[str, Any] = {
        "pipelineVersion": token_set.pipeline_version,
        "sourceImages": [_encode(image) for image in token_set.source_images],
    }
    if token_set.scales != Scales():
        about["scales"] = {
            "spacing": _scale(token_set.scales.spacing),
            "typography": _scale(token_set.scales.typography),
            "elevation": list(token_set.scales.elevation),
        }
    return {VENDOR: about}


def _scale(scale: Scale) -> dict[str, Any]:
    return {
        "basePx": scale.base_px,
        "ratio": scale.ratio,
        "confidence": scale.confidence,
        "steps": list(scale.steps),
        "outliers": list(scale.outliers),
    }


def _describe(token_type: TokenType, entry: Entry) -> dict[str, Any]:
    """Return the members of one token object."""
    value = _VALUES[token_type](entry.token.value)
    if entry.target is not None:
        value = f"{{{token_type.value}.{entry.target}}}"
    described = {"$type": W3C_TYPES[token_type].value, "$value": value}
    if note := write_comment(entry.description):
        # Terrazzo writes it into a comment.
        described["$description"] = note
    known = _know(entry) | _BESIDE_VALUES[token_type](entry.token.value)
    return described | {"$extensions": {VENDOR: known}}


def _know(entry: Entry) -> dict[str, Any]:
    """Return all that is known of a token or an alias beside its value."""
    whose = entry.alias or entry.token
    known: dict[str, Any] = {
        "usage": whose.usage,
        "confidence": whose.confidence,
        "source": whose.source.value,
    }
    if write_comment(whose.description) != whose.description:
        known["description"] = _encode(whose.description)
    return known if entry.alias else known | _trace(entry.token)


def _trace(token: Token[Any]) -> dict[str, Any]:
    """Return where a token was seen, and as what."""
    trace: dict[str, Any] = {}
    if token.role is not None:
        trace["role"] = _encode(token.role)
    if token.on:
        trace["on"] = [each.model_dump() for each in token.on]
    if token.boxes:
        trace["boxes"] = [box.model_dump() for box in token.boxes]
    if token.images:
        trace["images"] = [_place(use) for use in token.images]
    if token.image_count:
        trace["imageCount"] = token.image_count
    return trace


def _place(use: ImageUse) -> dict[str, Any]:
    """Return an image that shows a token; its item is not told, since files carry no ids."""
    place: dict[str, Any] = {"image": _encode(use.image), "count": use.count}
    if use.boxes:
        place["boxes"] = [box.model_dump() for box in use.boxes]
    return place


def _encode(text: str) -> str:
    """Return a text without braces, which ``urllib.parse.unquote`` gives back as it was."""
    return text.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")


def _nothing(_value: object) -> dict[str, Any]:
    return {}


def _color(color: Color) -> dict[str, Any]:
    components = color.model_dump(include={"components"})["components"]
    return {
        "colorSpace": color.color_space,
        "components": [round_number(component) for component in components],
        "alpha": round_number(color.alpha),
        "hex": color.hex,
    }


def _dimension(length: Dimension) -> dict[str, Any]:
    absolute = make_absolute(length)
    return {"value": round_number(absolute.value), "unit": absolute.unit}


def _beside_dimension(length: Dimension) -> dict[str, Any]:
    return {"em": length.value} if length.unit == "em" else {}


def _typography(style: Typography) -> dict[str, Any]:
    return {
        "fontFamily": list(style.font_family),
        "fontSize": _dimension(style.font_size),
        "fontWeight": style.font_weight,
        "letterSpacing": _dimension(letter_spacing(style)),
        "lineHeight": round_number(line_height(style)),
    }


def _beside_typography(style: Typography) -> dict[str, Any]:
    """Return what DTCG makes a text style state though nobody measured it, and its em."""
    lengths = {"fontSize": style.font_size, "letterSpacing": style.letter_spacing}
    em = {name: each.value for name, each in lengths.items() if each and each.unit == "em"}
    return {
        **({"lineHeightMeasured": False} if style.line_height is None else {}),
        **({"letterSpacingMeasured": False} if style.letter_spacing is None else {}),
        **({"em": em} if em else {}),
    }


def _shadow(shadow: Shadow) -> dict[str, Any]:
    return {
        "color": _color(shadow.color),
        "offsetX": _dimension(shadow.offset_x),
        "offsetY": _dimension(shadow.offset_y),
        "blur": _dimension(shadow.blur),
        "spread": _dimension(shadow.spread),
        "inset": shadow.inset,
    }


def _gradient(gradient: Gradient) -> list[dict[str, Any]]:
    return [
        {"color": _color(stop.color), "position": round_number(stop.position)}
        for stop in gradient.stops
    ]


def _beside_gradient(gradient: Gradient) -> dict[str, Any]:
    return {"gradient": {"kind": gradient.kind, "angle": gradient.angle}}


_VALUES: Mapping[TokenType, Callable[[Any], Any]] = {
    TokenType.COLOR: _color,
    TokenType.SPACING: _dimension,
    TokenType.TYPOGRAPHY: _typography,
    TokenType.SHADOW: _shadow,
    TokenType.GRADIENT: _gradient,
    TokenType.RADIUS: _dimension,
}
_BESIDE_VALUES: Mapping[TokenType, Callable[[Any], dict[str, Any]]] = {
    TokenType.COLOR: _nothing,
    TokenType.SPACING: _beside_dimension,
    TokenType.TYPOGRAPHY: _beside_typography,
    TokenType.SHADOW: _nothing,
    TokenType.GRADIENT: _beside_gradient,
    TokenType.RADIUS: _beside_dimension,
}
