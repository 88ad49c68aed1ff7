"""Tailwind CSS themes: version 4 (``tailwind.css``) and version 3 (``tailwind.config.js``).

Several theme keys feed the same class: ``text-x`` is a color or a font size, ``bg-x`` a color or
an image, ``font-x`` a family or a weight, and ``max-w-md`` follows ``--spacing-md`` where there
is one. Of two keys that meet in a class, Tailwind takes one and says nothing. So a key that would
meet another is exported with its type in front.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

from shared.export.css import WRITERS, Declaration
from shared.export.entries import list_entries
from shared.export.formats import File
from shared.export.rendering import render
from shared.export.values import write_families, write_style
from shared.tokens import Tokens, TokenSet, TokenType, Typography

# Namespaces of @theme: https://tailwindcss.com/docs/theme#theme-variable-namespaces
_NAMESPACES = {
    TokenType.COLOR: "color",
    TokenType.SPACING: "spacing",
    TokenType.TYPOGRAPHY: "text",
    TokenType.SHADOW: "shadow",
    TokenType.GRADIENT: "background-image",
    TokenType.RADIUS: "radius",
}
_CONFIG_KEYS = {
    TokenType.COLOR: "colors",
    TokenType.SPACING: "spacing",
    TokenType.SHADOW: "boxShadow",
    TokenType.GRADIENT: "backgroundImage",
    TokenType.RADIUS: "borderRadius",
}
# Tailwind answers these itself before it looks at the theme.
_COLOR_KEYWORDS = frozenset({"inherit", "transparent", "current"})
_SHADOW_KEYWORDS = _COLOR_KEYWORDS | {"none", "initial"}
# Variables of @theme that begin with --text or --font and are no sizes or families.
_TEXT_PROPERTIES = re.compile(
    "(color|decoration-color|decoration-thickness|indent|shadow|underline-offset)(-.*)?"
)
_FONT_PROPERTIES = re.compile("(weight|size)(-.*)?")
# Tailwind's own palette, which a style or an image of the same name would meet.
_PALETTE = re.compile(
    "black|white|(slate|gray|zinc|neutral|stone|red|orange|amber|yellow|lime|green|emerald|teal"
    "|cyan|sky|blue|indigo|violet|purple|fuchsia|pink|rose)-[0-9]+"
)
# The keys of --container-*: widths that a spacing of the same name would take over.
_CONTAINER_SIZES = frozenset(
    {"3xs", "2xs", "xs", "sm", "md", "lg", "xl", *(f"{number}xl" for number in range(2, 8))}
)
# The keys of --font-weight-*, which a family of the same name would take over.
_WEIGHT_NAMES = frozenset(
    {
        *("thin", "extralight", "light", "normal", "medium", "semibold", "bold", "extrabold"),
        "black",
    }
)
# Tailwind's own names for the generic families.
_FAMILY_KEYS = {"sans-serif": "sans", "serif": "serif", "monospace": "mono"}


def write_tailwind(token_set: TokenSet) -> File:
    """Return the set as ``tailwind.css``, an ``@theme`` of Tailwind 4."""
    groups = {
        token_type.value: list(_declare(token_type, token_set.tokens)) for token_type in TokenType
    }
    families = [
        Declaration(f"--font-{key}", write_families(family))
        for key, family in _families(token_set.tokens).items()
    ]
    content = render(
        "tailwind.css.j2",
        version=token_set.pipeline_version,
        groups={**groups, "font": families},
    )
    return File("tailwind.css", "text/css", content)


def write_tailwind3(token_set: TokenSet) -> File:
    """Return the set as ``tailwind.config.js``, a config or preset of Tailwind 3."""
    tokens = token_set.tokens
    extend: dict[str, dict[str, Any]] = {
        _CONFIG_KEYS[token_type]: {
            each.name: WRITERS[token_type](each.token.value) for each in list_entries(of_type)
        }
        for token_type, of_type in tokens.by_type()
        if token_type is not TokenType.TYPOGRAPHY
    }
    keys = _keys(TokenType.TYPOGRAPHY, tokens)
    extend["fontSize"] = {
        keys[each.name]: _size(each.token.value) for each in list_entries(tokens.typography)
    }
    extend["fontFamily"] = {
        key: [write_families((name,)) for name in family]
        for key, family in _families(tokens).items()
    }
    content = render("tailwind.config.js.j2", version=token_set.pipeline_version, extend=extend)
    return File("tailwind.config.js", "text/javascript", content)


def _declare(token_type: TokenType, tokens: Tokens) -> Iterator[Declaration]:
    """Yield the theme variables of one type."""
    keys = _keys(token_type, tokens)
    for entry in list_entries(getattr(tokens, token_type.value)):
        name = f"--{_NAMESPACES[token_type]}-{keys[entry.name]}"
        target = entry.target and f"--{_NAMESPACES[token_type]}-{keys[entry.target]}"
        if token_type is TokenType.SHADOW:
            # Tailwind reads the color out of a shadow, so that `shadow-red-500` can replace it.
            target = None
        for part, value in _parts(token_type, entry.token.value).items():
            suffix = f"--{part}" if part else ""
            note = "" if part else entry.description
            yield Declaration(
                f"{name}{suffix}", f"var({target}{suffix})" if target else value, note
            )


def _parts(token_type: TokenType, value: Any) -> dict[str, str]:  # noqa: ANN401 - of any type
    """Return a value by its parts; a text style's size is under the empty name, first."""
    if token_type is not TokenType.TYPOGRAPHY:
        return {"": WRITERS[token_type](value)}
    parts = write_style(value)
    rest = ("line-height", "letter-spacing", "font-weight")
    return {"": parts["font-size"], **{part: parts[part] for part in rest}}


