"""Theme keys that would meet in one class of Tailwind's."""

import re

from shared.export import Format, export
from shared.tokens import Color, Tokens
from tests.token_sets import gradient, of, px, shadow, style, token


def variables(tokens: Tokens) -> set[str]:
    css = export(of(tokens), Format.TAILWIND).content.decode()
    return set(re.findall(r"^  (--[a-z0-9-]+):", css, re.MULTILINE))


def test_a_text_style_gives_way_to_a_color_of_the_same_name() -> None:
    tokens = Tokens(
        color=(token("card", Color(hex="#ffffff")),),
        typography=(token("card", style("serif", 16)),),
    )

    assert {"--color-card", "--text-typography-card"} <= variables(tokens)
    assert "--text-card" not in variables(tokens)


def test_a_gradient_gives_way_to_a_color_of_the_same_name() -> None:
    tokens = Tokens(
        color=(token("hero", Color(hex="#ffffff")),),
        gradient=(token("hero", gradient("#000000", "#ffffff")),),
    )

    assert variables(tokens) == {"--color-hero", "--background-image-gradient-hero"}


def test_a_spacing_never_takes_over_the_container_widths() -> None:
    tokens = Tokens(spacing=(token("md", px(12)), token("16", px(16))))

    assert variables(tokens) == {"--spacing-spacing-md", "--spacing-16"}


def test_keywords_of_tailwind_are_no_keys() -> None:
    tokens = Tokens(
        color=(token("transparent", Color(hex="#ffffff")),),
        shadow=(token("none", shadow(1, 2)),),
    )

    assert variables(tokens) == {"--color-color-transparent", "--shadow-shadow-none"}


def test_a_style_named_like_tailwind_s_palette_gives_way() -> None:
    tokens = Tokens(typography=(token("blue-600", style("serif", 16)),))

    assert "--text-typography-blue-600" in variables(tokens)


def test_a_free_key_is_found_even_where_the_prefixed_one_is_taken() -> None:
    tokens = Tokens(
        color=(token("card", Color(hex="#ffffff")),),
        typography=(
            token("card", style("serif", 16)),
            token("typography-card", style("serif", 18)),
        ),
    )

    assert {"--text-typography-card", "--text-typography-typography-card"} <= variables(tokens)


def test_families_have_tailwind_s_own_names() -> None:
    tokens = Tokens(
        typography=(
            token("a", style("sans-serif", 16)),
            token("b", style("monospace", 16)),
            token("c", style("Black", 16)),
            token("d", style("sans-serif", 20)),
        )
    )

    fonts = {name for name in variables(tokens) if name.startswith("--font-")}
    assert fonts == {"--font-sans", "--font-mono", "--font-family-black"}
