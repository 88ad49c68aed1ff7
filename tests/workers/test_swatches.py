import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.swatches import name_color, name_color_finely, name_hue


@pytest.mark.parametrize(
    ("hex_color", "name"),
    [
        ("#2563eb", "blue-600"),
        ("#ef4444", "red-500"),
        ("#eff6ff", "blue-50"),
        ("#052e16", "green-950"),
        ("#64748b", "gray-500"),
        ("#737373", "gray-500"),
        ("#f5f5f4", "gray-100"),
        ("#ffffff", "white"),
        ("#fefefe", "white"),
        ("#000000", "black"),
    ],
)
def test_a_published_swatch_has_its_own_name(hex_color: str, name: str) -> None:
    assert name_color(hex_color) == name


@pytest.mark.parametrize(
    ("hex_color", "name"),
    [("#0d6efd", "blue-600"), ("#ff0000", "red-500"), ("#0b5fff", "blue-600")],
)
def test_other_colors_have_the_name_of_the_nearest(hex_color: str, name: str) -> None:
    assert name_color(hex_color) == name


@pytest.mark.parametrize(
    ("hex_color", "name"),
    [
        ("#2563eb", "blue-600"),
        ("#fefefe", "gray-10"),
        ("#f9fafb", "gray-50"),
        ("#2c70ec", "blue-560"),
    ],
)
def test_a_finer_name_has_a_step_between(hex_color: str, name: str) -> None:
    assert name_color_finely(hex_color) == name


@given(st.integers(0, 0xFFFFFF))
def test_every_color_has_a_name_that_tokens_may_have(number: int) -> None:
    name = name_color(f"#{number:06x}")

    assert re.fullmatch(r"white|black|[a-z]+-(50|[1-9]00|950)", name)
    assert name_hue(f"#{number:06x}") == name.split("-")[0]
    assert re.fullmatch(r"[a-z]+-\d+", name_color_finely(f"#{number:06x}"))
