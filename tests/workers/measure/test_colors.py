"""The colors of a page are those it was drawn with, in their roles, and no others."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import drawing
from workers.measure import measure_image
from workers.measure.measurements import ColorMeasurement, ColorRole, TextBackground


def by_hex(page: drawing.Rgb) -> dict[str, ColorMeasurement]:
    return {color.hex: color for color in measure_image(page).colors}


def test_a_blank_page_has_one_color() -> None:
    found = by_hex(drawing.draw_page(320, 200, "#fafafa"))

    assert list(found) == ["#fafafa"]
    assert found["#fafafa"].share == 1
    assert found["#fafafa"].roles == (ColorRole.BACKGROUND,)


def test_colors_come_in_their_roles() -> None:
    page = drawing.draw_page(800, 480, "#f1f5f9")
    drawing.draw_box(
        page, (40, 40, 480, 320), "#ffffff", border_px=1, border_color="#cbd5e1", radius=8
    )
    drawing.draw_text(page, (64, 64), "Settings of the account", 24, "#0f172a")
    drawing.draw_box(page, (64, 280, 120, 40), "#2563eb", radius=6)

    found = by_hex(page)

    assert found["#f1f5f9"].roles[0] is ColorRole.BACKGROUND
    assert found["#ffffff"].roles[0] is ColorRole.SURFACE
    assert found["#cbd5e1"].roles[0] is ColorRole.BORDER
    assert found["#0f172a"].roles[0] is ColorRole.TEXT
    assert found["#2563eb"].roles[0] is ColorRole.FILL
    assert len(found) == 5


@settings(max_examples=30, deadline=None)
@given(levels=st.tuples(*[st.integers(0, 200)] * 3))
def test_any_fill_is_listed_exactly(levels: tuple[int, int, int]) -> None:
    color = "#{:02x}{:02x}{:02x}".format(*levels)
    page = drawing.draw_page(320, 240)
    drawing.draw_box(page, (40, 40, 160, 80), color, radius=6)

    assert set(by_hex(page)) == {"#ffffff", color}


def test_a_gradients_bands_are_no_colors() -> None:
    page = drawing.draw_page(640, 400)
    drawing.draw_linear_gradient(page, (40, 40, 480, 240), 135, [("#7c3aed", 0), ("#06b6d4", 1)])

    assert set(by_hex(page)) == {"#ffffff"}


def test_a_shadows_bands_are_no_colors() -> None:
    page = drawing.draw_page(640, 400)
    card = (100, 80, 360, 200)
    drawing.draw_shadow(page, card, drawing.Shadow(y=8, blur=32, alpha=0.3))
    drawing.draw_box(page, card, "#fef3c7")

    assert set(by_hex(page)) == {"#ffffff", "#fef3c7"}


def test_a_photographs_colors_are_not_listed() -> None:
    page = drawing.draw_page(640, 400)
    drawing.draw_picture(page, (100, 80, 240, 200))

    assert set(by_hex(page)) == {"#ffffff"}


def test_two_near_surfaces_are_two_colors() -> None:
    page = drawing.draw_page(640, 400, "#ffffff")
    drawing.draw_box(page, (40, 40, 240, 200), "#f8f9fa")
    drawing.draw_box(page, (340, 40, 240, 200), "#f6f9fc")

    assert {"#f8f9fa", "#f6f9fc"} <= set(by_hex(page))


def test_shares_are_parts_of_the_image() -> None:
    page = drawing.draw_page(400, 300)
    drawing.draw_box(page, (0, 0, 400, 75), "#1e293b")

    found = by_hex(page)

    assert abs(found["#1e293b"].share - 0.25) < 0.01
    assert abs(found["#ffffff"].share - 0.75) < 0.01


def test_a_color_of_text_tells_what_is_behind_it_and_which_lines_are_large() -> None:
    page = drawing.draw_page(900, 420, "#ffffff")
    drawing.draw_text(page, (30, 30), "Deliveries of the month", 32, "#111827")
    drawing.draw_text(page, (30, 100), "on time and late in March", 15, "#111827")
    drawing.draw_text(page, (30, 140), "and in the months before it", 15, "#111827")
    drawing.draw_box(page, (30, 220, 500, 160), "#fde68a")
    drawing.draw_text(page, (60, 280), "nine parcels are waiting", 15, "#111827")

    found = by_hex(page)

    assert found["#111827"].on == (
        TextBackground("#ffffff", 3, 1),
        TextBackground("#fde68a", 1, 0),
    )
    assert found["#ffffff"].on == ()
