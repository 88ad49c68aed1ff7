"""Contrast of two opaque colors, as WCAG 2.2 measures it.

Source: W3C, Web Content Accessibility Guidelines 2.2, "relative luminance", "contrast ratio" and
success criteria 1.4.3 and 1.4.6.
"""

from functools import lru_cache

# What text needs to its background to pass level AA; ``shared.tokens.TextOn`` says what is large.
LEAST_CONTRAST = 4.5
LEAST_CONTRAST_LARGE = 3.0
# What text needs for level AAA.
ENHANCED_CONTRAST = 7.0

# Weights of red, green and blue light in luminance (ITU-R BT.709).
_WEIGHTS = (0.2126, 0.7152, 0.0722)
# Light that is always there, on both sides of the ratio.
_FLARE = 0.05
# Up to here the transfer function of sRGB is a line.
_LINE_ENDS = 0.04045


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors, ``#rrggbb`` each: 1 (the same) to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + _FLARE) / (darker + _FLARE)


@lru_cache(maxsize=4096)
def _luminance(hex_color: str) -> float:
    """Return the relative luminance in [0, 1]."""
    levels = (int(hex_color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return sum(weight * _linear(level) for weight, level in zip(_WEIGHTS, levels, strict=True))


def _linear(level: float) -> float:
    """Return the light of an sRGB level in [0, 1], by the thresholds that WCAG 2.2 states."""
    return float(level / 12.92 if level <= _LINE_ENDS else ((level + 0.055) / 1.055) ** 2.4)
