import numpy as np

from tests.drawing import draw_box, draw_page
from tests.workers.measure.lettering import background_of, page_of, write
from tests.workers.measure.scenes import element
from workers.measure.glyphs import find_glyphs, group_rows, measure_contrast
from workers.measure.scene import ElementKind


def test_contrast_is_the_largest_channel_difference() -> None:
    rgb = draw_page(4, 1, "#ffffff")
    rgb[0, 1] = (255, 200, 240)

    contrast = measure_contrast(rgb, background_of(rgb))

    assert contrast.tolist() == [[0, 55, 0, 0]]


def test_words_of_a_line_are_one_row_and_far_items_are_not() -> None:
    rgb = draw_page(400, 60)
    write(rgb, 10, 30, "two words", 16)
    write(rgb, 200, 30, "apart", 16)

    glyphs = find_glyphs(measure_contrast(rgb, background_of(rgb)), (page_of(rgb),))
    rows = group_rows(glyphs)

    assert len(rows) == 2
    assert glyphs.boxes[rows[0], 0].tolist() == sorted(glyphs.boxes[rows[0], 0].tolist())


def test_a_row_never_crosses_an_edge() -> None:
    rgb = draw_page(200, 60)
    write(rgb, 10, 30, "inside", 16)
    boxes = (page_of(rgb), element((0, 0, 34, 60)))

    glyphs = find_glyphs(measure_contrast(rgb, background_of(rgb)), boxes)
    rows = group_rows(glyphs)

    assert {tuple(set(glyphs.owners[row].tolist())) for row in rows} == {(0,), (1,)}


def test_a_tall_mark_does_not_tie_the_lines_beside_it() -> None:
    rgb = draw_page(300, 90)
    draw_box(rgb, (10, 12, 44, 44), "#cc3344", radius=22)
    write(rgb, 62, 30, "first line of two", 14)
    write(rgb, 62, 50, "second line", 14)

    glyphs = find_glyphs(measure_contrast(rgb, background_of(rgb)), (page_of(rgb),))
    rows = group_rows(glyphs)

    assert len([row for row in rows if len(row) > 3]) == 2


def test_pictures_and_dividers_hold_no_letters() -> None:
    rgb = draw_page(200, 60)
    write(rgb, 10, 30, "in a picture", 16)
    boxes = (page_of(rgb), element((0, 0, 200, 60), kind=ElementKind.PICTURE))

    glyphs = find_glyphs(measure_contrast(rgb, background_of(rgb)), boxes)

    assert len(glyphs.ids) == 0
    assert group_rows(glyphs) == []


def test_each_piece_keeps_its_label() -> None:
    rgb = draw_page(100, 40)
    write(rgb, 10, 30, "ill", 20)

    glyphs = find_glyphs(measure_contrast(rgb, background_of(rgb)), (page_of(rgb),))

    assert len(glyphs.ids) >= 3
    for label, (x, y, width, height) in zip(glyphs.ids, glyphs.boxes, strict=True):
        assert np.any(glyphs.pieces.labels[y : y + height, x : x + width] == label)


def test_an_icon_before_a_line_is_left_out_of_it() -> None:
    rgb = draw_page(300, 60)
    draw_box(rgb, (10, 17, 16, 16), "#888888", radius=4)
    draw_box(rgb, (12, 19, 12, 12), "#ffffff", radius=2)
    write(rgb, 31, 30, "Notifications", 14)

    glyphs = find_glyphs(measure_contrast(rgb, background_of(rgb)), (page_of(rgb),))
    (word,) = [row for row in group_rows(glyphs) if len(row) > 3]

    assert glyphs.boxes[word, 0].min() >= 31


def test_a_capital_before_a_word_is_no_icon() -> None:
    rgb = draw_page(300, 60)
    write(rgb, 10, 30, "A man", 16)

    glyphs = find_glyphs(measure_contrast(rgb, background_of(rgb)), (page_of(rgb),))
    (row,) = group_rows(glyphs)

    assert len(row) == 4
