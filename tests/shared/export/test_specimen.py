"""The page for people."""

import html
from html.parser import HTMLParser

from shared.export import Format, export
from shared.tokens import Color, Source, Tokens, TokenSet
from tests.token_sets import px, token


class _Outline(HTMLParser):
    """Collects the elements of a page and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.elements += [name for name, _ in attrs if name.startswith("on") or name == "src"]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(tokens: Tokens, *images: str) -> tuple[str, _Outline]:
    token_set = TokenSet(id="set_1", pipeline_version="1", source_images=images, tokens=tokens)
    content = export(token_set, Format.HTML).content.decode()
    outline = _Outline()
    outline.feed(content)
    return content, outline


def test_every_token_is_shown_with_its_value() -> None:
    content, outline = page(
        Tokens(color=(token("a", Color(hex="#3366cc")),), spacing=(token("16", px(16), usage=2),)),
        "home.png",
    )

    assert "--value: #36c" in content
    assert "--value: 16px" in content
    assert "seen once" in outline.text
    assert "home.png" in outline.text


def test_an_empty_set_says_that_nothing_was_found() -> None:
    _, outline = page(Tokens(), "blank.png")

    assert outline.text.count("None was found.") == 6


def test_hostile_names_and_descriptions_stay_text() -> None:
    hostile = '"><script>alert(1)</script><img src=x onerror=y>'
    color = token("a", Color(hex="#3366cc"), source=Source.CLAUDE, description=hostile)

    content, outline = page(Tokens(color=(color,)), hostile)

    assert not {"script", "img", "src", "onerror"} & set(outline.elements)
    assert html.escape("<script>") in content
