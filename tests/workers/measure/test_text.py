import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drawing import Rgb, draw_linear_gradient, draw_page, draw_picture
from tests.workers.measure.lettering import background_of, page_of, write
from tests.workers.measure.scenes import element
from workers.measure.preprocess import pack
from workers.measure.scene import Packed, TextLine
from workers.measure.text import find_lines

PHRASES = (
    "The quick brown fox jumps over",
    "Handling of a minimum amount",
    "His ninth hundred mails, until",
    "mine another linen human hill",
)


def lines_of(rgb: Rgb, background: Packed | None = None) -> tuple[TextLine, ...]:
    behind = background_of(rgb) if background is None else background
    return find_lines(rgb, pack(rgb), behind, (page_of(rgb),))


def paragraph(size: float, pitch: int, color: str = "#222222") -> Rgb:
    rgb = draw_page(round(size * 18), round(pitch * 5 + size))
    for at, phrase in enumerate(PHRASES):
        write(rgb, 20, pitch * (at + 1), phrase, size, color)
    return rgb


@settings(max_examples=25, deadline=None)
@given(size=st.floats(11, 36))
def test_a_size_is_read_within_five_percent(size: float) -> None:
    lines = lines_of(paragraph(size, round(size * 1.5)))

    assert len(lines) == 4
    assert [line.size_px for line in lines] == pytest.approx([size] * 4, rel=0.05)
    assert {line.line_height_px for line in lines} == {float(round(size * 1.5))}


@pytest.mark.parametrize("size", [12, 14, 16, 20, 28])
def test_regular_text_reads_as_regular(size: int) -> None:
    lines = lines_of(paragraph(size, size * 2))

    assert [line.weight for line in lines] == pytest.approx([400] * len(PHRASES), abs=70)


def test_the_baseline_is_the_first_row_below_the_letters() -> None:
    rgb = draw_page(300, 60)
    write(rgb, 20, 40, "Hanging pygmy", 20)

    (line,) = lines_of(rgb)

    assert line.baseline_y == 40
    assert line.box.bottom > 40


@given(color=st.sampled_from(["#222222", "#0d6efd", "#b02a37"]))
def test_the_color_is_that_of_the_fully_covered_pixels(color: str) -> None:
    rgb = draw_page(300, 60)
    write(rgb, 20, 40, "Hill climb", 24, color)

    (line,) = lines_of(rgb)

    assert f"#{line.color:06x}" == color
    assert line.color_confidence > 0.5


def test_a_pale_word_beside_a_dark_one_is_not_thin() -> None:
    alone = draw_page(500, 60)
    write(alone, 122, 40, "Hill climbing in mind", 16, "#999999")
    beside = write(alone.copy(), 20, 40, "Finding linen", 16, "#000000")

    (pale,), (both,) = lines_of(alone), lines_of(beside)

    assert both.weight == pytest.approx(pale.weight, abs=60)


def test_light_text_on_dark_reads_alike() -> None:
    rgb = draw_page(400, 60, "#1a2234")
    write(rgb, 20, 40, "Hill climbing in mind", 18, "#ffffff")

    (line,) = lines_of(rgb, background_of(rgb, 0x1A2234))

    assert line.size_px == pytest.approx(18, rel=0.05)
    assert line.background == 0x1A2234


def test_text_over_a_gradient_is_measured_against_it() -> None:
    rgb = draw_page(400, 60)
    draw_linear_gradient(rgb, (0, 0, 400, 60), 90, [("#102040", 0), ("#4080c0", 1)])
    behind = pack(rgb)
    write(rgb, 20, 40, "Hill climbing in mind", 18, "#ffffff")

    (line,) = lines_of(rgb, behind)

    assert line.background is None
    assert line.size_px == pytest.approx(18, rel=0.05)


def test_a_line_names_the_box_it_stands_in() -> None:
    rgb = draw_page(400, 120)
    write(rgb, 20, 40, "outside the box", 16)
    write(rgb, 220, 90, "inside of it", 16)
    boxes = (page_of(rgb), element((200, 60, 180, 50)))

    lines = find_lines(rgb, pack(rgb), background_of(rgb), boxes)

    assert [line.parent for line in lines] == [0, 1]


def test_a_blank_page_has_no_lines() -> None:
    assert lines_of(draw_page(200, 100)) == ()


def test_a_photograph_is_no_text() -> None:
    rgb = draw_picture(draw_page(300, 200), (20, 20, 240, 160))

    assert sum(len(line.glyphs) for line in lines_of(rgb)) < 10


def test_text_nobody_could_see_is_left_out() -> None:
    rgb = draw_page(300, 60, "#ffffff")
    write(rgb, 20, 40, "Hidden from the reader", 16, "#f2f2f2")

    assert lines_of(rgb) == ()


def test_glyphs_lie_inside_their_line() -> None:
    (line,) = lines_of(write(draw_page(300, 60), 20, 40, "Hill climb", 24))

    assert np.all(line.glyphs[:, 0] >= line.box.x)
    assert np.all(line.glyphs[:, 1] + line.glyphs[:, 3] <= line.box.bottom)
