from tests.workers.measure.lettering import text_line
from workers.measure.blocks import with_line_heights


def test_lines_of_a_paragraph_show_their_distance() -> None:
    lines = with_line_heights([text_line(10, y) for y in (20.0, 44.0, 68.0)])

    assert [line.line_height_px for line in lines] == [24.0, 24.0, 24.0]


def test_a_line_that_stands_alone_shows_none() -> None:
    (line,) = with_line_heights([text_line(10, 20)])

    assert line.line_height_px is None


def test_rows_far_apart_are_no_paragraph() -> None:
    lines = with_line_heights([text_line(10, 20), text_line(10, 70)])

    assert [line.line_height_px for line in lines] == [None, None]


def test_a_heading_does_not_continue_in_its_text() -> None:
    lines = with_line_heights([text_line(10, 20, size_px=24), text_line(10, 50, size_px=16)])

    assert [line.line_height_px for line in lines] == [None, None]


def test_lines_of_two_boxes_are_no_block() -> None:
    lines = with_line_heights([text_line(10, 20, parent=1), text_line(10, 44, parent=2)])

    assert [line.line_height_px for line in lines] == [None, None]


def test_columns_side_by_side_are_blocks_of_their_own() -> None:
    left = [text_line(10, y) for y in (20.0, 44.0)]
    right = [text_line(300, y) for y in (30.0, 50.0)]

    lines = with_line_heights([*left, *right])

    assert [line.line_height_px for line in lines] == [24.0, 24.0, 20.0, 20.0]
