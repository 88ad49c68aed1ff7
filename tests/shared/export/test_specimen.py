"""The page for people."""

import html
import re
from html.parser import HTMLParser

from shared.export import Format, export
from shared.tokens import Color, Scale, Scales, Source, TextOn, Tokens, TokenSet
from tests.token_sets import RICH, px, shadow, style, token


def is_elsewhere(name: str, value: str | None) -> bool:
    """Whether an attribute loads something."""
    return name == "src" or (name == "href" and not str(value).startswith("#"))


class _Outline(HTMLParser):
    """Collects the elements of a page and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.elements += [
            name for name, value in attrs if name.startswith("on") or is_elsewhere(name, value)
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(tokens: Tokens, *images: str, scales: Scales | None = None) -> tuple[str, _Outline]:
    token_set = TokenSet(
        id="set_1",
        pipeline_version="1",
        source_images=images,
        tokens=tokens,
        scales=scales or Scales(),
    )
    content = export(token_set, Format.HTML).content.decode()
    outline = _Outline()
    outline.feed(content)
    return content, outline


def test_every_token_is_shown_with_its_value() -> None:
    content, outline = page(
        Tokens(color=(token("a", Color(hex="#3366cc")),), spacing=(token("16", px(16), usage=2),)),
        "home.png",
    )

    assert "--value: #3366cc" in content
    assert "--value: 16px" in content
    assert "1 use" in outline.text
    assert "2 uses" in outline.text
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


def test_nothing_is_loaded_and_nothing_runs() -> None:
    content, outline = page(RICH.tokens, "home.png")

    assert not {"script", "link", "img", "iframe", "src", "href"} & set(outline.elements)
    assert "default-src 'none'; style-src 'unsafe-inline'" in content
    assert not re.search(r"url\(|https?:", content)
    assert "@import" not in content.partition("</style>")[0]


def test_an_opaque_color_tells_its_contrast_to_white_and_black() -> None:
    clear = token("b", Color(hex="#767676", alpha=0.5))

    _, outline = page(Tokens(color=(token("a", Color(hex="#767676")), clear)))

    assert outline.text.count("white 4.5 · black 4.6") == 1


def test_a_ratio_that_fails_is_not_rounded_up_to_one_that_passes() -> None:
    """#777 on white comes to 4.478."""
    text = token("a", Color(hex="#777777"), on=(TextOn(background="#ffffff", count=3),))

    _, outline = page(Tokens(color=(text,)))

    assert "a on #ffffff" in outline.text
    assert "4.4 : 1 · 3 lines" in outline.text
    assert "below AA" in outline.text


def test_large_text_needs_less_contrast() -> None:
    text = token("a", Color(hex="#777777"), on=(TextOn(background="#ffffff", count=3, large=3),))

    _, outline = page(Tokens(color=(text, token("paper", Color(hex="#ffffff")))))

    assert "a on paper" in outline.text
    assert "AA, large text" in outline.text


def test_lengths_and_text_stand_by_size_and_shadows_by_elevation() -> None:
    tokens = Tokens(
        spacing=(token("wide", px(32)), token("near", px(4))),
        typography=(token("small", style("serif", 12)), token("large", style("serif", 40))),
        shadow=(token("high", shadow(9, 20)), token("low", shadow(1, 2))),
    )

    content, _ = page(tokens, scales=Scales(elevation=("low", "high")))

    shown = re.findall(r"<b>([a-z]+)</b>", content)
    assert shown == ["near", "wide", "large", "small", "low", "high"]


def test_scales_are_told_and_what_is_off_them_is_marked() -> None:
    tokens = Tokens(spacing=(token("8", px(8)), token("13", px(13))))
    scale = Scale(base_px=8, confidence=0.9, steps=("8",), outliers=("13",))

    _, outline = page(tokens, scales=Scales(spacing=scale))

    assert "Scale: multiples of 8 px · 90% sure" in outline.text
    assert outline.text.count("off the scale") == 1


def test_colors_stand_by_what_they_are_for() -> None:
    roles = {"b": "text", "a": "surface", "d": None, "c": "accent"}
    colors = (token(name, Color(hex="#123456"), role=role) for name, role in roles.items())

    content, _ = page(Tokens(color=tuple(colors)))

    assert re.findall(r"<h3>([A-Za-z ]+)</h3>|<b>([a-d])</b>", content) == [
        ("Backgrounds and surfaces", ""),
        ("", "a"),
        ("Text", ""),
        ("", "b"),
        ("Brand", ""),
        ("", "c"),
        ("More colors", ""),
        ("", "d"),
    ]
