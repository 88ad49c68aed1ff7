"""Token sets to test with: a rich one by hand, and any at all by hypothesis."""

from typing import Any, TypeVar

from hypothesis import strategies as st
from pydantic import BaseModel

from shared.tokens import (
    Alias,
    Box,
    Color,
    Dimension,
    Gradient,
    GradientStop,
    ImageUse,
    Scale,
    Scales,
    Shadow,
    Source,
    TextOn,
    Token,
    Tokens,
    TokenSet,
    Typography,
)

Value = TypeVar("Value", bound=BaseModel)

# What would leave a comment, a string or a script, or be taken for a command or an alias.
HOSTILE = (
    "Main */ call \"to\" 'action' </script></style><!-- `${x}` #{y} {color.primary} // "
    "@ts-ignore @import stylelint-disable \\ \n\r\t \u2028 end"
)


def px(value: float) -> Dimension:
    return Dimension(value=value)


def em(value: float) -> Dimension:
    return Dimension(value=value, unit="em")


def token(name: str, value: Value, **known: object) -> Token[Value]:
    facts: dict[str, Any] = {"usage": 1, "confidence": 0.9, "source": Source.CV, **known}
    return Token(name=name, value=value, **facts)


def alias(name: str, **known: object) -> Alias:
    facts: dict[str, Any] = {"usage": 1, "confidence": 0.8, "source": Source.CLAUDE, **known}
    return Alias(name=name, **facts)


def style(family: str, size_px: float, weight: int = 400, **measured: object) -> Typography:
    return Typography(font_family=(family,), font_size=px(size_px), font_weight=weight, **measured)


def shadow(y: float, blur: float, alpha: float = 0.1, **others: object) -> Shadow:
    lengths = {"offset_x": px(0), "offset_y": px(y), "blur": px(blur), "spread": px(0)}
    return Shadow(**{"color": Color(hex="#000000", alpha=alpha)} | lengths | others)


def gradient(*hexes: str, angle: float | None = 90) -> Gradient:
    last = len(hexes) - 1
    stops = (
        GradientStop(color=Color(hex=each), position=round(i / last, 4))
        for i, each in enumerate(hexes)
    )
    return Gradient(kind="radial" if angle is None else "linear", angle=angle, stops=tuple(stops))


def of(tokens: Tokens) -> TokenSet:
    return TokenSet(
        id="set_1",
        job_id="job_1",
        pipeline_version="7",
        source_images=("home.png", 'a {b} */ "100%".png'),
        tokens=tokens,
    )


EMPTY = of(Tokens())
RICH = of(
    Tokens(
        color=(
            token(
                "primary",
                Color(hex="#3366cc"),
                usage=12,
                source=Source.CLAUDE,
                role="primary",
                description="Main call to action",
                boxes=(Box(x=1180, y=92, width=132, height=40),),
                aliases=(
                    alias("link", description="Words that lead elsewhere"),
                    alias("text-brand", description=HOSTILE),
                ),
                on=(TextOn(background="#ffffff", count=9, large=2),),
            ),
            token("blue-600", Color(hex="#2563eb"), description=HOSTILE),
            token("overlay", Color(hex="#0a0b0c", alpha=0.1216)),
            token("transparent", Color(hex="#ffffff", alpha=0)),
            token("heading", Color(hex="#abcdef"), description="Same name as a text style"),
            token("hero", Color(hex="#111111")),
            token(
                "white",
                Color(hex="#ffffff"),
                images=(ImageUse(image="{a}.png", count=3), ImageUse(image="*/ @b", count=1)),
            ),
        ),
        spacing=(
            token("16", px(16), usage=44, role="padding", aliases=(alias("card-padding"),)),
            token("13-5", px(13.5)),
            token("0", px(0)),
            token("md", px(12)),
            token("gutter", Dimension(value=1.25, unit="rem")),
            token("stack", em(0.75)),
        ),
        typography=(
            token(
                "heading",
                Typography(
                    font_family=("Inter", "Helvetica Neue", "sans-serif"),
                    font_size=px(32),
                    font_weight=700,
                    letter_spacing=em(-0.02),
                    line_height=1.25,
                ),
                description="Page title",
                aliases=(alias("display"),),
            ),
            token("body-16", style("sans-serif", 16)),
            token("caption-12", style("serif", 12, line_height=1.3333)),
            token("code-13-5", style("monospace", 13.5)),
            token("bold", style("Black", 14, 650)),
            token("bold-font", style("system-ui", 14)),
            token("bold-font-size", style("system-ui", 15)),
        ),
        shadow=(
            token("md", shadow(4.5, 12, 0.12, spread=px(-1)), aliases=(alias("menu"),)),
            token("hero", shadow(0, 0, 1, offset_x=px(-2), spread=px(3), inset=True)),
        ),
        gradient=(
            token(
                "hero",
                gradient("#3366cc", "#ffffff", "#9933cc", angle=135.25),
                aliases=(alias("banner"),),
            ),
            token("glow", gradient("#3366cc", "#9933cc", angle=None)),
        ),
        radius=(
            token("8", px(8), aliases=(alias("card"),)),
            token("2-5", px(2.5)),
            token("full", px(40)),
        ),
    )
)


