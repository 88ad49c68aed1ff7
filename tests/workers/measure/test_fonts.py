import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from workers.measure.faces import FACES, Face
from workers.measure.fonts import fit_fonts
from workers.measure.stems import Stems

NAMES = {face.name: face for face in FACES}
COMMON = ("Inter", "Roboto", "Arial, Helvetica, Liberation Sans", "Open Sans", "Lato")


def strokes_of(face: Face, size: float, weight: int = 400, *, noise: float = 0.03) -> Stems:
    """Return the strokes of a line of running text in a face, its rim noise included."""
    random = np.random.default_rng(round(size * 100) + weight)
    at = (300, 400, 700).index(weight)
    heights = [face.x_height] * 14 + [face.ascender] * 6 + [face.cap] * 3 + [face.t_height] * 2
    pairs = [face.n_pair[at]] * 6 + [face.m_pair[at]] * 4 + [face.cap_pair[at]]
    widths = [face.stems[weight]] * 20

    def drawn(ems: list[float]) -> NDArray[np.float32]:
        return np.array([em * size + random.normal(0, noise) for em in ems], np.float32)

    return Stems(20, drawn(heights), drawn(widths), drawn(pairs))


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(COMMON), size=st.floats(11, 40), ratio=st.floats(1.2, 2.0))
def test_sizes_of_a_page_are_found_within_two_and_a_half_percent(
    name: str, size: float, ratio: float
) -> None:
    lines = [strokes_of(NAMES[name], size), strokes_of(NAMES[name], size * ratio)]

    first, second = fit_fonts(lines)

    assert first is not None
    assert second is not None
    assert first.size_px == pytest.approx(size, rel=0.025)
    assert second.size_px == pytest.approx(size * ratio, rel=0.025)


@pytest.mark.parametrize("name", COMMON)
def test_a_face_is_known_by_its_proportions(name: str) -> None:
    lines = [strokes_of(NAMES[name], size, w) for size, w in ((14, 400), (19, 400), (27, 700))]

    fonts = fit_fonts(lines)

    # Noto Sans was drawn after Open Sans and shares all but its weights.
    alike = {"Open Sans": {"Open Sans", "Noto Sans"}, "Inter": {"Inter", "Inter 4"}}
    assert fonts[0] is not None
    assert fonts[0].face.name in alike.get(name, {name})


def test_heights_rounded_to_whole_pixels_leave_the_size_to_the_widths() -> None:
    face = NAMES["Roboto"]
    lines = []
    for size in (14.0, 16.0, 20.0):
        true = strokes_of(face, size)
        lines.append(Stems(20, np.round(true.heights), true.widths, true.pairs))

    fonts = fit_fonts(lines)

    sizes = [font.size_px for font in fonts if font is not None]
    assert sizes == pytest.approx([14.0, 16.0, 20.0], rel=0.035)


def test_no_usual_size_is_preferred() -> None:
    lines = [strokes_of(NAMES["Inter"], size) for size in (13.3, 13.3, 17.1)]

    fonts = fit_fonts(lines)

    assert [font.size_px for font in fonts if font] == pytest.approx([13.3, 13.3, 17.1], rel=0.02)


def test_a_line_without_strokes_has_no_font() -> None:
    nothing = np.zeros(0, np.float32)

    assert fit_fonts([Stems(5, nothing, nothing, nothing)]) == [None]
    assert fit_fonts([]) == []


def test_a_line_that_shows_little_is_less_certain() -> None:
    rich = strokes_of(NAMES["Roboto"], 16)
    poor = Stems(20, rich.heights[:1], rich.widths[:1], rich.pairs[:0])

    certain, uncertain = fit_fonts([rich, poor])

    assert certain is not None
    assert uncertain is not None
    assert certain.size_sd_px < uncertain.size_sd_px
