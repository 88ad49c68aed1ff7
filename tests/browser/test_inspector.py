"""The Inspector under a pointer and under a keyboard, at any zoom."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import TIMEOUT_S, await_state, hand_in
from tests.end_to_end.conftest import drawing

pytestmark = [pytest.mark.browser, pytest.mark.timeout(TIMEOUT_S)]
BOX = re.compile(r"M(\d+) (\d+)h(\d+)v(\d+)")


@pytest.fixture
def inspector(page: Page) -> Page:
    """The Inspector of a drawing of 160 by 120 pixels."""
    hand_in(page, {"card.png": drawing(1400)})
    await_state(page, "Succeeded")
    page.get_by_role("link", name="Images").click()
    page.locator(".tile a").click()
    expect(page.locator(".overlay")).to_be_visible()
    return page


def box(locator: Locator) -> dict[str, float]:
    found = locator.bounding_box()
    assert found is not None
    return {"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}


def point_at_spacing(page: Page) -> None:
    """Move the pointer to the first place of a distance."""
    path = page.locator('[data-layer="spacing"] path').first.get_attribute("d") or ""
    found = BOX.match(path)
    assert found is not None
    left, top, width, height = map(int, found.groups())
    x, y = left + width / 2, top + height / 2
    at = box(page.locator(".overlay"))
    page.mouse.move(at["x"] + x * at["width"] / 160, at["y"] + y * at["height"] / 120)


def test_a_place_lights_up_its_token_and_a_token_its_places(inspector: Page) -> None:
    point_at_spacing(inspector)
    expect(inspector.locator(".reading")).to_contain_text("px here")
    lit = inspector.locator(".finding.lit")
    expect(lit).to_have_count(1)
    name = lit.locator(".finding-name").inner_text()
    inspector.mouse.move(0, 0)
    expect(inspector.locator(".lit")).to_have_count(0)

    inspector.locator(".finding summary", has_text=name).first.hover()

    expect(inspector.locator(".overlay .lit")).to_have_attribute("data-token", f"spacing.{name}")


def test_a_layer_is_shown_and_hidden(inspector: Page) -> None:
    places = inspector.locator('[data-layer="radius"] path, [data-layer="color"] path').first
    expect(places).to_be_hidden()

    inspector.get_by_label("Color").check()

    expect(places).to_be_visible()


@pytest.mark.parametrize("times", [0, 3, 7])
def test_places_lie_on_the_image_at_any_zoom(inspector: Page, times: int) -> None:
    for _ in range(times):
        inspector.keyboard.press("+")

    image, overlay = box(inspector.locator(".canvas img")), box(inspector.locator(".overlay"))

    assert overlay == pytest.approx(image, abs=0.5)
    assert image["width"] / image["height"] == pytest.approx(160 / 120, rel=0.01)


def test_everything_is_done_by_keyboard(inspector: Page) -> None:
    finding = inspector.locator(".finding").first
    finding.locator("summary").focus()
    expect(inspector.locator(".overlay .lit")).to_have_count(1)
    inspector.keyboard.press("Enter")
    expect(finding.get_by_text("Claude said")).to_be_visible()
    inspector.keyboard.press("Escape")
    expect(inspector.locator(".lit")).to_have_count(0)

    inspector.keyboard.press("1")
    shown = inspector.locator("[data-zoom-shown]").inner_text()
    inspector.get_by_label("Spacing").focus()
    inspector.keyboard.press("Space")

    assert shown == "100 %"
    expect(inspector.get_by_label("Spacing")).not_to_be_checked()


def test_what_was_measured_stands_beside_what_claude_said(inspector: Page) -> None:
    finding = inspector.locator(".side-layer.spacing .finding").first
    finding.locator("summary").click()

    measured, said = (finding.locator(".witnesses > div").nth(place) for place in (0, 1))

    expect(measured).to_contain_text("count")
    expect(said).to_contain_text("role")
