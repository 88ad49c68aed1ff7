import re
from typing import Any

import pytest
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens import TokenType
from workers.claude.prompt import Candidate
from workers.claude.reply import MAX_SLUG, Reading, make_unique, read_reply
from workers.claude.tools import ENTRIES
from workers.measure.measurements import Box
from workers.names import Missed

ASKED = (
    Candidate("c1", TokenType.COLOR, ""),
    Candidate("c2", TokenType.COLOR, ""),
    Candidate("s1", TokenType.SPACING, "", role="gap"),
    Candidate("t1", TokenType.TYPOGRAPHY, ""),
)
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def tool_use(given_input: object, name: str = "name_tokens") -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": given_input}


def read(given_input: object) -> Reading:
    return read_blocks(tool_use(given_input))


def read_blocks(*blocks: dict[str, Any]) -> Reading:
    message = Message.construct(content=list(blocks), stop_reason="tool_use")
    return read_reply(message, "name_tokens", ASKED)


def item(**changes: object) -> dict[str, object]:
    return {"i": "c1", "n": "action", "p": 80, "d": "Main button", "r": "primary"} | changes


def test_a_good_item_becomes_a_name() -> None:
    name = read({"colors": [item()]}).names["c1"]

    assert (name.slug, name.confidence) == ("action", 0.8)
    assert (name.description, name.role) == ("Main button", "primary")


def test_the_last_call_of_the_tool_counts() -> None:
    reading = read_blocks(
        tool_use({"colors": [item(n="first")]}), tool_use({"colors": [item(n="last")]})
    )

    assert reading.names["c1"].slug == "last"


def test_blocks_before_the_call_are_passed_over() -> None:
    reading = read_blocks(
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "Here you go"},
        {"type": "a_kind_of_tomorrow", "name": "name_tokens", "input": {}},
        tool_use({"colors": [item()]}),
    )

    assert set(reading.names) == {"c1"}


def test_a_call_of_another_tool_is_no_answer() -> None:
    reading = read_blocks(tool_use({"colors": [item()]}, name="other_tool"))

    assert not reading.names
    assert reading.faults == ("the tool name_tokens was not called with an object",)


@pytest.mark.parametrize("given_input", [[], "no json", None, 3])
def test_an_input_that_is_no_object_is_no_answer(given_input: object) -> None:
    assert read(given_input).faults


def test_an_array_that_came_as_a_string_is_unpacked() -> None:
    reading = read({"colors": '[{"i": "c1", "n": "action", "p": 80, "d": "", "r": "primary"}]'})

    assert reading.names["c1"].slug == "action"


@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("Brand Primary", "brand-primary"),
        ("surface_raised", "surface-raised"),
        ("color-action", "action"),
        ("color", "color"),
        ("Über-Fläche", "uber-flache"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("a" * 90, "a" * MAX_SLUG),
        ("\u202eevil\x00name", "evil-name"),
        ("--x--", "x"),
    ],
)
def test_a_name_becomes_a_slug(written: str, slug: str) -> None:
    assert read({"colors": [item(n=written)]}).names["c1"].slug == slug


@pytest.mark.parametrize("written", ["", "  ", "日本", None, 7, ["x"]])
def test_an_item_without_a_usable_name_is_left_out_and_told(written: object) -> None:
    reading = read({"colors": [item(n=written), item(i="c2")]})

    assert set(reading.names) == {"c2"}
    assert reading.faults == ("c1 has no usable n",)


@pytest.mark.parametrize(
    ("written", "confidence"),
    [(120, 1.0), (-5, 0.0), ("75", 0.75), ("high", 0.0), (None, 0.0), (float("nan"), 0.0)],
)
def test_a_confidence_is_clamped_and_none_claims_nothing(
    written: object, confidence: float
) -> None:
    assert read({"colors": [item(p=written)]}).names["c1"].confidence == confidence


def test_a_description_loses_control_characters_brackets_and_its_seventh_word() -> None:
    written = "<b>one\x07 two</b>\nthree four five six seven"

    description = read({"colors": [item(d=written)]}).names["c1"].description

    assert description == "b one two /b three four"


def test_an_unknown_role_becomes_other() -> None:
    assert read({"colors": [item(r="logo")]}).names["c1"].role == "other"


def test_an_unknown_role_of_a_distance_is_what_was_measured() -> None:
    assert read({"spacing": [item(i="s1", r="void", u="px")]}).names["s1"].role == "gap"


def test_an_unknown_unit_becomes_px_and_an_unknown_family_unknown() -> None:
    reading = read({"spacing": [item(i="s1", u="pt")], "typography": [item(i="t1", f="slab")]})

    assert (reading.names["s1"].unit, reading.names["t1"].family) == ("px", "unknown")


def test_only_text_styles_have_a_family() -> None:
    assert read({"colors": [item(f="serif")]}).names["c1"].family is None


