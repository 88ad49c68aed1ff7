"""Clearances run from ink to ink, whatever line height a text may have."""

from hypothesis import given
from hypothesis import strategies as st

from tests.workers.measure.scenes import element, line, scene
from workers.measure.clearances import Clearances, find_clearances
from workers.measure.scene import Scene
from workers.measure.siblings import MOST_SIBLINGS, find_siblings


def clear_of(page: Scene) -> Clearances:
    return find_clearances(find_siblings(page))


def gaps(found: Clearances) -> list[float]:
    return sorted(found.px[found.gaps].tolist())


@given(above=st.integers(1, 60), below=st.integers(1, 60), dpr=st.sampled_from([1.0, 1.5, 2.0]))
def test_a_text_keeps_its_ink_clear_of_its_box(above: int, below: int, dpr: float) -> None:
    box = element((100, 100, 200, above + 11 + below))
    page = scene((900, 700), [box], [line((140, 100 + above, 90, 11), parent=1)], dpr=dpr)

    found = clear_of(page)
    inside = found.stretches[:, 0] >= 100
    inside &= found.stretches[:, 2] <= 300

    assert {above / dpr, below / dpr, 40 / dpr, 70 / dpr} <= set(found.px[inside].tolist())


@given(gap=st.integers(1, 80))
def test_two_lines_keep_their_ink_apart(gap: int) -> None:
    lines = [line((100, 100, 200, 12)), line((100, 112 + gap, 180, 12))]

    found = clear_of(scene((900, 700), lines=lines))

    assert gaps(found) == [gap]
    at = int(found.gaps.argmax())
    assert found.stretches[at].tolist() == [100, 112, 280, 112 + gap]


def test_what_lies_behind_another_is_not_clear() -> None:
    boxes = [element((100 * at, 100, 80, 60)) for at in range(1, 4)]

    assert gaps(clear_of(scene((900, 700), boxes))) == [20, 20]


def test_overlaps_have_no_clearance() -> None:
    lines = [line((100, 100, 200, 20)), line((100, 112, 200, 20))]

    assert gaps(clear_of(scene((900, 700), lines=lines))) == []


def test_an_empty_page_has_no_clearances() -> None:
    assert len(clear_of(scene((900, 700))).px) == 0


def test_the_top_of_a_pattern_stands_for_all_of_it() -> None:
    column = [element((10, 20 * row, 50, 12)) for row in range(MOST_SIBLINGS + 500)]

    found = clear_of(scene((70, 20 * len(column)), column))

    assert gaps(found) == [8.0] * (MOST_SIBLINGS - 1)
    assert found.stretches[found.gaps, 3].max() <= 20 * MOST_SIBLINGS
