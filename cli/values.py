"""Values of tokens in words, from the JSON that the service sends."""

from collections.abc import Callable, Mapping
from typing import Any

Json = Mapping[str, Any]


def describe(token_type: str, value: Json) -> str:
    """Return a value as a line of CSS would have it."""
    return _WORDINGS[token_type](value)


def _color(value: Json) -> str:
    alpha = value["alpha"]
    return str(value["hex"]) if alpha == 1 else f"{value['hex']} / {alpha:.0%}"


def _length(value: Json) -> str:
    return f"{value['value']:g}{value['unit']}"


def _style(value: Json) -> str:
    size = _length(value["fontSize"])
    if value["lineHeight"] is not None:
        size += f"/{value['lineHeight']:g}"
    parts = [str(value["fontWeight"]), size, ", ".join(value["fontFamily"])]
    if value["letterSpacing"] is not None:
        parts.append(f"spaced {_length(value['letterSpacing'])}")
    return " ".join(parts)


def _shadow(value: Json) -> str:
    lengths = [_length(value[part]) for part in ("offsetX", "offsetY", "blur", "spread")]
    return " ".join([*(["inset"] if value["inset"] else []), *lengths, _color(value["color"])])


def _gradient(value: Json) -> str:
    angle = "" if value["angle"] is None else f" {value['angle']:g}deg"
    stops = (f"{_color(stop['color'])} at {stop['position']:.0%}" for stop in value["stops"])
    return f"{value['kind']}{angle}, {', '.join(stops)}"


_WORDINGS: Mapping[str, Callable[[Json], str]] = {
    "color": _color,
    "spacing": _length,
    "typography": _style,
    "shadow": _shadow,
    "gradient": _gradient,
    "radius": _length,
}
