"""What the sample pages say of themselves: the tokens of ``tokens.css`` and who uses them."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SAMPLES = Path(__file__).resolve().parents[2] / "samples"

_DECLARATION = re.compile(r"--([\w-]+):\s*([^;]+);")
_USE = re.compile(r"var\(--([\w-]+)\)")
_FONT = re.compile(r"(\d+) ([\d.]+)px/([\d.]+)px \"?([\w ]+)\"?")
_SHADOW = re.compile(r"(\S+) (\S+) (\S+) rgb\((\d+) (\d+) (\d+) / (\d+)%\)")
_GRADIENT = re.compile(r"linear-gradient\(([\d.]+)deg, (#\w+) 0%, (#\w+) 100%\)")


@dataclass(frozen=True)
class Font:
    weight: int
    size_px: float
    line_height_px: float
    family: str


@dataclass(frozen=True)
class Shadow:
    x_px: float
    y_px: float
    blur_px: float
    color_hex: str
    alpha: float


@dataclass(frozen=True)
class Gradient:
    angle_deg: float
    first_hex: str
    last_hex: str


@cache
def read_tokens() -> dict[str, str]:
    """Return the value of every custom property by its name."""
    return dict(_DECLARATION.findall((SAMPLES / "tokens.css").read_text()))


@cache
def used_by(page: str) -> frozenset[str]:
    """Return the names of the tokens that a page's own styles refer to."""
    return frozenset(_USE.findall((SAMPLES / f"{page}.html").read_text()))


def colors_of(page: str) -> dict[str, str]:
    """Return the colors that may appear on a page, those of its gradients left out."""
    inherited = {"color-canvas", "color-ink"}
    return _of_group("color", used_by(page) | inherited)


def spaces_of(page: str) -> dict[str, float]:
    return {name: _px(value) for name, value in _of_group("space", used_by(page)).items()}


def radii_of(page: str) -> dict[str, float]:
    return {name: _px(value) for name, value in _of_group("radius", used_by(page)).items()}


def fonts_of(page: str) -> dict[str, Font]:
    return {name: _font(value) for name, value in _of_group("font", used_by(page)).items()}


def all_spaces() -> dict[str, float]:
    return {name: _px(value) for name, value in _of_group("space", set(read_tokens())).items()}


def all_fonts() -> dict[str, Font]:
    return {name: _font(value) for name, value in _of_group("font", set(read_tokens())).items()}


def shadows_of(page: str) -> dict[str, Shadow]:
    return {name: _shadow(value) for name, value in _of_group("shadow", used_by(page)).items()}


def gradients_of(page: str) -> dict[str, Gradient]:
    used = _of_group("gradient", used_by(page))
    return {name: _gradient(value) for name, value in used.items()}


def _of_group(group: str, used: frozenset[str] | set[str]) -> dict[str, str]:
    return {
        name: value
        for name, value in read_tokens().items()
        if name in used and name.startswith(f"{group}-")
    }


def _px(value: str) -> float:
    return float(value.removesuffix("px"))


def _match(pattern: re.Pattern[str], value: str) -> tuple[str, ...]:
    found = pattern.match(value)
    if found is None:
        message = f"tokens.css holds a value that is not understood: {value}"
        raise ValueError(message)
    return found.groups()


def _font(value: str) -> Font:
    weight, size, leading, family = _match(_FONT, value)
    return Font(int(weight), float(size), float(leading), family)


def _shadow(value: str) -> Shadow:
    x, y, blur, red, green, blue, percent = _match(_SHADOW, value)
    color = f"#{int(red):02x}{int(green):02x}{int(blue):02x}"
    return Shadow(_px(x), _px(y), _px(blur), color, int(percent) / 100)


def _gradient(value: str) -> Gradient:
    angle, first, last = _match(_GRADIENT, value)
    return Gradient(float(angle), first, last)
