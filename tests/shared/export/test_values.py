"""How values are spelled in CSS."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.export.values import (
    write_color,
    write_comment,
    write_families,
    write_gradient,
    write_length,
    write_number,
    write_shadow,
    write_string,
)
from shared.tokens import Color, Dimension
from tests.token_sets import gradient, px, shadow


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (-0.0, "0"), (16, "16"), (13.5, "13.5"), (1e-9, "0"), (1e6, "1000000")],
)
def test_a_number_has_no_exponent_and_no_needless_digits(number: float, text: str) -> None:
    assert write_number(number) == text


@given(st.floats(-1e6, 1e6))
def test_a_number_has_at_most_four_decimals(number: float) -> None:
    text = write_number(number)

    assert re.fullmatch(r"-?\d+(\.\d{1,4})?", text)
    assert float(text) == pytest.approx(number, abs=0.00005001)


@pytest.mark.parametrize(
    ("hex_color", "alpha", "text"),
    [
        ("#3366cc", 1, "#36c"),
        ("#3366cd", 1, "#3366cd"),
        ("#000000", 0.12, "rgb(0 0 0 / 12%)"),
        ("#0a0b0c", 0.1216, "rgb(10 11 12 / 12.16%)"),
        ("#ffffff", 0, "rgb(255 255 255 / 0%)"),
    ],
)
def test_a_color_is_short_hex_or_rgb_with_per_cent(
    hex_color: str, alpha: float, text: str
) -> None:
    assert write_color(Color(hex=hex_color, alpha=alpha)) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (px(0), "0px"),
        (px(13.5), "13.5px"),
        (Dimension(value=1.25, unit="rem"), "1.25rem"),
        (Dimension(value=0.75, unit="em"), "12px"),
    ],
)
def test_a_length_has_a_unit_that_dtcg_knows(length: Dimension, text: str) -> None:
    assert write_length(length) == text


def test_an_inset_shadow_begins_with_inset() -> None:
    assert write_shadow(shadow(4, 12, 0.12)) == "0 4px 12px 0 rgb(0 0 0 / 12%)"
    assert write_shadow(shadow(4, 12, 1, inset=True)) == "inset 0 4px 12px 0 #000"


def test_a_gradient_is_the_css_function_with_its_angle() -> None:
    linear = gradient("#3366cc", "#ffffff", "#9933cc", angle=135.25)
    radial = gradient("#3366cc", "#9933cc", angle=None)

    assert write_gradient(linear) == "linear-gradient(135.25deg, #36c 0%, #fff 50%, #93c 100%)"
    assert write_gradient(radial) == "radial-gradient(circle, #36c 0%, #93c 100%)"


def test_only_generic_families_stand_without_quotes() -> None:
    families = ("Inter", "Helvetica Neue", "system-ui", "sans-serif")

    assert write_families(families) == '"Inter", "Helvetica Neue", system-ui, sans-serif'


@given(st.text())
def test_a_string_ends_where_its_quote_does(text: str) -> None:
    inner = write_string(text)[1:-1]

    assert not re.search(r'["\n\r\f<]|#\{', inner)
    assert re.sub(r"\\([0-9a-f]+) ", lambda found: chr(int(found[1], 16)), inner) == text


@given(st.text())
def test_a_comment_stays_one_line_without_commands(text: str) -> None:
    comment = write_comment(text)

    assert not re.search(r"[*<>@{}`$\\\n\r]|stylelint-", comment, re.IGNORECASE)
    assert write_comment(comment) == comment
