"""Distances drawn into a scene are found between the edges that bound them."""

from hypothesis import given
from hypothesis import strategies as st

from tests.workers.measure.scenes import element, line, scene
from workers.measure.distances import Axis, Distance, Evidence, find_distances
from workers.measure.measurements import Box, SpacingKind
from workers.measure.scene import ElementKind, Scene
from workers.measure.siblings import find_siblings


def of(page: Scene, evidence: Evidence, *, parent: int | None = None) -> list[Distance]:
    found = [each for each in find_distances(find_siblings(page)) if each.evidence is evidence]
    return [each for each in found if parent is None or each.parent == parent]


@given(
    left=st.integers(2, 60),
    top=st.integers(2, 60),
    right=st.integers(2, 60),
    border=st.integers(0, 3),
)
def test_a_box_in_a_box_has_its_paddings(left: int, top: int, right: int, border: int) -> None:
    outer = element((200, 200, 300, 200), border_px=border)
    inner = element(
        (200 + border + left, 200 + border + top, 300 - 2 * border - left - right, 60), parent=1
    )

    found = of(scene((900, 700), [outer, inner]), Evidence.FRAME, parent=1)

    assert [each.px for each in found][:3] == [left, right, top]
    assert all(each.kind is SpacingKind.PADDING for each in found)


@given(gap=st.integers(2, 100), dpr=st.sampled_from([1.0, 1.5, 2.0, 3.0]))
def test_like_boxes_in_a_row_have_a_gap_in_css_pixels(gap: int, dpr: float) -> None:
    boxes = [element((50 + at * (80 + gap), 200, 80, 60)) for at in range(3)]

    found = of(scene((900, 700), boxes, dpr=dpr), Evidence.EVEN)

    expected = [gap / dpr] * 2 if gap / dpr >= 1.5 else []
    assert [each.px for each in found] == expected
    assert all(each.kind is SpacingKind.GAP for each in found)


def test_unlike_boxes_have_a_margin() -> None:
    boxes = [element((200, 200, 300, 60)), element((200, 290, 300, 200))]
    slimmer = [element((200, 200, 300, 60)), element((200, 290, 240, 200))]

    (like,) = of(scene((900, 700), boxes), Evidence.EVEN)
    (unlike,) = of(scene((900, 700), slimmer), Evidence.STEP)

    assert (like.px, like.kind) == (30, SpacingKind.GAP)
    assert (unlike.px, unlike.kind) == (30, SpacingKind.MARGIN)


def test_the_stretch_of_a_gap_lies_between_its_boxes() -> None:
    boxes = [element((100, 200, 80, 60)), element((204, 190, 80, 60))]

    (gap,) = of(scene((900, 700), boxes), Evidence.STEP)

    assert gap.box == Box(180, 200, 24, 50)


def test_the_stretch_of_a_padding_lies_inside_its_parent() -> None:
    page = scene(
        (900, 700), [element((200, 200, 300, 200)), element((212, 216, 100, 60), parent=1)]
    )

    found = of(page, Evidence.FRAME, parent=1)

    assert Box(200, 216, 12, 60) in [each.box for each in found]
    assert Box(212, 200, 100, 16) in [each.box for each in found]


def test_only_the_nearest_neighbour_has_a_gap() -> None:
    boxes = [element((50 + 100 * at, 200, 80, 60)) for at in range(4)]

    assert [each.px for each in of(scene((900, 700), boxes), Evidence.EVEN)] == [20, 20, 20]


def test_the_picture_s_lower_edge_is_no_padding() -> None:
    page = scene((900, 300), [element((140, 140, 620, 140))])

    assert [each.px for each in find_distances(find_siblings(page))] == []


def test_text_in_a_button_measures_its_padding_on_both_sides() -> None:
    button = element((200, 200, 130, 40))
    page = scene((900, 700), [button], [line((213, 214, 104, 12), parent=1)])

    found = of(page, Evidence.INSET, parent=1)

    assert [round(each.px, 2) for each in found] == [11.72, 11.72]


