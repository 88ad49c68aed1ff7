"""Pages laid out at random give what they were drawn with, and nothing else.

Tolerances: boxes and colors exact, radii half a pixel, distances half a pixel.
"""

from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import drawing
from tests.layouts import Layout, colors, layouts
from workers.measure import measure_image, read_scene
from workers.measure.measurements import Box
from workers.measure.scene import ElementKind

RADIUS_TOLERANCE_PX = 0.5
DISTANCE_TOLERANCE_PX = 0.5
# A square large enough for the cards' corners holds a part of the boxes in them too.
CLOSE_CONTENT = Layout(
    columns=2,
    rows=2,
    stacked=1,
    box_size=(70, 30),
    margin=10,
    gap=10,
    padding=10,
    stack_gap=5,
    colors=("#000000", "#555555", "#aaaaaa"),
    radii=(7.0, 0.0),
)
# The blends of sixteen small corners come to more pixels than many a color has.
EQUAL_CORNERS = replace(CLOSE_CONTENT, radii=(0.0, 3.0))
# The name states the device ratio, so that it is not a second thing to be found.
NAME = "page@1x"


def is_one_of(found: float, drawn: list[float], tolerance: float) -> bool:
    return any(abs(found - each) <= tolerance for each in drawn)


@settings(max_examples=12, deadline=None)
@given(layouts())
def test_every_box_is_found_at_its_pixels_and_no_other(layout: Layout) -> None:
    scene = read_scene(layout.draw(), name=NAME)

    found = [each.box for each in scene.elements[1:] if each.kind is ElementKind.CONTAINER]

    assert sorted(found, key=repr) == sorted(
        (Box(*box) for box in layout.cards + layout.boxes), key=repr
    )


@settings(max_examples=12, deadline=None)
@given(layouts())
@example(EQUAL_CORNERS)
def test_the_colors_are_those_drawn_and_no_other(layout: Layout) -> None:
    measured = measure_image(layout.draw(), name=NAME)

    assert {color.hex for color in measured.colors} == set(layout.colors)


@settings(max_examples=12, deadline=None)
@given(layouts())
@example(CLOSE_CONTENT)
def test_the_radii_are_those_drawn_and_no_other(layout: Layout) -> None:
    drawn = [radius for radius in layout.radii if radius]

    found = [radius.px for radius in measure_image(layout.draw(), name=NAME).radii]

    assert all(is_one_of(px, drawn, RADIUS_TOLERANCE_PX) for px in found)
    assert all(is_one_of(radius, found, RADIUS_TOLERANCE_PX) for radius in drawn)


@settings(max_examples=12, deadline=None)
@given(layouts())
def test_a_distance_that_is_told_is_one_that_was_drawn(layout: Layout) -> None:
    drawn = [float(distance) for distance in layout.distances]

    found = {gap.px for gap in measure_image(layout.draw(), name=NAME).spacing}

    assert all(is_one_of(px, drawn, DISTANCE_TOLERANCE_PX) for px in found)


@settings(max_examples=8, deadline=None)
@given(layouts())
def test_flat_boxes_have_no_shadow_no_gradient_and_no_text(layout: Layout) -> None:
    measured = measure_image(layout.draw(), name=NAME)

    assert measured.shadows == ()
    assert measured.gradients == ()
    assert measured.typography == ()


@settings(max_examples=8, deadline=None)
@given(colors(4), st.lists(st.integers(40, 120), min_size=4, max_size=4))
def test_bands_without_space_between_have_no_spacing(
    bands: tuple[str, ...], heights: list[int]
) -> None:
    page = drawing.draw_page(400, sum(heights))
    for index, (color, height) in enumerate(zip(bands, heights, strict=True)):
        drawing.draw_box(page, (0, sum(heights[:index]), 400, height), color)

    measured = measure_image(page, name=NAME)

    assert measured.spacing == ()
    assert measured.radii == ()
    assert measured.shadows == ()
    assert measured.gradients == ()


@settings(max_examples=8, deadline=None)
@given(layouts(), st.integers(3, 9), st.integers(0, 4), st.floats(0.15, 0.35))
def test_shadows_of_cards_leave_boxes_where_they_are(
    layout: Layout, blur: int, y: int, alpha: float
) -> None:
    scene = read_scene(layout.draw(drawing.Shadow(y=y, blur=blur, alpha=alpha)), name=NAME)

    found = {each.box for each in scene.elements[1:] if each.kind is ElementKind.CONTAINER}

    assert {Box(*box) for box in layout.cards + layout.boxes} <= found