# What ends something in one of the languages, begins something, or reads backwards.
PAYLOADS = (
    *("*/", "/*", "//", '"', "'", "`", "\\", ";", "}", "{", ")", "\n", "\r\n", "\u2028", "\0"),
    *("${x}", "#{y}", "{color.primary}", "var(--x)", "url(javascript:x)", '@import "x";'),
    *("</style>", "</script>", "<!--", "-->", "<img src=x onerror=y>", "&quot;", "&#34;"),
    *("@ts-ignore", "stylelint-disable", "expression(1)", "%7B", "\\22 ", "\\a ", "{{ 7 * 7 }}"),
    *("\u202e", "\u2066", "\u200f", "\ufeff", "\ufffd", "שלום", "مرحبا", "🎨", "e\u0301"),
    "__proto__",
)  # fmt: skip
foreign = st.lists(st.sampled_from(PAYLOADS) | st.text(max_size=3)).map("".join)


def _numbers(least: int, most: int) -> st.SearchStrategy[float]:
    """Return numbers of at most four decimals, the finest that exports write."""
    return st.integers(least * 10**4, most * 10**4).map(lambda number: number / 10**4)


_lengths = st.builds(
    Dimension, value=_numbers(-500, 500), unit=st.sampled_from(["px", "rem", "em"])
)
# A font of no size or a negative one is none; Terrazzo knows no weight of 1000.
_sizes = st.builds(
    Dimension, value=_numbers(0, 500).filter(bool), unit=st.sampled_from(["px", "rem", "em"])
)
_extents = st.builds(Dimension, value=_numbers(0, 500))
_offsets = st.builds(Dimension, value=_numbers(-500, 500))
_hexes = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
_colors = st.builds(
    Color,
    hex=_hexes,
    alpha=_numbers(0, 1),
)
# Hypothesis reads a model's signature, where fields go by their aliases.
_styles = st.builds(
    Typography,
    fontFamily=st.lists(
        st.sampled_from(["Inter", "Source Sans 3", "游ゴシック", "serif", "sans-serif"]),
        min_size=1,
        unique=True,
    ).map(tuple),
    fontSize=_sizes,
    fontWeight=st.integers(1, 999),
    letterSpacing=st.none() | _lengths,
    lineHeight=st.none() | _numbers(0, 9).filter(bool),
)
_shadows = st.builds(
    Shadow,
    color=_colors,
    offsetX=_offsets,
    offsetY=_offsets,
    blur=_extents,
    spread=_offsets,
    inset=st.booleans(),
)
_stops = st.lists(
    st.builds(GradientStop, color=_colors, position=_numbers(0, 1)), min_size=2, max_size=4
).map(tuple)
_gradients = st.builds(
    Gradient, kind=st.just("linear"), angle=_numbers(0, 360), stops=_stops
) | st.builds(Gradient, kind=st.just("radial"), angle=st.none(), stops=_stops)
# Names that mean something to a tool: keys and utilities of Tailwind, members of every object of
# JavaScript, values of JSON, CSS and Sass, and the words that our own exports put between.
_LOADED_NAMES = (
    *("none", "full", "auto", "px", "screen", "fit", "default", "initial", "inherit", "current"),
    *("transparent", "black", "white", "blue-600", "xs", "sm", "md", "xl", "3xl", "base"),
    *("sans", "serif", "mono", "bold", "normal", "left", "center", "right", "top", "wrap", "clip"),
    *(
        "inner",
        "inset",
        "cover",
        "contain",
        "fixed",
        "local",
        "repeat",
        "origin-border",
        "t",
        "tl",
    ),
    *("gradient-to-r", "linear", "radial", "blend-multiply", "opacity-50", "shadow-sm", "reverse"),
    *("color", "color-card", "text", "font", "font-size", "weight-bold", "line-height", "size-1"),
    *("prototype", "tostring", "value", "type", "description", "path", "name", "theme"),
    *("null", "true", "nan", "infinity", "and", "not", "from", "0", "1", "16", "1e3", "0x10"),
)
_names = st.sampled_from(_LOADED_NAMES) | st.from_regex(
    r"[a-z0-9]{1,6}(-[a-z0-9]{1,4}){0,2}", fullmatch=True
)
_places = st.integers(0, 5000)


