"""Token values as CSS writes them, and foreign text made safe for comments and strings.

Every export but the JSON ones spells values this way, so that they agree to the last digit. The
spelling is the one that stylelint-config-standard asks for: short hex, modern color functions,
alpha in per cent, quoted font names, at most four decimals.
"""

import re

from shared.tokens import (
    ROOT_FONT_SIZE_PX,
    Color,
    Dimension,
    Gradient,
    GradientStop,
    Shadow,
    Typography,
)

# What stylelint-config-standard allows, and a tenth of what the eye or a pixel could tell.
DECIMALS = 4
# CSS `normal` comes to 1.1 to 1.3 in common faces. DTCG wants a number even where none was
# measured; the exports that can say so mark it as not measured.
NEUTRAL_LINE_HEIGHT = 1.2
NO_LETTER_SPACING = Dimension(value=0)

# Keywords of the font-family grammar: https://www.w3.org/TR/css-fonts-4/#generic-font-families
_GENERIC_FAMILIES = frozenset(
    {
        *("serif", "sans-serif", "cursive", "fantasy", "monospace", "system-ui", "math"),
        *("ui-serif", "ui-sans-serif", "ui-monospace", "ui-rounded"),
    }
)
# Marks of writing direction: with them, text shows code in another order than it is read in.
# https://trojansource.codes
DIRECTION_MARKS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# What could end a comment, a script or a style element, begin a Sass interpolation or a
# directive of TypeScript or stylelint, or leave the line; and U+FEFF, a space to JavaScript alone,
# and U+FFFD, which Sass takes for the trace of a file that is no UTF-8.
_UNSAFE_IN_COMMENTS = re.compile(
    rf"[*<>@\\`{{}}$\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffd{DIRECTION_MARKS}]+|stylelint-\S*",
    re.IGNORECASE,
)
_UNSAFE_IN_STRINGS = re.compile(rf'["\\<\x00-\x1f\x7f\ufffd{DIRECTION_MARKS}]|#(?=\{{)')


def round_number(number: float) -> float | int:
    """Return a number as exports write it: four decimals at most, whole ones without a point."""
    rounded = round(number, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def write_number(number: float) -> str:
    """Return a number without exponent, trailing zeros or a negative zero."""
    text = f"{number:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def make_absolute(length: Dimension, em_px: float = ROOT_FONT_SIZE_PX) -> Dimension:
    """Return the length in px or rem, the only units that DTCG knows."""
    if length.unit != "em":
        return length
    return Dimension(value=round(length.value * em_px, DECIMALS), unit="px")


def letter_spacing(style: Typography) -> Dimension:
    """Return the letter spacing in px or rem, zero where it was not measured."""
    spacing = style.letter_spacing or NO_LETTER_SPACING
    return make_absolute(spacing, _font_size_px(style))


def line_height(style: Typography) -> float:
    """Return the line height over the font size, the neutral one where it was not measured."""
    return NEUTRAL_LINE_HEIGHT if style.line_height is None else style.line_height


def write_length(length: Dimension) -> str:
    """Return a length with its unit; zero has one too, since calc() needs it."""
    absolute = make_absolute(length)
    return f"{write_number(absolute.value)}{absolute.unit}"


def write_color(color: Color) -> str:
    """Return short hex, or ``rgb()`` with an alpha in per cent."""
    if round_number(color.alpha) == 1:
        return _shorten(color.hex)
    red, green, blue = (int(color.hex[i : i + 2], 16) for i in (1, 3, 5))
    alpha = write_number(round_number(color.alpha) * 100)
    return f"rgb({red} {green} {blue} / {alpha}%)"


def write_shadow(shadow: Shadow) -> str:
    """Return a value of ``box-shadow`` with all four lengths."""
    lengths = (shadow.offset_x, shadow.offset_y, shadow.blur, shadow.spread)
    parts = ["inset"] if shadow.inset else []
    parts += ["0" if length.value == 0 else write_length(length) for length in lengths]
    return " ".join([*parts, write_color(shadow.color)])


def write_gradient(gradient: Gradient) -> str:
    """Return the CSS gradient function; a radial one is a circle about its box's centre."""
    stops = [_write_stop(stop) for stop in gradient.stops]
    if gradient.kind == "radial":
        return f"radial-gradient({', '.join(['circle', *stops])})"
    direction = [] if gradient.angle is None else [f"{write_number(gradient.angle)}deg"]
    return f"linear-gradient({', '.join([*direction, *stops])})"


def write_families(families: tuple[str, ...]) -> str:
    """Return a font-family list: generic names bare, all others quoted."""
    return ", ".join(
        name if name in _GENERIC_FAMILIES else write_string(name) for name in families
    )


def write_style(style: Typography) -> dict[str, str]:
    """Return the five properties of a text style by their CSS names."""
    return {
        "font-family": write_families(style.font_family),
        "font-size": write_length(style.font_size),
        "font-weight": str(style.font_weight),
        "letter-spacing": write_length(letter_spacing(style)),
        "line-height": write_number(line_height(style)),
    }


def write_string(text: str) -> str:
    """Return a double-quoted CSS string, also safe in Sass and inside a style element."""
    return f'"{_UNSAFE_IN_STRINGS.sub(_escape, text)}"'


def write_comment(text: str) -> str:
    """Return text that cannot end or leave a comment of any language we write, on one line."""
    return " ".join(_UNSAFE_IN_COMMENTS.sub(" ", text).split())


def _font_size_px(style: Typography) -> float:
    size = make_absolute(style.font_size)
    return size.value * (ROOT_FONT_SIZE_PX if size.unit == "rem" else 1)


def _shorten(hex_color: str) -> str:
    digits = hex_color[1:]
    return f"#{digits[::2]}" if digits[::2] == digits[1::2] else hex_color


def _write_stop(stop: GradientStop) -> str:
    position = write_number(round_number(stop.position) * 100)
    return f"{write_color(stop.color)} {position}%"


def _escape(match: re.Match[str]) -> str:
    """Return a CSS escape of one character: by code point, ended by a space."""
    return f"\\{ord(match[0]):x} "
