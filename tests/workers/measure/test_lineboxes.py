"""Line boxes are where layout put them, told from ink alone."""

import pytest

from tests import drawing
from tests.workers.measure.scenes import line, scene
from workers.measure import read_scene
from workers.measure.lineboxes import find_line_boxes
from workers.measure.scene import TextLine


def paragraph(pitch_px: int, *, count: int = 3, x: int = 40) -> list[tuple[int, int, int, int]]:
    return [(x, 60 + at * pitch_px, 260 - 10 * at, 12) for at in range(count)]


def test_lines_of_a_paragraph_show_their_height() -> None:
    page = scene((400, 200), lines=[line(box) for box in paragraph(24)])

    boxes = find_line_boxes(page)

    assert [box.bottom - box.top for box in boxes] == [24, 24, 24]
    assert all(box.known for box in boxes)


def test_lines_of_a_paragraph_leave_no_gap() -> None:
    first, second, third = find_line_boxes(
        scene((400, 200), lines=[line(box) for box in paragraph(22)])
    )

    assert (first.bottom, second.bottom) == (second.top, third.top)
    assert first.continued
    assert second.continued
    assert second.continues
    assert not third.continued


def test_a_line_alone_does_not_show_its_height() -> None:
    (box,) = find_line_boxes(scene((400, 200), lines=[line((40, 60, 200, 12))]))

    assert not box.known


def test_a_line_alone_takes_the_ratio_that_the_page_shows() -> None:
    lines = [line(box) for box in paragraph(20)]
    alone = line((40, 160, 90, 9), size_px=12)

    *_, box = find_line_boxes(scene((400, 300), lines=[*lines, alone]))

    assert box.known
    assert box.bottom - box.top == pytest.approx(15)


def test_a_heading_does_not_take_the_ratio_of_running_text() -> None:
    lines = [line(box) for box in paragraph(20)]
    heading = line((40, 20, 190, 26), size_px=36)

    *_, box = find_line_boxes(scene((400, 300), lines=[*lines, heading]))

    assert not box.known


@pytest.mark.parametrize(
    "second",
    [
        line((40, 100, 240, 12)),  # too far below
        line((70, 84, 240, 12)),  # starts elsewhere
        line((40, 84, 240, 14), size_px=19),  # another size
        line((40, 84, 240, 12), color=0x2563EB),  # another color
        line((40, 84, 30, 12)),  # too short
        line((40, 66, 240, 12)),  # beside it
    ],
)
def test_lines_that_differ_are_no_paragraph(second: TextLine) -> None:
    page = scene((400, 200), lines=[line((40, 60, 260, 12)), second])

    assert not any(box.continued for box in find_line_boxes(page))


def test_the_page_s_left_edge_of_a_stem_is_a_bearing_before_the_ink() -> None:
    (box,) = find_line_boxes(scene((400, 200), lines=[line((40, 60, 200, 12), size_px=16)]))

    assert box.left == pytest.approx(40 - 0.08 * 16)
    assert box.right == pytest.approx(240 + 0.08 * 16)


@pytest.mark.parametrize("text", ["Heading of a card", "Overview", "Table of values"])
@pytest.mark.parametrize("size_px", [13, 16, 24])
def test_drawn_text_starts_at_its_origin(text: str, size_px: int) -> None:
    page = drawing.draw_page(400, 120)
    drawing.draw_text(page, (48, 40), text, size_px, "#1f2937")

    (box,) = find_line_boxes(read_scene(page))

    assert box.left == pytest.approx(48, abs=0.8)


def test_a_line_without_ink_keeps_its_box() -> None:
    page = scene((400, 200), lines=[line((40, 60, 200, 12))])
    page.rgb[:] = 255

    (box,) = find_line_boxes(page)

    assert box.left == pytest.approx(40, abs=1)


def test_a_line_without_extent_gives_a_box() -> None:
    (box,) = find_line_boxes(scene((400, 200), lines=[line((400, 60, 0, 12))]))

    assert box.left == pytest.approx(400, abs=1)
