from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.claude.expectation import MAX_CALLS
from shared.tokens import TokenType
from workers.claude.prompt import list_candidates, write_again, write_text
from workers.claude.tools import ENTRIES
from workers.measure.measurements import GradientKind, Measurements

ALL = tuple(ENTRIES)
Measured = Callable[..., Measurements]


def lines_of(measurements: Measurements, scale: float = 1.0) -> dict[str, str]:
    calls = list_candidates(measurements, ALL, scale)
    return {each.id: each.line for call in calls for each in call}


@pytest.mark.parametrize(
    ("candidate", "line"),
    [
        ("c1", "c1 #336600 2.8% fill text @10,20,300,40"),
        ("s1", "s1 4px x44 padding @10,20,300,40"),
        ("t1", "t1 14/20 w400 c1 x38 @10,20,300,40"),
        ("t2", "t2 15 w400 c1 x38 @10,20,300,40"),
        ("h1", "h1 0 4 6 -1 #0000001A x8 @10,20,300,40"),
        ("g1", "g1 linear 90deg #3366FF 0%, #66CCFF 100% @10,20,300,40"),
    ],
)
def test_a_measurement_is_one_line_with_its_id_and_where_it_is_seen(
    measure: Measured, candidate: str, line: str
) -> None:
    assert lines_of(measure())[candidate] == line


def test_boxes_are_told_in_pixels_of_the_picture_as_sent(measure: Measured) -> None:
    assert lines_of(measure(), scale=0.5)["s1"].endswith("@5,10,150,20")


def test_a_radial_gradient_has_no_angle(measure: Measured) -> None:
    gradient = replace(measure().gradients[0], kind=GradientKind.RADIAL, angle_deg=None)
    measurements = replace(measure(), gradients=(gradient,))

    assert lines_of(measurements)["g1"].startswith("g1 radial #3366FF 0%")


def test_a_style_names_its_color_by_value_when_colors_are_not_asked_for(measure: Measured) -> None:
    ((style, *_),) = list_candidates(measure(), (TokenType.TYPOGRAPHY,), 1.0)

    assert style.line.startswith("t1 14/20 w400 #336600")


def test_a_call_carries_no_more_of_a_type_than_its_cap(measure: Measured) -> None:
    first, second = list_candidates(measure(colors=30, spacing=20, typography=15), ALL, 1.0)

    counts = [sum(each.id[0] == letter for each in first) for letter in "csthg"]
    rest = [f"c{number}" for number in range(25, 31)]
    assert counts == [24, 16, 14, 1, 1]
    assert [each.id for each in second] == [*rest, "s17", "s18", "s19", "s20", "t15"]


def test_what_two_calls_cannot_carry_is_left_to_the_rules(measure: Measured) -> None:
    calls = list_candidates(measure(colors=200), ALL, 1.0)

    assert len(calls) == MAX_CALLS


def test_nothing_measured_is_nothing_to_ask(measure: Measured) -> None:
    assert list_candidates(measure(0, 0, 0, 0, 0), ALL, 1.0) == ()


def test_the_text_tells_how_large_a_css_pixel_is_in_the_picture(measure: Measured) -> None:
    measurements = replace(measure(), dpr=2.0)

    text = write_text(measurements, (), width=72, height=45)

    assert text == "Screenshot of 72x45 px; 1 CSS px is 1 px of it."


def test_a_second_try_tells_what_was_wrong_with_the_first() -> None:
    assert "c1 has no usable name; c2 came twice" in write_again(
        "text", ["c1 has no usable name", "c2 came twice"]
    )