_shares = st.floats(0, 1)
_boxes = st.lists(
    st.builds(Box, x=_places, y=_places, width=_places, height=_places), max_size=2
).map(tuple)
_facts = {
    "usage": st.integers(1, 10**6),
    "confidence": _shares,
    "source": st.sampled_from(Source),
    "description": foreign,
}


@st.composite
def _tokens(
    draw: st.DrawFn, kind: type[Token[Value]], values: st.SearchStrategy[Value]
) -> tuple[Token[Value], ...]:
    """Return tokens and their aliases, whose names all differ."""
    names = draw(st.lists(_names, max_size=5, unique=True))
    own = names[: draw(st.integers(0, len(names)))] or names[:1]
    aliases: dict[str, list[Alias]] = {name: [] for name in own}
    for name in names[len(own) :]:
        alias = draw(st.builds(Alias, name=st.just(name), **_facts))
        aliases[draw(st.sampled_from(own))].append(alias)
    image = st.builds(ImageUse, image=foreign, count=st.integers(1, 99), boxes=_boxes)
    one = {
        "value": values,
        "role": st.none() | _names,
        "on": st.lists(
            st.builds(TextOn, background=_hexes, count=st.integers(1, 9), large=st.integers(0, 9)),
            max_size=2,
        ).map(tuple),
        "boxes": _boxes,
        "images": st.lists(image, max_size=2).map(tuple),
        "image_count": st.integers(0, 10**4),
    }
    return tuple(
        draw(st.builds(kind, name=st.just(name), aliases=st.just(tuple(each)), **one, **_facts))
        for name, each in aliases.items()
    )


_scales = st.builds(
    Scale,
    base_px=st.none() | _numbers(1, 16),
    ratio=st.none() | _numbers(1, 2),
    confidence=_shares,
    steps=st.lists(_names, max_size=3).map(tuple),
    outliers=st.lists(_names, max_size=2).map(tuple),
)
any_tokens = st.builds(
    Tokens,
    color=_tokens(Token[Color], _colors),
    spacing=_tokens(Token[Dimension], _lengths),
    typography=_tokens(Token[Typography], _styles),
    shadow=_tokens(Token[Shadow], _shadows),
    gradient=_tokens(Token[Gradient], _gradients),
    radius=_tokens(Token[Dimension], _lengths),
)
any_sets = st.builds(
    TokenSet,
    id=_names,
    job_id=st.none() | _names,
    item_id=st.none() | _names,
    pipeline_version=_names,
    source_images=st.lists(foreign, max_size=3).map(tuple),
    tokens=any_tokens,
    scales=st.builds(
        Scales,
        spacing=_scales,
        typography=_scales,
        elevation=st.lists(_names, max_size=2).map(tuple),
    ),
)
