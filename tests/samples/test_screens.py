"""What is measured in the sample screens against what their stylesheet says.

The stylesheet is read, not repeated. A token is asked for on the pages whose styles refer to it;
what is declared there and not found is listed in ``UNSEEN``, so that no more of it gets lost.
"""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pytest

from samples.render import ARCHIVE, PAGES, hash_sources, name_image
from tests.samples import stylesheet
from workers.images import Rgb, decode
from workers.measure import Measurements, measure_image
from workers.measure.measurements import GradientKind, GradientMeasurement, ShadowMeasurement

# A color that covers fewer pixels than this in its exact value is thin text or an edge.
MIN_COLOR_PX = 200
SPACING_PX = 1.0
SIZE_PX = 0.5
RADIUS_PX = 0.5
SHADOW_OFFSET_PX = 1.0
SHADOW_BLUR = 0.2  # of the blur, at least 1.5 px
SHADOW_DARKNESS = 0.02  # of white
ANGLE_DEG = 1.0
LEVELS = 2  # of 255, a channel of a gradient's end
# Steps of the scale that fewer pages use are left to the pages' own tests.
COMMON_PAGES = 3

# What a page declares and measuring does not tell. Distances that come once or twice, mostly next
# to text, stay below the confidence that is asked of a value; three typefaces on one page draw
# its sizes towards each other; the low shadow hides the corners that it begins at; and the high
# shadow fades out over a gradient.
UNSEEN: dict[str, set[str]] = {
    "article": {
        *("space-8", "space-12"),
        *("font-display", "font-title", "font-label", "font-reading"),
    },
    "dark": {"space-1", "space-2", "space-3"},
    "dashboard": {"space-1", "space-2", "space-3", "radius-3"},
    "login": {"space-2", "space-3", "space-6", "shadow-high"},
    "mobile": {"space-1", "space-3", "space-8"},
    "pricing": {"space-2", "space-3", "space-6", "space-16", "shadow-high"},
    "settings": {"space-1", "space-12"},
    "table": {"space-1", "space-12"},
}


# Distances that the pages keep between inked text, and that no stylesheet of theirs knows; none
# is said to be likelier declared than not.
STRAYS = {"article": {6.0, 21.0}, "table": {20.0}}
STRAY_CONFIDENCE = 0.5


@dataclass(frozen=True, repr=False)
class Screen:
    """A page's pixels and what was measured in them."""

    rgb: Rgb
    found: Measurements

    def covers(self, hex_value: str) -> int:
        """Return how many pixels have exactly this color."""
        color = np.array([int(hex_value[at : at + 2], 16) for at in (1, 3, 5)], np.uint8)
        return int(np.all(self.rgb == color, axis=2).sum())


@pytest.fixture(scope="session")
def screens() -> dict[str, Screen]:
    with zipfile.ZipFile(ARCHIVE) as archive:
        names = {page: name_image(page) for page in PAGES}
        pixels = {page: decode(archive.read(name)) for page, name in names.items()}
    return {
        page: Screen(rgb, measure_image(rgb, name=names[page])) for page, rgb in pixels.items()
    }


