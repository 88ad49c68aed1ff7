"""Where screens drift from their own design system."""

from typing import Any

import pytest
from hypothesis import given, settings

from shared.contrast import contrast
from shared.findings import Better, Report
from shared.report import report
from shared.scales import infer_scales
from shared.tokens import Color, Dimension, ImageUse, TextOn, Token, Tokens, TokenSet, Typography
from tests.token_sets import any_sets, of, px, shadow, style, token

INK, WHITE = Color(hex="#1b2a22"), Color(hex="#ffffff")


def told(images: int = 8, **tokens: tuple[Token[Any], ...]) -> Report:
    """Return the report on tokens that many images came to."""
    found = Tokens(**tokens)
    names = tuple(f"{number}.png" for number in range(images))
    return report(
        of(found).model_copy(update={"source_images": names, "scales": infer_scales(found)})
    )


def text(name: str, color: str, **known: object) -> Token[Color]:
    return token(name, Color(hex=color), role="text", **known)


def on(background: str, count: int = 5, large: int = 0) -> tuple[TextOn, ...]:
    return (TextOn(background=background, count=count, large=large),)


def spaces(*sizes: float) -> tuple[Token[Any], ...]:
    return tuple(token(f"{size:g}".replace(".", "-"), px(size), usage=40) for size in sizes)


@settings(max_examples=25)
@given(token_set=any_sets)
def test_any_set_has_a_report_that_is_json(token_set: TokenSet) -> None:
    found = report(token_set)

    assert Report.model_validate_json(found.model_dump_json(by_alias=True)) == found


def test_a_set_that_keeps_its_rules_has_nothing_to_report() -> None:
    found = told(
        color=(text("ink", INK.hex, usage=90, on=on("#ffffff")), token("white", WHITE, usage=80)),
        spacing=spaces(8, 16, 24, 32),
        typography=(token("body", style("Inter", 14), usage=60, image_count=8),),
    )

    assert found == Report(scales=found.scales)


def test_a_distance_off_the_scale_should_be_the_nearest_step() -> None:
    found = told(spacing=(*spaces(4, 8, 12, 16, 20, 24, 28, 32), *spaces(22.6, 109)))

    assert [(each.token.name, each.probably) for each in found.off_scale] == [
        ("22-6", Better[Dimension](name="24", value=px(24))),
        ("109", Better[Dimension](name=None, value=px(108))),
    ]


def test_a_text_size_off_the_scale_should_be_the_nearest_step() -> None:
    sizes = (10.24, 12.8, 16, 20, 25, 31.25, 39.06, 48.83)
    styles = [
        token(f"s{number}", style("Inter", size), usage=20, image_count=8)
        for number, size in enumerate(sizes)
    ]
    styles[2] = styles[2].model_copy(update={"usage": 90})
    odd = token("odd", style("Inter", 21.5), usage=20, image_count=8)

    (found,) = told(typography=(*styles, odd)).off_scale

    assert found.token.name == "odd"
    assert found.probably == Better[Typography](name="s3", value=style("Inter", 20))


def test_a_color_nearly_another_that_is_used_more_should_be_that() -> None:
    blue = token("blue", Color(hex="#2563eb"), usage=60, role="primary")
    slip = token("slip", Color(hex="#2a6cf0"), usage=2, role="primary")

    (found,) = told(color=(blue, slip)).near_duplicates

    assert (found.token.name, found.probably.name) == ("slip", "blue")
    assert 2 < found.delta_e < 5


@pytest.mark.parametrize(
    "other",
    [
        token("steps", Color(hex="#2a6cf0"), usage=40, role="primary"),
        token("role", Color(hex="#2a6cf0"), usage=2, role="text"),
        token("alpha", Color(hex="#2a6cf0", alpha=0.5), usage=2, role="primary"),
        token("far", Color(hex="#2f80ff"), usage=2, role="primary"),
    ],
    ids=lambda each: each.name,
)
def test_a_color_that_is_used_as_much_or_otherwise_is_no_duplicate(other: Token[Color]) -> None:
    blue = token("blue", Color(hex="#2563eb"), usage=60, role="primary")

    assert told(color=(blue, other)).near_duplicates == ()


def test_thin_letters_of_a_color_are_no_duplicate() -> None:
    ink = text("ink", "#5a6b61", usage=40, on=on("#ffffff"))
    thin = text("thin", "#67776e", usage=3, on=on("#ffffff"))

    assert told(color=(ink, thin)).near_duplicates == ()


def test_a_style_of_few_lines_on_one_image_should_be_the_usual_one_near_it() -> None:
    found = told(
        typography=(
            token("body", style("Inter", 14), usage=200, image_count=8),
            token("heading", style("Inter", 28, 700), usage=12, image_count=5),
            token("odd", style("Inter", 15, 500), usage=2, image_count=1),
            token("poster", style("Inter", 96, 800), usage=1, image_count=1),
        )
    )

    assert [(each.token.name, each.probably and each.probably.name) for each in found.rare] == [
        ("odd", "body"),
        ("poster", None),
    ]


def test_what_is_not_confirmed_is_rare_and_might_be_what_is_near() -> None:
    found = told(
        spacing=(token("16", px(16), usage=30), token("18", px(18), confirmed=False)),
        shadow=(token("md", shadow(4, 12), confirmed=False),),
        color=(
            token("blue", Color(hex="#2563eb"), usage=9),
            token("slip", Color(hex="#2a6cf0"), usage=2, confirmed=False),
        ),
    )

    assert {each.token.name: each.probably and each.probably.name for each in found.rare} == {
        "slip": "blue",
        "18": "16",
        "md": None,
    }
    assert found.near_duplicates == ()


def test_text_with_too_little_contrast_should_be_a_shade_that_is_readable() -> None:
    (found,) = told(color=(text("amber", "#d97a1e", on=on("#ffffff", 7)),)).low_contrast

    assert (found.ratio, found.required, found.lines) == (3.11, 4.5, 7)
    assert found.probably.name is None
    assert 4.5 <= contrast(found.probably.value.hex, "#ffffff") < 4.7


def test_a_text_color_of_the_set_goes_before_a_shade_of_its_own() -> None:
    found = told(
        color=(
            text("gray-400", "#9ca3af", usage=9, on=on("#ffffff")),
            text("gray-500", "#6b7280", usage=30, on=on("#ffffff")),
            token("white", WHITE, usage=50),
        )
    )

    (low,) = found.low_contrast
    assert (low.token.name, low.background.name, low.probably.name) == (
        "gray-400",
        "white",
        "gray-500",
    )


@pytest.mark.parametrize(("large", "lines", "required"), [(0, 5, 4.5), (3, 2, 4.5), (5, 0, 0)])
def test_large_text_needs_less_contrast(large: int, lines: int, required: float) -> None:
    found = told(color=(text("amber", "#d97a1e", on=on("#ffffff", 5, large)),)).low_contrast

    assert [(each.lines, each.required) for each in found] == [(lines, required)] * bool(lines)


def test_text_in_the_color_of_its_background_was_not_seen_there() -> None:
    assert told(color=(text("white", "#ffffff", on=on("#fefefe")),)).low_contrast == ()


def test_a_finding_carries_the_places_it_was_seen_at() -> None:
    uses = (ImageUse(image="home.png", item_id="item_1", count=3),)
    odd = token("110", px(110), usage=3, images=uses, image_count=1)

    (found,) = told(spacing=(*spaces(4, 8, 12, 16, 20, 24, 28, 32), odd)).off_scale

    assert found.token.images == uses
