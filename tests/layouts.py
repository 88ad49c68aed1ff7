"""Pages of cards in cards, laid out at random on odd grids, with all their values known."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from tests import drawing

Rectangle = tuple[int, int, int, int]

# Steps of the grids: none divides the usual 4, 8, 12 or 16.
GRIDS_PX = (5, 7, 9, 11, 13)
# Colors differ by this many levels in each channel at least: what differs less may be a shadow.
APART_LEVELS = 14
RADII_APART_PX = 1.0
# A radius up to here leaves a straight side on the smallest box.
MAX_RADIUS_PX = 12


@dataclass(frozen=True)
class Layout:
    """A grid of equal cards, each with a stack of equal boxes inside.

    Lengths are pixels; ``colors`` are those of the page, the cards and the boxes in them;
    ``radii`` those of the cards and of the boxes in them.
    """

    columns: int
    rows: int
    stacked: int
    box_size: tuple[int, int]
    margin: int
    gap: int
    padding: int
    stack_gap: int
    colors: tuple[str, str, str]
    radii: tuple[float, float]

    @property
    def card_size(self) -> tuple[int, int]:
        """Width and height of a card."""
        width, height = self.box_size
        stack = self.stacked * height + (self.stacked - 1) * self.stack_gap
        return width + 2 * self.padding, stack + 2 * self.padding

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the page."""
        width, height = self.card_size
        return (
            2 * self.margin + self.columns * width + (self.columns - 1) * self.gap,
            2 * self.margin + self.rows * height + (self.rows - 1) * self.gap,
        )

    @property
    def cards(self) -> list[Rectangle]:
        """All cards, row by row."""
        width, height = self.card_size
        return [
            (
                self.margin + column * (width + self.gap),
                self.margin + row * (height + self.gap),
                width,
                height,
            )
            for row in range(self.rows)
            for column in range(self.columns)
        ]

    def boxes_in(self, card: Rectangle) -> list[Rectangle]:
        """The boxes stacked in one card."""
        width, height = self.box_size
        x, y = card[0] + self.padding, card[1] + self.padding
        step = height + self.stack_gap
        return [(x, y + index * step, width, height) for index in range(self.stacked)]

    @property
    def boxes(self) -> list[Rectangle]:
        """All boxes that stand in cards."""
        return [box for card in self.cards for box in self.boxes_in(card)]

    @property
    def distances(self) -> set[int]:
        """Every distance between neighbours."""
        shown = {self.margin, self.padding}
        if self.columns * self.rows > 1:
            shown.add(self.gap)
        if self.stacked > 1:
            shown.add(self.stack_gap)
        return shown

    def draw(self, shadow: drawing.Shadow | None = None) -> drawing.Rgb:
        """Draw the page; a shadow is that of every card."""
        page = drawing.draw_page(*self.size, self.colors[0])
        if shadow is not None:
            for card in self.cards:
                drawing.draw_shadow(page, card, shadow, radius=self.radii[0])
        for card in self.cards:
            drawing.draw_box(page, card, self.colors[1], radius=self.radii[0])
        for box in self.boxes:
            drawing.draw_box(page, box, self.colors[2], radius=self.radii[1])
        return page


@st.composite
def colors(draw: st.DrawFn, count: int) -> tuple[str, ...]:
    """Draw colors that differ in every channel."""
    channels = [draw(st.permutations(_spread(draw(st.integers(0, 9)), count))) for _ in range(3)]
    return tuple(
        "#" + "".join(f"{channel[index]:02x}" for channel in channels) for index in range(count)
    )


@st.composite
def radii(draw: st.DrawFn) -> float:
    """Draw a radius: none, or one that is large enough to be told from none."""
    return draw(st.one_of(st.just(0.0), st.floats(2.5, MAX_RADIUS_PX)))


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Draw a layout whose lengths are multiples of one odd step."""
    step = draw(st.sampled_from(GRIDS_PX))
    near, far = st.integers(1, 3), st.integers(2, 5)
    page, card, box = draw(colors(3))
    return Layout(
        columns=draw(st.integers(2, 3)),
        rows=draw(st.integers(2, 3)),
        stacked=draw(st.integers(1, 3)),
        box_size=(draw(st.integers(70, 150)), draw(st.integers(30, 70))),
        margin=step * draw(far),
        gap=step * draw(far),
        padding=step * draw(far),
        stack_gap=step * draw(near),
        colors=(page, card, box),
        radii=draw(st.tuples(radii(), radii()).filter(lambda pair: _are_apart(*pair))),
    )


def _are_apart(one: float, other: float) -> bool:
    """Tell whether two radii are one, or clearly two: nearer ones are summed up as one value."""
    return one == other or abs(one - other) > RADII_APART_PX


def _spread(shift: int, count: int) -> Sequence[int]:
    """Return levels far apart, dark to light."""
    room = 255 // count
    return [room * index + shift * (room - APART_LEVELS) // 9 for index in range(count)]
