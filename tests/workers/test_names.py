import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens import TokenType
from tests.workers.measured import (
    Measurement,
    color,
    gradient,
    measurements,
    radius,
    shadow,
    spacing,
    style,
)
from workers.measure.measurements import ColorRole, FamilyClass, GradientKind, SpacingKind
from workers.names import MAX_NAME, NameBook, name_by_rule


def slugs(*found: Measurement) -> list[str]:
    return [name.slug for name in name_by_rule(measurements(*found)).values()]


def roles(*found: Measurement) -> list[str]:
    return [name.role for name in name_by_rule(measurements(*found)).values()]


def test_every_candidate_has_a_name_under_its_letter_and_place() -> None:
    found = measurements(
        color("#2563eb"),
        color("#ffffff"),
        spacing(16),
        style(16),
        shadow(4, 12),
        gradient("#2563eb", "#9333ea"),
        radius(8),
    )

    names = {key: name.slug for key, name in name_by_rule(found).items()}

    assert names == {
        "c1": "blue-600",
        "c2": "white",
        "s1": "16",
        "t1": "body-16",
        "h1": "md",
        "g1": "blue-to-purple",
        "r1": "8",
    }


@pytest.mark.parametrize(
    ("px", "slug"), [(16, "16"), (13.5, "13-5"), (0, "0"), (100, "100"), (6.666, "6-67")]
)
def test_a_distance_is_named_by_its_number(px: float, slug: str) -> None:
    assert slugs(spacing(px)) == [slug]


def test_a_second_color_of_a_swatch_is_named_by_a_finer_step() -> None:
    assert slugs(color("#e9ecef"), color("#dee2e6")) == ["gray-200", "gray-220"]


def test_text_is_named_by_its_size_beside_the_most_used_style() -> None:
    assert slugs(style(16), style(32), style(12), style(18)) == [
        "body-16",
        "heading-32",
        "caption-12",
        "body-18",
    ]
    assert slugs(style(14), style(16), style(18), style(12)) == [
        "body-14",
        "body-16",
        "heading-18",
        "caption-12",
    ]


def test_monospaced_text_is_code_whatever_its_size() -> None:
    assert slugs(style(16), style(24, family=FamilyClass.MONO)) == ["body-16", "code-24"]


def test_a_second_weight_of_a_size_is_named_by_it() -> None:
    assert slugs(style(16), style(16, 700), style(16, 600)) == [
        "body-16",
        "body-16-700",
        "body-16-600",
    ]


def test_shadows_are_sizes_by_their_blur() -> None:
    assert slugs(shadow(4, 12), shadow(1, 2), shadow(8, 24)) == ["md", "sm", "lg"]
    assert slugs(shadow(4, 12), shadow(4, 12, 0.3)) == ["md", "md"]
    assert slugs(*(shadow(4, blur) for blur in range(1, 8))) == [
        *("sm", "md", "lg", "xl", "2xl", "3xl", "4xl")
    ]


def test_a_gradient_is_named_by_its_ends_and_by_its_kind_unless_linear() -> None:
    assert slugs(gradient("#2563eb", "#ffffff", "#9333ea")) == ["blue-to-purple"]
    assert slugs(gradient("#2563eb", "#1d4ed8")) == ["blue"]
    assert slugs(gradient("#2563eb", "#9333ea", kind=GradientKind.RADIAL)) == [
        "radial-blue-to-purple"
    ]


def test_roles_are_those_that_were_measured() -> None:
    assert roles(color("#ffffff", ColorRole.SURFACE, ColorRole.TEXT)) == ["surface"]
    assert roles(color("#ffffff", ColorRole.FILL)) == ["other"]
    assert roles(spacing(16, SpacingKind.PADDING)) == ["padding"]
    assert roles(style(16), style(32)) == ["body", "heading"]
    assert roles(shadow(4, 12)) == ["other"]


def test_a_taken_name_is_numbered() -> None:
    names = NameBook()

    assert [names.register(TokenType.SHADOW, ["card"]) for _ in range(3)] == [
        "card",
        "card-2",
        "card-3",
    ]


def test_a_later_wish_comes_before_a_number() -> None:
    names = NameBook()
    names.register(TokenType.SPACING, ["gutter"])

    assert names.register(TokenType.SPACING, ["gutter", "stack"]) == "stack"


def test_colors_text_styles_and_gradients_share_no_name() -> None:
    names = NameBook()
    types = (TokenType.COLOR, TokenType.TYPOGRAPHY, TokenType.GRADIENT, TokenType.SHADOW)

    assert [names.register(token_type, ["card"]) for token_type in types] == [
        "card",
        "card-text",
        "card-gradient",
        "card",
    ]


def test_a_word_that_javascript_objects_own_is_no_name() -> None:
    assert NameBook().register(TokenType.SHADOW, ["constructor"]) == "constructor-2"


@given(st.lists(st.from_regex(r"[a-z0-9]{1,40}(-[a-z0-9]{1,23})?", fullmatch=True)))
def test_names_are_unique_and_no_longer_than_a_token_allows(wishes: list[str]) -> None:
    names = NameBook()

    given_names = [
        names.register(token_type, [wish])
        for wish in wishes
        for token_type in (TokenType.COLOR, TokenType.GRADIENT)
    ]

    assert len(set(given_names)) == len(given_names)
    assert all(len(name) <= MAX_NAME for name in given_names)
