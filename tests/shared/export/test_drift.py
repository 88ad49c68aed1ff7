"""The drift report as a page."""

from html.parser import HTMLParser

from hypothesis import given, settings

from shared.export import write_report
from shared.export.drift import MOST_ROWS
from shared.report import report
from shared.tokens import Color, ImageUse, Scale, Scales, TextOn, Tokens, TokenSet
from tests.token_sets import EMPTY, any_sets, of, px, token


class Reader(HTMLParser):
    """Collects tags, the addresses they refer to, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in {"src", "href", "action"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(token_set: TokenSet) -> Reader:
    reader = Reader()
    reader.feed(write_report(report(token_set), token_set).content.decode())
    reader.close()
    return reader


@settings(max_examples=25)
@given(token_set=any_sets)
def test_no_name_becomes_markup_and_nothing_is_loaded(token_set: TokenSet) -> None:
    reader = read(token_set)

    assert not {"script", "img", "link", "iframe", "object"} & set(reader.tags)
    assert reader.tags.count("style") == 1
    assert all(address and address.startswith("#") for address in reader.addresses)


def test_a_finding_is_shown_with_what_it_should_be_and_where_it_was_seen() -> None:
    amber = token(
        "amber",
        Color(hex="#d97a1e"),
        role="text",
        on=(TextOn(background="#ffffff", count=7),),
        images=(ImageUse(image="<b>.png", count=7),),
    )

    text = read(of(Tokens(color=(amber,)))).text

    assert "amber on #ffffff" in text
    assert "3.11 : 1, 4.5 : 1 needed" in text
    assert "7 lines" in text
    assert "<b>.png 7" in text


def test_without_findings_every_section_says_so() -> None:
    assert read(EMPTY).text.count("None was found.") == 4


def test_a_long_list_says_how_much_more_there_is() -> None:
    many = tuple(token(f"{n}", px(n), confirmed=False) for n in range(1, MOST_ROWS + 6))

    reader = read(of(Tokens(spacing=many)))

    assert "And 5 more" in reader.text


def test_the_rule_that_values_stray_from_is_told() -> None:
    scale = Scale(base_px=4, confidence=0.85, steps=("4", "8"), outliers=("7",))
    lengths = Tokens(spacing=(token("4", px(4)), token("8", px(8)), token("7", px(7))))

    text = read(of(lengths).model_copy(update={"scales": Scales(spacing=scale)})).text

    assert "Spacing: multiples of 4 px · 85% sure." in text
