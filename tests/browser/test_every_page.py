"""What every page is held to in every state: rules of axe in light and dark, a place, bytes."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Response

from api.app import create_app
from shared.settings import Settings
from tests.api.conftest import settings
from tests.api.server import serving
from tests.browser.conftest import TIMEOUT_S, visiting
from tests.browser.states import (
    LOGINS,
    REFUSED,
    Step,
    Tour,
    make_tour,
    steps_of_a_member,
    steps_of_a_newcomer,
    steps_of_the_unwelcome,
    steps_without_a_database,
)
from tests.end_to_end.conftest import Service
from tests.fakes.claude import ClaudeServer
from tests.shared.export.toolbox import ROOT, install

__all__ = ["settings"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(TIMEOUT_S)]
# HTML, CSS and JavaScript of a page as they are sent, without images.
MOST_BYTES = 150_000
# "Good" ends at 0.1; half of it is what these pages allow themselves.
MOST_SHIFT = 0.05
KINDS = {"document", "stylesheet", "script"}
WATCH_SHIFTS = """
    window.shifts = 0;
    new PerformanceObserver((list) => {
        for (const shift of list.getEntries())
            if (!shift.hadRecentInput) window.shifts += shift.value;
    }).observe({ type: 'layout-shift', buffered: true });
"""
# Controls that are shown, but beside the window, where nothing scrolls to them.
OUTSIDE = """
    () => [...document.querySelectorAll('main a, main button, main input, main select, summary')]
        .filter((each) => each.checkVisibility({ visibilityProperty: true }))
        .filter((each) => {
            const { left, right } = each.getBoundingClientRect();
            if (left >= 0 && right <= innerWidth) return false;
            for (let at = each.parentElement; at !== document.body; at = at.parentElement)
                if (getComputedStyle(at).overflowX !== 'visible') return false;
            return true;
        })
        .map((each) => each.outerHTML.slice(0, 100))
"""
# Counts what can be focused (arrows choose among radio buttons), and notes what is, and whether a
# line around it says so.
WATCH_FOCUS = """
    () => {
        const kinds = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
        const all = [...document.querySelectorAll(kinds)].filter((each) =>
            each.checkVisibility({ visibilityProperty: true }) && !each.disabled
            && each.type !== 'hidden' && (each.type !== 'radio' || each.checked)
            && !each.closest('#documentation'));
        const seen = new Set();
        const faint = [];
        const tell = (each) => each.outerHTML.slice(0, 120);
        addEventListener('focusin', ({ target }) => {
            seen.add(target);
            const { outlineStyle, outlineWidth } = getComputedStyle(target);
            if (outlineStyle === 'none' || parseFloat(outlineWidth) < 1) faint.push(tell(target));
        });
        window.missed = () => ({ never: all.filter((each) => !seen.has(each)).map(tell), faint });
        return all.length;
    }
"""
# What Swagger UI draws of the API is not ours, nor are its colors.
RUN_AXE = "axe.run({ exclude: [['#documentation']] }).then(({ violations }) => violations)"
Scheme = Literal["light", "dark"]


Show = Callable[[str, Page], None]


@pytest.fixture(scope="module")
def tour(chromium: Browser, service: Service, claude: ClaudeServer) -> Iterator[Tour]:
    """What there is to see."""
    yield make_tour(chromium, service, claude)
    claude.reset()


@pytest.fixture(scope="module")
def unwelcoming(settings: Settings) -> Iterator[str]:
    """The address of a service where nobody registers and few sign in."""
    strict = {"open_registration": False, "logins_per_minute": LOGINS}
    with serving(create_app(settings.model_copy(update=strict))) as url:
        yield url


@pytest.fixture(scope="module")
def without_database(settings: Settings) -> Iterator[str]:
    """The address of a service whose database is away."""
    nowhere = {"database_url": "postgresql://127.0.0.1:1/nowhere"}
    with serving(create_app(settings.model_copy(update=nowhere))) as url:
        yield url


@pytest.fixture
def walk(
    chromium: Browser, service: Service, tour: Tour, unwelcoming: str, without_database: str
) -> Callable[..., None]:
    """Bring a window to every page in every state, and show it each time."""

    def through(look: Show, **options: Any) -> None:  # noqa: ANN401 -- Playwright's own
        def visit(url: str, steps: Iterable[tuple[str, Step]], **session: Any) -> None:  # noqa: ANN401
            with visiting(chromium, url, REFUSED, **options, **session) as page:
                page.add_init_script(WATCH_SHIFTS)
                for name, step in steps:
                    step(page)
                    page.wait_for_load_state()
                    look(name, page)

        visit(service.url, steps_of_a_newcomer())
        visit(service.url, steps_of_a_member(tour), storage_state=tour.state)
        visit(unwelcoming, steps_of_the_unwelcome())
        visit(without_database, steps_without_a_database())

    return through


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core."""
    tools = install(ROOT / "tests/browser/axe", tmp_path_factory.mktemp("axe") / "axe")
    return Path(tools / "node_modules/axe-core/axe.min.js").read_text()


def complaints_of_axe(page: Page, name: str) -> Iterator[str]:
    for violation in page.evaluate(RUN_AXE):
        for node in violation["nodes"]:
            yield f"{name}: {violation['id']}: {node['html'][:200]} {node['failureSummary']}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_to_say(walk: Callable[..., None], axe: str, scheme: Scheme) -> None:
    said: list[str] = []

    def ask(name: str, page: Page) -> None:
        page.evaluate(axe)
        said.extend(complaints_of_axe(page, name))

    walk(ask, color_scheme=scheme)

    assert said == []


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_stand_still_and_fit(walk: Callable[..., None], width: int) -> None:
    wrong: list[tuple[str, float, int, list[str]]] = []

    def measure(name: str, page: Page) -> None:
        shifts: float = page.evaluate("window.shifts")
        wide: int = page.evaluate("document.documentElement.scrollWidth")
        outside: list[str] = page.evaluate(OUTSIDE)
        if shifts >= MOST_SHIFT or wide > width or outside:
            wrong.append((name, shifts, wide, outside))

    walk(measure, viewport={"width": width, "height": 800})

    assert wrong == []


def test_everything_is_reached_by_keyboard_and_seen_to_be(
    chromium: Browser, service: Service, tour: Tour
) -> None:
    wrong: dict[str, Any] = {}
    with visiting(chromium, service.url, REFUSED, storage_state=tour.state) as page:
        for name, path in (*tour.paths.items(), ("keys", "/keys")):
            page.goto(path)
            page.wait_for_load_state()
            for _ in range(page.evaluate(WATCH_FOCUS)):
                page.keyboard.press("Tab")
            missed = page.evaluate("window.missed()")
            if missed != {"never": [], "faint": []}:
                wrong[name] = missed

    assert wrong == {}


def test_pages_are_light(chromium: Browser, service: Service, tour: Tour) -> None:
    bodies: list[Response] = []
    sent: dict[str, int] = {}
    with visiting(chromium, service.url, REFUSED, storage_state=tour.state) as page:
        page.on("response", lambda answer: bodies.append(answer))  # noqa: PLW0108 -- takes no marks
        for name, path in (*tour.paths.items(), ("keys", "/keys"), ("login", "/login")):
            bodies.clear()
            page.goto(path)
            page.wait_for_load_state()
            ours = (
                each
                for each in bodies
                if each.request.resource_type in KINDS and "swagger-ui" not in each.url
            )
            sent[name] = sum(len(each.body()) for each in ours)

    assert {name: size for name, size in sent.items() if size >= MOST_BYTES} == {}