@pytest.fixture(params=sorted(PAGES))
def page(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def near(value: float, found: Iterable[float], tolerance: float) -> bool:
    return any(abs(value - each) <= tolerance for each in found)


def levels_apart(one: str, other: str) -> int:
    """Return the largest difference of a channel between two colors."""
    return max(abs(int(one[at : at + 2], 16) - int(other[at : at + 2], 16)) for at in (1, 3, 5))


def test_the_archive_is_rendered_from_the_pages_as_they_are() -> None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        assert archive.comment.decode() == hash_sources()
        assert archive.namelist() == sorted(name_image(page) for page in PAGES)


def test_every_color_that_covers_enough_is_found_exactly(
    screens: dict[str, Screen], page: str
) -> None:
    wanted = {
        value
        for value in stylesheet.colors_of(page).values()
        if screens[page].covers(value) >= MIN_COLOR_PX
    }

    assert wanted - {color.hex for color in screens[page].found.colors} == set()


def test_no_color_is_found_that_is_not_in_the_picture(
    screens: dict[str, Screen], page: str
) -> None:
    invented = [
        color.hex for color in screens[page].found.colors if not screens[page].covers(color.hex)
    ]

    assert invented == []


def test_every_distance_of_the_page_is_found_within_a_pixel(
    screens: dict[str, Screen], page: str
) -> None:
    found = [spacing.px for spacing in screens[page].found.spacing]

    missed = {
        name for name, px in stylesheet.spaces_of(page).items() if not near(px, found, SPACING_PX)
    }
    assert missed <= UNSEEN[page]


def test_every_step_of_the_scale_in_common_use_is_found(screens: dict[str, Screen]) -> None:
    used = [stylesheet.spaces_of(page) for page in PAGES]
    common = {
        px
        for spaces in used
        for name, px in spaces.items()
        if sum(name in each for each in used) >= COMMON_PAGES
    }

    found = [each.px for screen in screens.values() for each in screen.found.spacing]
    assert [px for px in sorted(common) if not near(px, found, SPACING_PX)] == []


def test_a_distance_that_is_no_step_of_the_scale_is_less_sure_than_those_that_are(
    screens: dict[str, Screen], page: str
) -> None:
    scale = stylesheet.all_spaces().values()

    surest: dict[float, float] = {}
    for spacing in screens[page].found.spacing:
        surest.setdefault(spacing.px, spacing.confidence)
    strays = {px: said for px, said in surest.items() if not near(px, scale, SPACING_PX)}
    assert set(strays) <= STRAYS.get(page, set())
    assert max(strays.values(), default=0) < STRAY_CONFIDENCE


def test_every_font_of_the_page_is_found_with_its_weight_and_within_half_a_pixel(
    screens: dict[str, Screen], page: str
) -> None:
    found = [(style.weight, style.size_px) for style in screens[page].found.typography]

    missed = {
        name
        for name, font in stylesheet.fonts_of(page).items()
        if not near(font.size_px, (px for weight, px in found if weight == font.weight), SIZE_PX)
    }
    assert missed <= UNSEEN[page]


def test_no_line_height_is_found_that_the_stylesheet_does_not_have(
    screens: dict[str, Screen], page: str
) -> None:
    declared = [font.line_height_px for font in stylesheet.all_fonts().values()]

    found = [style.line_height_px for style in screens[page].found.typography]
    assert [px for px in found if px is not None and not near(px, declared, SIZE_PX)] == []


def test_every_radius_of_the_page_is_found_within_half_a_pixel(
    screens: dict[str, Screen], page: str
) -> None:
    found = [radius.px for radius in screens[page].found.radii]

    missed = {
        name for name, px in stylesheet.radii_of(page).items() if not near(px, found, RADIUS_PX)
    }
    assert missed <= UNSEEN[page]


def test_every_shadow_of_the_page_is_found(screens: dict[str, Screen], page: str) -> None:
    found = screens[page].found.shadows

    missed = {
        name
        for name, shadow in stylesheet.shadows_of(page).items()
        if not any(is_shadow(each, shadow) for each in found)
    }
    assert missed <= UNSEEN[page]


def is_shadow(found: ShadowMeasurement, cast: stylesheet.Shadow) -> bool:
    """Return whether a shadow is the one that was cast, its color told by how much it darkens."""
    return (
        near(found.x_px, [cast.x_px], SHADOW_OFFSET_PX)
        and near(found.y_px, [cast.y_px], SHADOW_OFFSET_PX)
        and near(found.blur_px, [cast.blur_px], max(1.5, SHADOW_BLUR * cast.blur_px))
        and near(
            darkness(found.color_hex, found.alpha),
            [darkness(cast.color_hex, cast.alpha)],
            SHADOW_DARKNESS,
        )
    )


def darkness(hex_value: str, alpha: float) -> float:
    """Return what a shadow of a color takes from white: pixels show no more of the two."""
    mean = sum(int(hex_value[at : at + 2], 16) for at in (1, 3, 5)) / 3
    return alpha * (1 - mean / 255)


def test_every_gradient_of_the_page_is_found_with_its_angle_and_ends(
    screens: dict[str, Screen], page: str
) -> None:
    found = screens[page].found.gradients

    missed = {
        name
        for name, gradient in stylesheet.gradients_of(page).items()
        if not any(is_gradient(each, gradient) for each in found)
    }
    assert missed == set()


def is_gradient(found: GradientMeasurement, drawn: stylesheet.Gradient) -> bool:
    if found.kind is not GradientKind.LINEAR or found.angle_deg is None:
        return False
    first, last = found.stops[0].hex, found.stops[-1].hex
    return (
        near(found.angle_deg, [drawn.angle_deg], ANGLE_DEG)
        and levels_apart(first, drawn.first_hex) <= LEVELS
        and levels_apart(last, drawn.last_hex) <= LEVELS
    )


@pytest.mark.parametrize("plain", [page for page in PAGES if not stylesheet.shadows_of(page)])
def test_a_page_without_shadows_has_none(screens: dict[str, Screen], plain: str) -> None:
    assert screens[plain].found.shadows == ()


@pytest.mark.parametrize("plain", [page for page in PAGES if not stylesheet.gradients_of(page)])
def test_a_page_without_gradients_has_none(screens: dict[str, Screen], plain: str) -> None:
    assert screens[plain].found.gradients == ()
