import pytest

from workers.measure.faces import FACES, Face, weight_of

NAMES = {face.name: face for face in FACES}


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_heights_stand_in_the_order_of_an_alphabet(face: Face) -> None:
    assert 0.4 < face.x_height < face.cap <= face.ascender < 0.85
    assert face.x_height < face.t_height <= face.ascender + 0.01


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_bolder_is_wider(face: Face) -> None:
    stems = [face.stems[weight] for weight in sorted(face.stems)]

    assert stems == sorted(stems)
    assert {400, 700} <= face.stems.keys()


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_a_published_stroke_tells_its_weight(face: Face) -> None:
    for weight, stem in face.stems.items():
        assert weight_of(face, stem) == weight


def test_a_stroke_between_neighbouring_weights_is_told_in_parts() -> None:
    assert 430 < weight_of(NAMES["Inter"], 0.095) < 470


def test_where_no_weight_was_published_between_the_nearer_is_taken() -> None:
    assert weight_of(NAMES["Arial, Helvetica, Liberation Sans"], 0.105) == 400
    assert weight_of(NAMES["Arial, Helvetica, Liberation Sans"], 0.120) == 700


def test_past_the_boldest_the_boldest_is_taken() -> None:
    assert weight_of(NAMES["Lato"], 0.4) == 900