def test_the_ragged_end_of_a_line_is_no_padding() -> None:
    card = element((200, 200, 300, 200))
    page = scene((900, 700), [card], [line((216, 214, 210, 12), parent=1)])

    assert len(of(page, Evidence.INSET, parent=1)) == 1


def test_a_text_in_the_middle_of_its_box_has_equal_paddings() -> None:
    button = element((200, 200, 130, 41))
    shown = [line((300, 420 + 24 * at, 240, 12)) for at in range(3)]
    page = scene((900, 700), [button], [line((213, 214, 104, 12), parent=1), *shown])

    above, below = of(page, Evidence.LINE, parent=1)

    assert above.px == (41 - 24) / 2
    assert abs(below.px - above.px) <= 1


def test_text_of_unknown_line_height_has_no_upright_distance() -> None:
    card = element((200, 200, 300, 200))
    lines = [line((216, 214, 60, 12), parent=1), line((216, 250, 60, 12), parent=1)]
    page = scene((900, 700), [card, element((216, 280, 100, 40), parent=1)], lines)

    upright = [each for each in find_distances(find_siblings(page)) if each.axis is Axis.UPRIGHT]

    assert {each.evidence for each in upright} == {Evidence.FRAME}


def test_lines_of_a_paragraph_have_no_gap() -> None:
    card = element((200, 200, 300, 200))
    lines = [line((216, 220 + 24 * at, 240, 12), parent=1) for at in range(3)]
    page = scene((900, 700), [card], lines)

    assert of(page, Evidence.BLOCK) == []
    assert round(of(page, Evidence.LINE)[0].px, 2) == 14.24


def test_a_paragraph_keeps_its_distance_from_a_box() -> None:
    lines = [line((216, 220 + 24 * at, 240, 12)) for at in range(3)]
    page = scene((900, 700), [element((216, 300, 300, 200))], lines)

    (gap,) = of(page, Evidence.BLOCK)

    assert gap.kind is SpacingKind.MARGIN
    assert round(gap.px, 2) == round(300 - (280 - 0.36 * 16 + 12), 2)


def test_a_label_keeps_its_distance_from_a_box_and_from_a_label() -> None:
    lines = [line((216, 220, 60, 12)), line((300, 220, 60, 12))]
    page = scene((900, 700), [element((180, 214, 24, 24))], lines)

    (lead,) = of(page, Evidence.LEAD)
    (words,) = of(page, Evidence.WORDS)

    assert round(lead.px, 2) == 12 - 1.28
    assert round(words.px, 2) == 24 - 2.56


def test_an_icon_s_distances_are_marked_as_such() -> None:
    icon = element((212, 212, 16, 16), parent=1, kind=ElementKind.ICON)
    page = scene(
        (900, 700), [element((200, 200, 300, 40)), icon, element((240, 210, 50, 20), parent=1)]
    )

    found = of(page, Evidence.ICON, parent=1)

    assert [each.px for each in found] == [12, 12, 12, 12]


def test_what_is_not_outermost_is_an_indent() -> None:
    children = [element((212, 210, 200, 20), parent=1), element((230, 240, 182, 20), parent=1)]
    page = scene((900, 700), [element((200, 200, 300, 200)), *children])

    assert 30 in [each.px for each in of(page, Evidence.INDENT)]


def test_a_divider_across_its_box_has_no_padding_sideways() -> None:
    divider = element((203, 240, 294, 1), parent=1, kind=ElementKind.DIVIDER)
    page = scene((900, 700), [element((200, 200, 300, 80)), divider])

    assert [each.px for each in of(page, Evidence.FRAME, parent=1)] == [40, 39]


def test_an_empty_page_has_no_distances() -> None:
    assert find_distances(find_siblings(scene((900, 700)))) == []
