"""Names that strangers chose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.filenames import MAX_FILENAME, UNNAMED, clean_filename


@pytest.mark.parametrize("name", ["shots/Überblick 1.png", "日本語-🎨.png", "../up.png"])
def test_a_name_that_can_be_shown_stays(name: str) -> None:
    assert clean_filename(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\x1b[31m\n.png", "a[31m.png"), ("a\u202egnp.exe", "agnp.exe"), ("caf\udce9", "caf?")],
)
def test_what_terminals_and_databases_choke_on_is_gone(name: str, shown: str) -> None:
    assert clean_filename(name) == shown


def test_a_name_without_a_visible_sign_is_named() -> None:
    assert clean_filename("\x00\x07") == UNNAMED


@given(st.text(st.characters(codec=None), max_size=2 * MAX_FILENAME))
def test_every_name_becomes_short_text(name: str) -> None:
    shown = clean_filename(name)

    assert 0 < len(shown) <= MAX_FILENAME
    assert clean_filename(shown) == shown
    assert shown.encode().decode() == shown