@pytest.mark.parametrize("stranger", ["c9", "x1", "", None, 5, "c1; drop"])
def test_an_id_that_was_not_asked_for_is_dropped_and_counted(stranger: object) -> None:
    reading = read({"colors": [item(i=stranger)]})

    assert (dict(reading.names), reading.strangers) == ({}, 1)


def test_an_id_in_the_array_of_another_type_is_dropped_and_counted() -> None:
    reading = read({"shadows": [item(i="c1")]})

    assert (dict(reading.names), reading.strangers) == ({}, 1)


def test_the_first_of_two_items_with_one_id_wins() -> None:
    reading = read({"colors": [item(n="first"), item(n="second")]})

    assert reading.names["c1"].slug == "first"


def test_dropped_ids_are_those_that_were_asked_for_and_not_named() -> None:
    reading = read({"colors": [item()], "drop": ["c1", "C2 ", "c7"]})

    assert (reading.dropped, reading.strangers) == (frozenset({"c2"}), 1)


def test_equal_names_of_one_type_are_told_apart_by_a_suffix() -> None:
    reading = read({"colors": [item(n="text"), item(i="c2", n="text")]})

    names = make_unique(reading.names, ASKED)

    assert [names["c1"].slug, names["c2"].slug] == ["text", "text-2"]


def test_equal_names_of_two_types_stay() -> None:
    reading = read({"colors": [item(n="text")], "typography": [item(i="t1", n="text")]})

    names = make_unique(reading.names, ASKED)

    assert [names["c1"].slug, names["t1"].slug] == ["text", "text"]


def missed(**changes: object) -> dict[str, object]:
    return {"k": "color", "n": "Accent", "v": "#FF8800", "b": "10,20,30,40", "p": 70} | changes


def test_what_was_missed_is_a_claim_about_a_box() -> None:
    reading = read({"missed": [missed()]})

    box = Box(10, 20, 30, 40)
    assert reading.missed == (Missed(TokenType.COLOR, "accent", 0.7, "#ff8800", box),)
    assert reading.rejected == 0


@pytest.mark.parametrize("written", ["10, 20, 30, 40", [10, 20, 30, 40], " 10,20,30,40 "])
def test_a_box_is_read_in_each_of_its_forms(written: object) -> None:
    (claim,) = read({"missed": [missed(b=written)]}).missed

    assert claim.box == Box(10, 20, 30, 40)


@pytest.mark.parametrize(
    ("written", "value"),
    [("16px", "16"), ("13.5", "13.5"), ("#FFF", ""), ("red", ""), ("1e999", ""), (None, "")],
)
def test_a_value_is_a_color_or_a_length_or_nothing(written: object, value: str) -> None:
    (claim,) = read({"missed": [missed(k="spacing", v=written)]}).missed

    assert claim.value == value


@pytest.mark.parametrize(
    "changes",
    [
        {"k": "typography"},  # no second look can tell
        {"k": "shadow"},  # was not asked about
        {"k": "radius"},
        {"k": None},
        {"n": "<>"},
        {"b": "10,20,0,40"},
        {"b": "-1,2,3,4"},
        {"b": "10,20"},
        {"b": "999999,1,1,1"},
        {"b": {"x": 1}},
        {"b": [1e300, 2, 3, 4]},
    ],
)
def test_what_cannot_be_looked_at_is_counted(changes: dict[str, object]) -> None:
    reading = read({"missed": [missed(**changes), missed()]})

    assert (len(reading.missed), reading.rejected) == (1, 1)


def test_no_more_than_eight_are_taken_of_what_was_missed() -> None:
    reading = read({"missed": [missed()] * 9})

    assert (len(reading.missed), reading.rejected) == (8, 1)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*"inpdruf", "x"]), inner, max_size=6)
    ),
    max_leaves=12,
)
IDS = st.sampled_from(["c1", "c2", "s1", "t1", "c9", "C1"]) | JSON_VALUES
ITEMS = st.fixed_dictionaries(
    {"i": IDS, "n": st.text(max_size=80) | JSON_VALUES},
    optional=dict.fromkeys("pdruf", JSON_VALUES),
)
ARRAYS = st.lists(ITEMS | JSON_VALUES, max_size=6) | JSON_VALUES
INPUTS = st.dictionaries(
    st.sampled_from([entry.array for entry in ENTRIES.values()] + ["drop", "missed"]), ARRAYS
)


# A server that an earlier test left listening may draw random numbers meanwhile, in its thread.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@given(INPUTS | JSON_VALUES)
def test_whatever_comes_only_clean_names_of_asked_ids_go_on(given_input: object) -> None:
    reading = read(given_input)
    names = make_unique(reading.names, ASKED)

    assert set(names) | reading.dropped <= {candidate.id for candidate in ASKED}
    assert not set(names) & reading.dropped
    for ours, name in names.items():
        entry = next(each for each in ENTRIES.values() if each.letter == ours[0])
        assert SLUG.fullmatch(name.slug)
        assert 0 <= name.confidence <= 1
        assert name.role in entry.roles
        assert not re.search(r"[<>\x00-\x1f\x7f]", name.description)
