from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import numpy as np
import pytest

from tests.fakes.claude import ClaudeServer
from tests.fakes.ledger import Ledger
from workers.claude.client import Client, Model
from workers.images import EncodedImage, fit_for_model
from workers.measure.measurements import (
    Box,
    ColorMeasurement,
    ColorRole,
    FamilyClass,
    GradientKind,
    GradientMeasurement,
    GradientStop,
    Measurements,
    Path,
    ShadowMeasurement,
    SpacingKind,
    SpacingMeasurement,
    TypographyMeasurement,
)

BOXES = (Box(10, 20, 300, 40), Box(0, 0, 5, 5))

Measured = Callable[..., Measurements]


@pytest.fixture(scope="session")
def claude_server() -> Iterator[ClaudeServer]:
    with ClaudeServer() as server:
        yield server


@pytest.fixture
def claude(claude_server: ClaudeServer) -> ClaudeServer:
    claude_server.reset()
    return claude_server


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def make_client() -> Iterator[Callable[..., Client]]:
    """A maker of clients whose connections are closed after the test."""
    with ExitStack() as stack:
        yield lambda *given, **named: stack.enter_context(closing(Client(*given, **named)))


@pytest.fixture
def model(claude: ClaudeServer, ledger: Ledger, make_client: Callable[..., Client]) -> Model:
    client = make_client("a-key", claude.base_url)
    return Model("claude-haiku-5-5", client, ledger.open_call, ledger.close_call)


@pytest.fixture
def picture() -> EncodedImage:
    return fit_for_model(np.zeros((90, 144, 3), np.uint8), 2576, 4784)


@pytest.fixture
def measure() -> Measured:
    """A maker of measurements with so many of each type."""
    return make_measurements


def make_measurements(
    colors: int = 3, spacing: int = 2, typography: int = 2, shadows: int = 1, gradients: int = 1
) -> Measurements:
    return Measurements(
        width=144,
        height=90,
        dpr=1.0,
        path=Path.EXACT,
        colors=tuple(_color(number) for number in range(colors)),
        spacing=tuple(_spacing(number) for number in range(spacing)),
        typography=tuple(_style(number) for number in range(typography)),
        shadows=(ShadowMeasurement(0, 4, 6, -1, "#000000", 0.1, 8, BOXES, 0.8),) * shadows,
        gradients=(_GRADIENT,) * gradients,
        radii=(),
    )


def _color(number: int) -> ColorMeasurement:
    roles = (ColorRole.FILL, ColorRole.TEXT)
    return ColorMeasurement(f"#3366{number:02x}", 0.028, roles, 3, BOXES, 1.0)


def _spacing(number: int) -> SpacingMeasurement:
    return SpacingMeasurement(4.0 * (number + 1), SpacingKind.PADDING, 44, BOXES, 1.0)


def _style(number: int) -> TypographyMeasurement:
    leading = 20.0 if number == 0 else None
    sans = FamilyClass.SANS
    return TypographyMeasurement(14.0 + number, 400, leading, sans, "#336600", 38, 2, BOXES, 0.9)


_GRADIENT = GradientMeasurement(
    GradientKind.LINEAR,
    90,
    (GradientStop("#3366ff", 0), GradientStop("#66ccff", 1)),
    1,
    BOXES,
    0.9,
)
