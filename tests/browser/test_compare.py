"""Ten changes to the stylesheet of the sample pages, told from their pictures alone.

All states are drawn by the same browser, measured, merged and compared as a job's would be.
"""

import re
import shutil
from pathlib import Path

import pytest

from samples.render import HERE, PAGES, render
from shared.compare import Difference, Pair, compare
from shared.tokens import Tokens, TokenType
from workers.assemble import assemble
from workers.images import decode
from workers.measure import measure_image
from workers.merge import Merge

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="chromium is not installed on this machine"
    ),
]
STYLES = "tokens.css"
TEXT = re.compile(r"(?<=>)[^<>{}]+(?=<)")
CHANGES = {
    "--color-brand: #1f7a4d": "--color-brand: #6d3fc0",
    "--color-ink: #1b2a22": "--color-ink: #16203a",
    "--color-danger-soft: #fae5e3": "--color-danger-soft: #fbd0cc",
    "--color-night-raised: #1a2620": "--color-night-raised: #2a2440",
    "--space-6: 24px": "--space-6: 28px",
    "--font-heading: 700 28px/36px": "--font-heading: 700 32px/40px",
    "--font-caption: 400 12px/16px": "--font-caption: 400 11px/16px",
    "--radius-3: 12px": "--radius-3: 16px",
    "--shadow-mid: 0 6px 16px rgb(20 40 30 / 16%)": "--shadow-mid: 0 8px 24px rgb(20 40 30 / 20%)",
    "dawn: linear-gradient(90deg, #d97a1e": "dawn: linear-gradient(90deg, #b02a8a",
}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """What the pages come to as they are."""
    return measure_pages(copy_pages(tmp_path_factory.mktemp("before")))


@pytest.fixture(scope="module")
def found(before: Tokens, tmp_path_factory: pytest.TempPathFactory) -> dict[TokenType, Difference]:
    """What is told of the pages before and after."""
    folder = copy_pages(tmp_path_factory.mktemp("after"))
    styles = (folder / STYLES).read_text()
    for old, new in CHANGES.items():
        assert styles.count(old) == 1
        styles = styles.replace(old, new)
    (folder / STYLES).write_text(styles)
    return compare(before, measure_pages(folder))


def copy_pages(folder: Path) -> Path:
    ignored = shutil.ignore_patterns("*.py", "*.zip", "__pycache__")
    shutil.copytree(HERE, folder, ignore=ignored, dirs_exist_ok=True)
    return folder


def measure_pages(folder: Path) -> Tokens:
    """Draw the pages of a folder, and return what their images come to."""
    merge = Merge()
    for page in PAGES:
        picture = render(page, folder, folder)
        measured = measure_image(decode(picture.read_bytes()))
        merge.add(picture.name, assemble(measured, None, tuple(TokenType)))
    return merge.sum_up()


def test_ten_changes_are_ten_changes(found: dict[TokenType, Difference]) -> None:
    told = {token_type.value: len(difference.changed) for token_type, difference in found.items()}

    assert told == {
        "color": 4, "spacing": 1, "typography": 2, "shadow": 1, "gradient": 1, "radius": 1,
    }  # fmt: skip
    assert sum(difference.count for difference in found.values()) == len(CHANGES)


def test_a_color_is_told_as_it_was_and_is(found: dict[TokenType, Difference]) -> None:
    assert {(pair.before.value.hex, pair.after.value.hex) for pair in changed(found, "color")} == {
        ("#1f7a4d", "#6d3fc0"),
        ("#1b2a22", "#16203a"),
        ("#fae5e3", "#fbd0cc"),
        ("#1a2620", "#2a2440"),
    }


def test_a_length_is_told_as_it_was_and_is(found: dict[TokenType, Difference]) -> None:
    (space,), (radius,) = changed(found, "spacing"), changed(found, "radius")

    assert (space.before.value.px, space.after.value.px) == (24, 28)
    assert (radius.before.value.px, radius.after.value.px) == pytest.approx((12, 16), abs=0.5)


def test_a_text_style_is_told_as_it_was_and_is(found: dict[TokenType, Difference]) -> None:
    sizes = {
        (pair.before.value.font_size.px, pair.after.value.font_size.px)
        for pair in changed(found, "typography")
    }

    assert sizes == {(28, 32), (12, 11)}


def test_a_shadow_is_told_as_it_was_and_is(found: dict[TokenType, Difference]) -> None:
    (shadow,) = changed(found, "shadow")

    offsets = (shadow.before.value.offset_y.px, shadow.after.value.offset_y.px)
    blurs = (shadow.before.value.blur.px, shadow.after.value.blur.px)
    assert offsets == pytest.approx((6, 8), abs=1)
    assert blurs == pytest.approx((16, 24), abs=2)


def test_a_gradient_is_told_as_it_was_and_is(found: dict[TokenType, Difference]) -> None:
    (gradient,) = changed(found, "gradient")

    assert gradient.before.value.stops[0].color.hex == "#d97a1e"
    assert gradient.after.value.stops[0].color.hex == "#b02a8a"


def test_other_words_are_no_difference(before: Tokens, tmp_path: Path) -> None:
    folder = copy_pages(tmp_path)
    for page in PAGES:
        source = folder / f"{page}.html"
        head, end, body = source.read_text().partition("</style>")
        source.write_text(head + end + TEXT.sub(lambda text: reword(text[0]), body))

    there = compare(before, measure_pages(folder))

    assert {token_type: each.count for token_type, each in there.items() if each.count} == {}


def reword(text: str) -> str:
    """Return a text with the letters and digits of each word turned round, its first one kept."""
    return re.sub(r"\w+", lambda word: word[0][0] + word[0][:0:-1], text)


def changed(found: dict[TokenType, Difference], token_type: str) -> tuple[Pair, ...]:
    return found[TokenType(token_type)].changed
