"""Foreign text in exports: words of a model, names of files and fonts. It stays text."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given

from shared.export import Format, export
from shared.export.values import DIRECTION_MARKS
from shared.tokens import ImageUse, Token, Tokens, TokenSet, Typography
from tests.token_sets import RICH, foreign

# With a letter in front that no generic family has.
families = foreign.map(lambda text: "Q" + re.sub(r"[{}\"'\\<>;*\x00-\x1f\x7f]", "", text))
SCRIPTS = {
    Format.CSS: r"/\*.*?\*/",
    Format.TAILWIND: r"/\*.*?\*/",
    Format.SCSS: r"//[^\n]*",
    Format.REACT: r"/\*.*?\*/",
    Format.TAILWIND3: r"//[^\n]*|/\*.*?\*/",
}
STRING = r'"(?:[^"\\\n]|\\.)*"'
TEXTS = [each for each in Format if each is not Format.ZIP]


def speak(text: str, family: str) -> TokenSet:
    """Return the rich set with a text wherever one may stand, and a font of that name."""

    def told(token: Token[Any]) -> Token[Any]:
        value = token.value
        if isinstance(value, Typography):
            value = value.model_copy(update={"font_family": (family, "serif")})
        update = {
            "value": value,
            "description": text,
            "role": text,
            "images": (ImageUse(image=text, count=1),),
            "aliases": tuple(
                alias.model_copy(update={"description": text}) for alias in token.aliases
            ),
        }
        return token.model_copy(update=update)

    tokens = {
        token_type.value: [told(each) for each in of_type]
        for token_type, of_type in RICH.tokens.by_type()
    }
    return RICH.model_copy(update={"tokens": Tokens(**tokens), "source_images": (text, text)})


def read(token_set: TokenSet, format_: Format) -> str:
    return export(token_set, format_).content.decode()


def code_of(text: str, comment: str) -> list[str]:
    """Return code without comments and strings, and without Tailwind's keys of font families."""
    bare = re.sub(
        f"({comment})|{STRING}", lambda match: "" if match[1] else "''", text, flags=re.DOTALL
    )
    return re.sub(r"--font-[a-z0-9-]+", "--font-x", bare).split()


@pytest.mark.parametrize("format_", SCRIPTS)
@given(text=foreign, family=families)
def test_foreign_text_is_comment_or_string(format_: Format, text: str, family: str) -> None:
    def code(token_set: TokenSet) -> list[str]:
        return code_of(read(token_set, format_), SCRIPTS[format_])

    assert code(speak(text, family)) == code(speak("harmless", "Quiet"))


@pytest.mark.parametrize("format_", [Format.W3C, Format.LEGACY])
@given(text=foreign, family=families)
def test_foreign_text_is_no_alias(format_: Format, text: str, family: str) -> None:
    def strings(value: object) -> list[str]:
        if isinstance(value, dict):
            return [each for part in value.values() for each in strings(part)]
        if isinstance(value, list):
            return [each for part in value for each in strings(part)]
        return [value] if isinstance(value, str) else []

    braced = {
        each
        for each in strings(json.loads(read(speak(text, family), format_)))
        if re.search("[{}]", each)
    }

    assert braced == {
        f"{{{token_type.value}.{token.name}}}"
        for token_type, tokens in RICH.tokens.by_type()
        for token in tokens
        if token.aliases
    }


@pytest.mark.parametrize("format_", [each for each in TEXTS if each is not Format.HTML])
@given(text=foreign, family=families)
def test_no_file_holds_markup_or_marks_of_direction(
    format_: Format, text: str, family: str
) -> None:
    assert not re.search(f"<[a-z!/]|[{DIRECTION_MARKS}]", read(speak(text, family), format_))


class Outline(HTMLParser):
    """Collects elements, the names of their attributes, and styles without their strings."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        styles = [code_of(value or "", "(?!)") for name, value in attrs if name == "style"]
        self.elements.append((tag, [name for name, _ in attrs], styles))


@given(text=foreign, family=families)
def test_foreign_text_adds_nothing_to_the_page(text: str, family: str) -> None:
    def outline(token_set: TokenSet) -> list[object]:
        parser = Outline()
        parser.feed(read(token_set, Format.HTML))
        return parser.elements

    assert outline(speak(f".{text}", family)) == outline(speak("harmless", "Quiet"))
