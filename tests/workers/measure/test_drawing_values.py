"""Text, shadows and gradients drawn on whole pages with parameters at random.

Tolerances: sizes 3 % (at least half a pixel), line heights half a pixel, text colors 2 levels
from 16 px and 24 below; shadow offsets 8 % of the blur (at least a pixel), blurs 15 % (at least
1.5 px); gradient angles 1 degree and their ends 2 levels. The shadows drawn are Gaussian and the
model is Skia's, which is most of that 15 %.
"""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import drawing
from tests.layouts import Layout, layouts
from tests.workers.measure.lettering import write
from workers.measure import measure_image
from workers.measure.measurements import Measurements

NAME = "page@1x"
SIZE_TOLERANCE, LEAST_SIZE_TOLERANCE_PX = 0.03, 0.5
LINE_HEIGHT_TOLERANCE_PX = 0.5
LEVEL_TOLERANCE = 2.0
# Strokes of smaller text cover no pixel whole.
FULL_INK_PX, THIN_LEVEL_TOLERANCE = 16, 24.0
OFFSET_TOLERANCE, LEAST_OFFSET_TOLERANCE_PX = 0.08, 1.0
BLUR_TOLERANCE, LEAST_BLUR_TOLERANCE_PX = 0.15, 1.5
ANGLE_TOLERANCE_DEG = 1.0

SENTENCES = (
    "Deliveries on their way to you",
    "Everything that left on Monday",
    "Packed by hand and quickly sent",
    "A box of good things from home",
)
CARD = (60, 60, 460, 300)
# So small that a wider shadow, drawn in, leaves less than rounding does.
SMALL_CARDS = Layout(
    columns=2, rows=2, stacked=1, box_size=(70, 30), margin=10, gap=10, padding=10, stack_gap=5,
    colors=("#000000", "#555555", "#aaaaaa"), radii=(0, 0),
)  # fmt: skip


def levels_apart(first: str, second: str) -> float:
    return float(np.abs(drawing.levels_of(first) - drawing.levels_of(second)).max())


@settings(max_examples=12, deadline=None)
@given(
    size=st.floats(12, 26),
    leading=st.floats(1.25, 1.8),
    color=st.sampled_from(["#1a2b3c", "#5b21b6", "#7c2d12", "#334155"]),
    ground=st.sampled_from(["#ffffff", "#f6f3ee", "#e7f0f9"]),
)
def test_a_paragraph_gives_its_size_line_height_and_color(
    size: float, leading: float, color: str, ground: str
) -> None:
    pitch = round(size * leading)
    page = drawing.draw_page(580, 420, "#d5dbe3")
    drawing.draw_box(page, CARD, ground, radius=9)
    for row, sentence in enumerate(SENTENCES):
        write(page, 90, 110 + row * pitch, sentence, size, color)

    (style,) = measure_image(page, name=NAME).typography

    assert abs(style.size_px - size) <= max(LEAST_SIZE_TOLERANCE_PX, SIZE_TOLERANCE * size)
    assert style.line_height_px is not None
    assert abs(style.line_height_px - pitch) <= LINE_HEIGHT_TOLERANCE_PX
    allowed = LEVEL_TOLERANCE if size >= FULL_INK_PX else THIN_LEVEL_TOLERANCE
    assert levels_apart(style.color_hex, color) <= allowed


@settings(max_examples=12, deadline=None)
@given(
    layout=layouts(),
    blur=st.integers(4, 12),
    share=st.floats(0, 0.6),
    alpha=st.floats(0.2, 0.4),
)
@example(layout=SMALL_CARDS, blur=10, share=0, alpha=0.24609375)
def test_the_cards_of_a_page_give_one_shadow(
    layout: Layout, blur: int, share: float, alpha: float
) -> None:
    y = round(share * blur)
    paper = Layout(**{**layout.__dict__, "colors": ("#e9ecef", "#ffffff", "#1971c2"), "gap": 45})

    (found,) = measure(paper, drawing.Shadow(y=y, blur=blur, alpha=alpha)).shadows

    assert found.count == len(paper.cards)
    assert abs(found.x_px) <= LEAST_OFFSET_TOLERANCE_PX
    assert abs(found.y_px - y) <= max(LEAST_OFFSET_TOLERANCE_PX, OFFSET_TOLERANCE * blur)
    assert abs(found.blur_px - blur) <= max(LEAST_BLUR_TOLERANCE_PX, BLUR_TOLERANCE * blur)


@settings(max_examples=12, deadline=None)
@given(
    angle=st.floats(0, 360),
    ends=st.sampled_from([("#5e72e4", "#825ee4"), ("#ff6600", "#0033aa"), ("#11998e", "#38ef7d")]),
    radius=st.sampled_from([0.0, 5.5, 9.0]),
)
def test_a_gradient_in_a_card_gives_its_angle_and_ends(
    angle: float, ends: tuple[str, str], radius: float
) -> None:
    page = drawing.draw_page(580, 420, "#d5dbe3")
    drawing.draw_box(page, CARD, "#ffffff", radius=9)
    stops = [(ends[0], 0.0), (ends[1], 1.0)]
    drawing.draw_linear_gradient(page, (81, 81, 300, 130), angle, stops, radius=radius)
    write(page, 110, 260, SENTENCES[0], 17, "#1a2b3c")

    (found,) = measure_image(page, name=NAME).gradients

    assert found.angle_deg is not None
    off = abs((found.angle_deg - angle + 90) % 180 - 90)
    assert off <= ANGLE_TOLERANCE_DEG
    told = [stop.hex for stop in found.stops]
    if abs((found.angle_deg - angle + 180) % 360 - 180) > 90:
        told.reverse()
    apart = [levels_apart(*pair) for pair in zip((told[0], told[-1]), ends, strict=True)]
    assert max(apart) <= LEVEL_TOLERANCE


def measure(layout: Layout, shadow: drawing.Shadow) -> Measurements:
    return measure_image(layout.draw(shadow), name=NAME)
