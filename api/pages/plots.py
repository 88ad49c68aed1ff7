"""Plots as numbers for SVG: where on a line the spacings of a set lie, and how often each is."""

from dataclasses import dataclass
from math import log1p

from shared.scales import MOST_SPACING_PX
from shared.tokens import Scales, Tokens

# Units of the drawing: as wide as the page at most, with stems that can be told apart and no
# gaping between them.
WIDTH = 1080.0
MOST_PX_WIDTH = 16.0
HEIGHT = 120.0
# Beyond this many lines a lattice is a grey area.
_MOST_LINES = 64


@dataclass(frozen=True, slots=True)
class Stem:
    """One spacing: where it stands and how high, by the logarithm of its uses."""

    name: str
    px: float
    usage: int
    x: float
    height: float
    is_outlier: bool


@dataclass(frozen=True, slots=True)
class Distribution:
    """Stems, the lattice of the scale behind them, and the lengths that the axis tells."""

    width: float
    height: float
    stems: tuple[Stem, ...]
    lattice: tuple[float, ...]
    ticks: tuple[tuple[float, int], ...]
    beyond: int


def plot_spacing(tokens: Tokens, scales: Scales) -> Distribution | None:
    """Return the distribution of a set's spacings up to what scales are told by; None of none."""
    shown = [token for token in tokens.spacing if 0 < token.value.px <= MOST_SPACING_PX]
    if not shown:
        return None
    most_px = max(token.value.px for token in shown)
    unit = min(MOST_PX_WIDTH, WIDTH / (most_px + 4))
    most_used = log1p(max(token.usage for token in shown))
    stems = tuple(
        Stem(
            name=token.name,
            px=token.value.px,
            usage=token.usage,
            x=round(token.value.px * unit, 1),
            height=round(HEIGHT * log1p(token.usage) / most_used, 1),
            is_outlier=token.name in scales.spacing.outliers,
        )
        for token in shown
    )
    base_px = scales.spacing.base_px
    lines = int(most_px // base_px) if base_px else 0
    step = 8 if most_px <= MOST_SPACING_PX / 2 else 16
    return Distribution(
        width=(most_px + 4) * unit,
        height=HEIGHT,
        stems=stems,
        lattice=tuple(
            round(base_px * unit * n, 1) for n in range(1, min(lines, _MOST_LINES) + 1) if base_px
        ),
        ticks=tuple((round(px * unit, 1), px) for px in range(0, int(most_px) + 1, step)),
        beyond=len(tokens.spacing) - len(shown),
    )
