"""Replies by somebody who would do harm: they earn no more than odd names."""

import re
from typing import Any

import pytest
from anthropic.types import Message
from hypothesis import example, given
from hypothesis import strategies as st

from shared.tokens import TokenType
from tests.workers.claude.conftest import make_measurements
from workers.assemble import assemble
from workers.claude.prompt import list_candidates
from workers.claude.reply import MAX_DESCRIPTION, MAX_SLUG, make_unique, read_reply
from workers.claude.tools import ENTRIES
from workers.names import Naming

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CONTROL = re.compile(r"[<>\x00-\x1f\x7f-\x9f]")
MEASURED = make_measurements()
((*CANDIDATES,),) = list_candidates(MEASURED, tuple(ENTRIES), 1.0)
TYPES = tuple(TokenType)
PLAIN = assemble(MEASURED, None, TYPES)

ATTACKS = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "'; DROP TABLE items; --",
        '"}]}},{"type":"text"',
        "../../../etc/passwd",
        "C:\\Windows\\system32",
        "${jndi:ldap://x}{{7*7}}%s%n",
        "*/ body { display: none } /*",
        "\u202egnp.exe\u0000\ufeff",
        "__proto__",
        "constructor",
        "color-",
        "\u0131\u0307\u017fK",
        "\ud83d\ude00",
    ]
)
TEXTS = ATTACKS | st.text(max_size=50) | st.builds("".join, st.lists(ATTACKS, max_size=4))
ITEMS = st.fixed_dictionaries(
    {"n": TEXTS, "d": TEXTS, "r": TEXTS, "p": TEXTS | st.integers() | st.floats()},
    optional={
        "u": TEXTS | st.sampled_from(["rem", "em"]),
        "f": TEXTS,
        "hex": TEXTS,
        "px": st.integers(),
        "value": TEXTS,
    },
)


def naming_of(items: list[dict[str, Any]]) -> Naming:
    """Return what an answer comes to that says one thing of each candidate."""
    given_input: dict[str, Any] = {"spacing_px": 999, "drop": ["r1", "../x", 3]}
    for candidate, item in zip(CANDIDATES, items, strict=True):
        array = ENTRIES[candidate.type].array
        given_input.setdefault(array, []).append({**item, "i": candidate.id})
    block = {"type": "tool_use", "id": "toolu_1", "name": "name_tokens", "input": given_input}
    message = Message.construct(content=[block], stop_reason="tool_use")
    reading = read_reply(message, "name_tokens", CANDIDATES)
    return Naming(make_unique(reading.names, CANDIDATES), reading.dropped)


def lengths(value: Any) -> Any:  # noqa: ANN401 -- any token's value
    """Return a value with its length in CSS pixels, in whatever unit it is written."""
    if getattr(value, "unit", "px") == "px":
        return value
    return value.model_copy(update={"value": value.value * 16, "unit": "px"})


# A server that an earlier test left listening may draw random numbers meanwhile, in its thread.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@given(st.lists(ITEMS, min_size=len(CANDIDATES), max_size=len(CANDIDATES)))
@example([{"n": "x" * 10_000, "d": "y " * 10_000, "r": "z" * 10_000, "p": 9}] * len(CANDIDATES))
def test_whatever_the_names_are_the_values_stay_and_only_slugs_come_out(
    items: list[dict[str, Any]],
) -> None:
    tokens = assemble(MEASURED, naming_of(items), TYPES)

    for (_, ours), (_, plain) in zip(tokens.by_type(), PLAIN.by_type(), strict=True):
        assert {lengths(token.value) for token in ours} == {token.value for token in plain}
        for token in ours:
            assert SLUG.fullmatch(token.name)
            assert len(token.name) <= MAX_SLUG + 10
            assert not CONTROL.search(token.description)
            assert len(token.description) <= MAX_DESCRIPTION
            assert token.role is None or SLUG.fullmatch(token.role)
        assert len({token.name for token in ours}) == len(ours)
