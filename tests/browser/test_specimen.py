"""The exported page in a real browser, looked at with our own measuring."""

import shutil
import subprocess
from pathlib import Path

import pytest

from samples.render import FLAGS
from shared.export import Format, export
from shared.tokens import Color, Gradient, GradientStop, Tokens
from tests.token_sets import of, px, token
from workers.images import decode
from workers.measure import Measurements, measure_image

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed on this machine"),
]
# A blue and two gradient ends that nothing else on the page is painted with.
BLUE = Color(hex="#2255dd")
ENDS = (Color(hex="#14452f"), Color(hex="#2f9e68"))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Measurements:
    """What is measured in a screenshot of the page."""
    folder = tmp_path_factory.mktemp("page")
    stops = tuple(GradientStop(color=end, position=at) for at, end in enumerate(ENDS))
    forest = Gradient(kind="linear", angle=90, stops=stops)
    token_set = of(
        Tokens(
            color=(token("blue", BLUE),),
            spacing=(token("48", px(48)),),
            gradient=(token("forest", forest),),
        )
    )
    page = folder / "tokens.html"
    page.write_bytes(export(token_set, Format.HTML).content)
    return measure_image(decode(screenshot(page)))


def screenshot(page: Path) -> bytes:
    picture = page.with_suffix(".png")
    subprocess.run(  # noqa: S603 -- the browser of this machine
        (
            str(CHROMIUM),
            *FLAGS,
            f"--user-data-dir={page.parent / 'profile'}",
            "--window-size=1200,1600",
            f"--screenshot={picture}",
            page.as_uri(),
        ),
        check=True,
        capture_output=True,
        timeout=60,
    )
    return picture.read_bytes()


def test_the_page_shows_a_color_as_it_is(seen: Measurements) -> None:
    assert BLUE.hex in {color.hex for color in seen.colors}


def test_the_page_shows_a_gradient_as_it_is(seen: Measurements) -> None:
    (found,) = seen.gradients

    assert found.angle_deg == 90
    assert [stop.hex for stop in found.stops] == [end.hex for end in ENDS]
