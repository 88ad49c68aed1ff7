import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drawing import draw_page
from tests.workers.measure.lettering import background_of, page_of, text_line, write
from tests.workers.measure.scenes import scene
from workers.measure.measurements import FamilyClass, Path, TypographyMeasurement
from workers.measure.preprocess import pack
from workers.measure.scene import Scene, TextLine
from workers.measure.text import find_lines
from workers.measure.typography import measure_typography


def styles_of(*lines: TextLine, dpr: float = 1.0) -> tuple[TypographyMeasurement, ...]:
    return measure_typography(scene((400, 400), lines=lines, dpr=dpr))


def test_lines_of_one_style_are_one_measurement() -> None:
    lines = tuple(text_line(10, 20.0 * n, size_px=s) for n, s in enumerate((15.9, 16.0, 16.15), 1))

    (style,) = styles_of(*lines)

    assert style.size_px == pytest.approx(16.0, abs=0.1)
    assert (style.weight, style.count, style.chars) == (400, 3, 60)
    assert style.family is FamilyClass.SANS


def test_sizes_a_pixel_apart_stay_apart() -> None:
    lines = (text_line(10, 20, size_px=14), text_line(10, 60, size_px=15))

    styles = styles_of(*lines)

    assert sorted(style.size_px for style in styles) == [14.0, 15.0]


def test_weights_of_one_size_stay_apart() -> None:
    lines = (text_line(10, 20, weight=405), text_line(10, 60, weight=690, glyphs=30))

    styles = styles_of(*lines)

    assert [style.weight for style in styles] == [700, 400]


def test_lengths_are_divided_by_the_device_ratio() -> None:
    lines = (text_line(10, 20, size_px=32, line_height_px=48),)

    (style,) = styles_of(*lines, dpr=2.0)

    assert (style.size_px, style.line_height_px) == (16.0, 24.0)


def test_a_line_height_is_reported_only_where_it_was_seen() -> None:
    (style,) = styles_of(text_line(10, 20))

    assert style.line_height_px is None


def test_uncertain_lines_make_no_style_of_their_own() -> None:
    lines = (text_line(10, 20), text_line(10, 60, size_px=31, size_sd_px=4.0))

    styles = styles_of(*lines)

    assert [style.size_px for style in styles] == [16.0]


def test_a_stray_mark_makes_no_style() -> None:
    lines = (text_line(10, 20), text_line(10, 60, size_px=31, glyphs=3))

    assert len(styles_of(*lines)) == 1


def test_the_color_most_letters_have_names_the_style() -> None:
    lines = (
        text_line(10, 20, color=0x0D6EFD, glyphs=8),
        text_line(10, 40, color=0x222222, glyphs=30),
    )

    (style,) = styles_of(*lines)

    assert style.color_hex == "#222222"


@given(st.permutations([(14.0, 400), (16.0, 700), (24.0, 500), (13.5, 400)]))
def test_the_order_of_lines_does_not_matter(styles: list[tuple[float, int]]) -> None:
    lines = tuple(
        text_line(10, 40.0 * n, size_px=s, weight=w, glyphs=round(2 * s))
        for n, (s, w) in enumerate(styles, 1)
    )

    measured = styles_of(*lines)

    assert [(style.size_px, style.weight) for style in measured] == [
        (24.0, 500),
        (16.0, 700),
        (14.0, 400),
        (13.5, 400),
    ]


def test_a_few_blurred_letters_beside_many_are_theirs() -> None:
    many = text_line(10, 20, size_px=14, glyphs=90)
    few = text_line(10, 60, size_px=14.6, glyphs=12, size_sd_px=0.5)

    (style,) = styles_of(many, few)

    assert (style.size_px, style.chars, style.count) == (14.0, 102, 2)


def test_a_few_sharp_letters_beside_many_are_a_style() -> None:
    many = text_line(10, 20, size_px=14, glyphs=90)
    few = text_line(10, 60, size_px=14.6, glyphs=12, size_sd_px=0.1)

    assert len(styles_of(many, few)) == 2


def test_more_and_sharper_letters_make_a_style_surer() -> None:
    few, many, blurred = (
        styles_of(text_line(10, 20, glyphs=glyphs, size_sd_px=sd))[0]
        for glyphs, sd in ((8, 0.1), (80, 0.1), (80, 0.7))
    )

    assert few.confidence < many.confidence
    assert blurred.confidence < many.confidence
    assert 0 <= few.confidence <= many.confidence <= 1


def test_no_lines_give_no_styles() -> None:
    assert styles_of() == ()


def test_an_odd_size_is_reported_as_it_is() -> None:
    rgb = draw_page(500, 320)
    for at, phrase in enumerate(("Hundreds of lines in mind", "linen and human mail until") * 3):
        write(rgb, 21, 35 + 42 * at, phrase, 13.5)
    background, elements = background_of(rgb), (page_of(rgb),)
    lines = find_lines(rgb, pack(rgb), background, elements)

    styles = measure_typography(
        Scene(rgb, pack(rgb), background, Path.EXACT, 1.0, elements, (), lines)
    )

    assert [style.size_px for style in styles] == pytest.approx([13.5], abs=0.3)
