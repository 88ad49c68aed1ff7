"""``tokens.json`` against DTCG 2025.10."""

import json
from typing import Any

import pytest

from shared.export import Format, export
from shared.export.dtcg import VENDOR
from shared.tokens import Color, Tokens
from tests.token_sets import (
    EMPTY,
    HOSTILE,
    RICH,
    alias,
    em,
    gradient,
    of,
    px,
    style,
    token,
)


def document(tokens: Tokens) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(export(of(tokens), Format.W3C).content)
    return read


def written(name: str, tokens: Tokens) -> dict[str, Any]:
    groups = document(tokens)
    return next(group[name] for group in groups.values() if name in group)


def test_a_type_without_tokens_is_an_empty_group() -> None:
    groups = document(EMPTY.tokens)

    assert {name: group for name, group in groups.items() if not name.startswith("$")} == {
        token_type.value: {} for token_type, _ in EMPTY.tokens.by_type()
    }


def test_every_token_states_its_type() -> None:
    groups = document(RICH.tokens)

    types = {
        name: {each["$type"] for each in group.values()}
        for name, group in groups.items()
        if not name.startswith("$")
    }
    assert types == {
        "color": {"color"},
        "spacing": {"dimension"},
        "typography": {"typography"},
        "shadow": {"shadow"},
        "gradient": {"gradient"},
        "radius": {"dimension"},
    }


def test_a_color_is_an_srgb_object_whose_hex_agrees() -> None:
    color = written("x", Tokens(color=(token("x", Color(hex="#3366cc", alpha=0.5)),)))

    assert color["$value"] == {
        "colorSpace": "srgb",
        "components": [0.2, 0.4, 0.8],
        "alpha": 0.5,
        "hex": "#3366cc",
    }


def test_an_unmeasured_line_height_is_neutral_and_says_so() -> None:
    body = written("x", Tokens(typography=(token("x", style("sans-serif", 16)),)))

    assert body["$value"]["lineHeight"] == 1.2
    assert body["$value"]["letterSpacing"] == {"value": 0, "unit": "px"}
    assert body["$extensions"][VENDOR]["lineHeightMeasured"] is False


def test_a_measured_line_height_is_not_marked() -> None:
    body = written("x", Tokens(typography=(token("x", style("serif", 16, line_height=1.5)),)))

    assert body["$value"]["lineHeight"] == 1.5
    assert "lineHeightMeasured" not in body["$extensions"][VENDOR]


def test_an_em_is_written_in_px_and_kept_beside() -> None:
    space = written("x", Tokens(spacing=(token("x", em(0.75)),)))

    assert space["$value"] == {"value": 12, "unit": "px"}
    assert space["$extensions"][VENDOR]["em"] == 0.75


def test_letter_spacing_in_em_is_of_the_style_s_own_size() -> None:
    wide = written(
        "x", Tokens(typography=(token("x", style("serif", 40, letter_spacing=em(0.1))),))
    )

    assert wide["$value"]["letterSpacing"] == {"value": 4, "unit": "px"}


def test_what_dtcg_has_no_place_for_stands_in_extensions() -> None:
    glow = written("glow", RICH.tokens)

    assert set(glow) == {"$type", "$value", "$extensions"}
    assert glow["$extensions"] == {
        VENDOR: {
            "usage": 1,
            "confidence": 0.9,
            "source": "cv",
            "gradient": {"kind": "radial", "angle": None},
        }
    }


@pytest.mark.parametrize("brace", "{}")
def test_no_string_holds_a_brace_that_could_be_an_alias(brace: str) -> None:
    def strings(value: object) -> list[str]:
        if isinstance(value, dict):
            return [each for part in value.values() for each in strings(part)]
        if isinstance(value, list):
            return [each for part in value for each in strings(part)]
        return [value] if isinstance(value, str) else []

    tokens = Tokens(spacing=(token("x", px(1), description=HOSTILE),))

    assert not [each for each in strings(document(tokens)) if brace in each]


def test_an_alias_refers_to_its_token_in_every_format_that_can() -> None:
    blue = token("blue-600", Color(hex="#2563eb"), aliases=(alias("link"),))
    sets = of(Tokens(color=(blue,)))

    def text(format_: Format) -> str:
        return export(sets, format_).content.decode()

    assert written("link", sets.tokens)["$value"] == "{color.blue-600}"
    assert '"link": {"$type": "color", "$value": "{color.blue-600}"' in text(Format.LEGACY)
    assert "--color-link: var(--color-blue-600);" in text(Format.CSS)
    assert "--color-link: var(--color-blue-600);" in text(Format.TAILWIND)
    assert "$color-link: $color-blue-600;" in text(Format.SCSS)
    assert '/** Same as blue-600. */\n    "link": "#2563eb"' in text(Format.REACT)
    assert '"link": "#2563eb"' in text(Format.TAILWIND3)


def test_an_alias_of_a_gradient_keeps_kind_and_angle() -> None:
    hero = token("hero", gradient("#000000", "#ffffff", angle=45), aliases=(alias("banner"),))

    banner = written("banner", Tokens(gradient=(hero,)))

    assert banner["$extensions"][VENDOR]["gradient"] == {"kind": "linear", "angle": 45}