def _keys(token_type: TokenType, tokens: Tokens) -> dict[str, str]:
    """Return the theme keys of Tailwind 4 by the names of tokens and aliases."""
    names = [each.name for each in list_entries(getattr(tokens, token_type.value))]
    reserved: dict[TokenType, Collection[str]] = {
        TokenType.COLOR: _COLOR_KEYWORDS,
        TokenType.SPACING: _CONTAINER_SIZES,
        TokenType.TYPOGRAPHY: _color_keys(tokens, names)
        | {name for name in names if _TEXT_PROPERTIES.fullmatch(name)},
        TokenType.SHADOW: _SHADOW_KEYWORDS,
        TokenType.GRADIENT: _color_keys(tokens, names),
    }
    return _disjoint(names, token_type.value, reserved.get(token_type, ()))


def _color_keys(tokens: Tokens, names: Collection[str]) -> set[str]:
    """Return the names that are colors, of the set's or of Tailwind's own."""
    colors = {each.name for each in list_entries(tokens.color)} | _COLOR_KEYWORDS
    return colors | {name for name in names if _PALETTE.fullmatch(name)}


def _disjoint(names: Collection[str], prefix: str, reserved: Collection[str]) -> dict[str, str]:
    """Return a key for each name, as it is or with the prefix until it is free."""
    taken = {*reserved, *names}
    keys: dict[str, str] = {}
    for name in names:
        key = name
        if name in reserved:
            while key in taken:
                key = f"{prefix}-{key}"
            taken.add(key)
        keys[name] = key
    return keys


def _families(tokens: Tokens) -> dict[str, tuple[str, ...]]:
    """Return the font families in use by key, in the order of the text styles."""
    families = dict.fromkeys(token.value.font_family for token in tokens.typography)
    keys: dict[str, tuple[str, ...]] = {}
    for family in families:
        key = _family_key(family[0])
        while key in keys:
            key = f"{key}-2"
        keys[key] = family
    return keys


def _family_key(name: str) -> str:
    """Return Tailwind's name of a generic family, else a kebab-case one of its own."""
    if name in _FAMILY_KEYS:
        return _FAMILY_KEYS[name]
    letters = "".join(char if char.isascii() and char.isalnum() else " " for char in name.lower())
    key = "-".join(letters.split()) or "family"
    reserved = key in _WEIGHT_NAMES or _FONT_PROPERTIES.fullmatch(key)
    return f"family-{key}" if reserved else key


def _size(style: Typography) -> list[Any]:
    """Return a font size as Tailwind 3 pairs it with the rest of its style."""
    parts = write_style(style)
    return [
        parts["font-size"],
        {
            "lineHeight": parts["line-height"],
            "letterSpacing": parts["letter-spacing"],
            "fontWeight": parts["font-weight"],
        },
    ]
