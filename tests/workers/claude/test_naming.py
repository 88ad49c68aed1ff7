from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from llmock.scenarios import Fail, Reply, ToolCall

from shared.claude.prices import Usage
from shared.errors import ClaudeMisconfigured, ClaudeUnavailable, CostCapReached
from shared.tokens import TokenType
from tests.fakes.claude import (
    CUT_SHORT,
    NO_TOOL_CALL,
    OVERLOADED,
    REFUSAL,
    ClaudeServer,
)
from tests.fakes.ledger import Ledger
from workers.claude.client import Client, Model
from workers.claude.naming import MAX_TOKENS, name_measurements
from workers.images import EncodedImage, fit_for_model
from workers.measure.measurements import Box, Measurements

Measured = Callable[..., Measurements]

ALL_IDS = {"c1", "c2", "c3", "s1", "s2", "t1", "t2", "h1", "g1"}


def answer_with(**arrays: list[Any]) -> Reply:
    empty: dict[str, list[Any]] = {
        key: [] for key in ("colors", "spacing", "typography", "shadows", "gradients", "drop")
    }
    return Reply(tool_calls=(ToolCall("name_tokens", empty | arrays),))


def named(*ids: str, name: str = "thing") -> list[dict[str, Any]]:
    return [{"i": each, "n": name, "p": 50, "d": "a thing", "r": "other"} for each in ids]


def texts(claude: ClaudeServer) -> list[str]:
    return [each["messages"][0]["content"][1]["text"] for each in claude.requests]


def test_one_call_names_every_measurement_of_the_five_types(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    naming = name_measurements(model, picture, measure())

    assert set(naming.names) == ALL_IDS
    assert naming.degraded is None
    assert len(claude.requests) == 1


def test_one_type_is_asked_for_with_its_own_tool_and_its_own_lines(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    naming = name_measurements(model, picture, measure(), (TokenType.SPACING,))

    assert set(naming.names) == {"s1", "s2"}
    assert claude.requests[0]["tools"][0]["name"] == "report_spacing_tokens"


def test_an_image_without_measurements_costs_no_call(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    naming = name_measurements(model, picture, measure(0, 0, 0, 0, 0))

    assert (dict(naming.names), naming.degraded, claude.requests) == ({}, None, [])


def test_what_one_call_cannot_carry_goes_into_a_second(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    naming = name_measurements(model, picture, measure(colors=30))

    assert len(claude.requests) == 2
    assert {f"c{number}" for number in range(1, 31)} <= set(naming.names)


def capped(model: Model, ledger: Ledger, calls: int) -> Model:
    """Return a model that may be asked so many times."""

    def open_call(asked: str, expected: Usage) -> str:
        if len(ledger.expected) >= calls:
            raise CostCapReached("no more may be spent")
        return ledger.open_call(asked, expected)

    return replace(model, open_call=open_call)


def test_what_is_foretold_of_a_call_is_near_what_it_uses(
    model: Model, picture: EncodedImage, measure: Measured, ledger: Ledger
) -> None:
    name_measurements(model, picture, measure(20, 12, 8, 2, 1))

    (outcome,) = ledger.outcomes
    assert outcome.usage is not None
    (expected,) = ledger.expected
    assert expected.prompt_tokens == pytest.approx(outcome.usage.prompt_tokens, rel=0.1)
    assert expected.output_tokens == pytest.approx(outcome.usage.output_tokens, rel=0.1)


def test_a_cap_that_is_reached_between_two_calls_keeps_the_names_of_the_first(
    model: Model, picture: EncodedImage, measure: Measured, ledger: Ledger
) -> None:
    naming = name_measurements(capped(model, ledger, 1), picture, measure(colors=30))

    assert len(naming.names) == 30
    assert naming.degraded is not None
    assert naming.degraded.code == "cost_cap_reached"


def test_a_cap_that_is_reached_before_a_second_try_keeps_the_names_of_the_first(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer, ledger: Ledger
) -> None:
    claude.script(answer_with(colors=named("c1")))

    naming = name_measurements(capped(model, ledger, 1), picture, measure(5, 0, 0, 0, 0))

    assert set(naming.names) == {"c1"}
    assert naming.degraded is not None
    assert naming.degraded.code == "cost_cap_reached"


def test_a_cap_that_leaves_no_call_at_all_leaves_every_name_to_the_rules(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer, ledger: Ledger
) -> None:
    naming = name_measurements(capped(model, ledger, 0), picture, measure())

    assert (dict(naming.names), claude.requests) == ({}, [])
    assert naming.degraded is not None
    assert naming.degraded.code == "cost_cap_reached"


def test_names_of_two_calls_do_not_clash(
    model: Model, picture: EncodedImage, measure: Measured
) -> None:
    naming = name_measurements(model, picture, measure(colors=30), (TokenType.COLOR,))

    slugs = [name.slug for name in naming.names.values()]
    assert len(set(slugs)) == len(slugs) == 30


def test_ids_that_are_no_tokens_are_dropped_and_not_asked_again(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(answer_with(colors=named("c1"), drop=["c2", "c3"]))

    naming = name_measurements(model, picture, measure(3, 0, 0, 0, 0))

    assert (set(naming.names), naming.dropped) == ({"c1"}, frozenset({"c2", "c3"}))
    assert len(claude.requests) == 1


def test_a_fifth_without_a_name_is_left_to_the_rules(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(answer_with(colors=named("c1", "c2", "c3", "c4")))

    naming = name_measurements(model, picture, measure(5, 0, 0, 0, 0))

    assert len(claude.requests) == 1
    assert (len(naming.names), naming.degraded) == (4, None)


def test_more_than_a_fifth_without_a_name_is_asked_for_once_more_and_alone(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(answer_with(colors=[*named("c1"), *named("c2", name="")]))

    naming = name_measurements(model, picture, measure(3, 0, 0, 0, 0))

    assert set(naming.names) == {"c1", "c2", "c3"}
    again = texts(claude)[1]
    assert "c1 " not in again.split("\n\n")[0]
    assert "c2 has no usable n" in again


def test_a_second_try_is_a_fresh_single_turn(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(NO_TOOL_CALL)

    name_measurements(model, picture, measure())

    assert [len(each["messages"]) for each in claude.requests] == [1, 1]
    assert claude.requests[0]["tools"] == claude.requests[1]["tools"]


def test_no_tool_call_twice_ends_degraded_after_two_calls(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(NO_TOOL_CALL, NO_TOOL_CALL)

    naming = name_measurements(model, picture, measure())

    assert len(claude.requests) == 2
    assert not naming.names
    assert naming.degraded is not None
    assert "9 of 9" in naming.degraded.detail


def test_a_refusal_is_not_asked_again_and_ends_degraded(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(REFUSAL)

    naming = name_measurements(model, picture, measure())

    assert len(claude.requests) == 1
    assert not naming.names
    assert naming.degraded is not None
    assert naming.degraded.code == "claude_refused"


def test_a_refused_second_try_keeps_the_names_of_the_first(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(answer_with(colors=named("c1")), REFUSAL)

    naming = name_measurements(model, picture, measure(3, 0, 0, 0, 0))

    assert set(naming.names) == {"c1"}
    assert naming.degraded is not None


def test_an_answer_that_was_cut_short_is_asked_for_with_double_the_room(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(CUT_SHORT)

    naming = name_measurements(model, picture, measure())

    rooms = [each["max_tokens"] for each in claude.requests]
    assert rooms == [600 + 45 * 9, 2 * (600 + 45 * 9)]
    assert set(naming.names) == ALL_IDS


def test_an_answer_that_was_cut_short_twice_is_asked_for_in_halves(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(CUT_SHORT, CUT_SHORT)

    naming = name_measurements(model, picture, measure())

    assert [text.count("@") for text in texts(claude)] == [9, 9, 4, 5]
    assert set(naming.names) == ALL_IDS


def test_an_answer_that_is_always_cut_short_ends_degraded(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.always = CUT_SHORT

    naming = name_measurements(model, picture, measure())

    assert naming.degraded is not None
    assert len(claude.requests) == 5


@pytest.mark.parametrize("reply", [OVERLOADED, Fail(429)])
def test_what_passes_is_raised_for_the_engine_to_try_again(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer, reply: Fail
) -> None:
    claude.script(reply)

    with pytest.raises(ClaudeUnavailable):
        name_measurements(model, picture, measure())
    naming = name_measurements(model, picture, measure())

    assert set(naming.names) == ALL_IDS


def test_a_wrong_key_is_raised(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(Fail(401))

    with pytest.raises(ClaudeMisconfigured):
        name_measurements(model, picture, measure())


def test_a_request_that_the_api_does_not_take_ends_degraded(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(Fail(413))

    naming = name_measurements(model, picture, measure())

    assert naming.degraded is not None


def test_a_model_that_thinks_gets_room_to_and_never_more_than_may_go_unstreamed(
    make_client: Callable[..., Client],
    claude: ClaudeServer,
    ledger: Ledger,
    picture: EncodedImage,
    measure: Measured,
) -> None:
    claude.script(CUT_SHORT)
    client = make_client("a-key", claude.base_url)
    model = Model("claude-opus-5-5", client, ledger.open_call, ledger.close_call)

    name_measurements(model, picture, measure())

    rooms = [each["max_tokens"] for each in claude.requests]
    assert rooms[0] == 8000
    assert max(rooms) <= MAX_TOKENS


def test_a_model_that_turned_out_to_think_gets_room_to(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(Fail(400, message="Thinking may not be enabled when tool_choice forces a tool"))
    name_measurements(model, picture, measure())

    name_measurements(model, picture, measure())

    assert claude.requests[-1]["max_tokens"] == 8000


def test_an_answer_that_obeys_the_picture_earns_no_more_than_odd_names(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    claude.script(
        answer_with(
            colors=[
                {"i": "c1", "n": hostile, "p": 1e9, "d": hostile, "r": hostile},
                {"i": "../../etc/passwd", "n": "x", "p": 1, "d": "", "r": "other"},
            ]
        )
    )

    naming = name_measurements(model, picture, measure(1, 0, 0, 0, 0))

    assert naming.names["c1"].slug == "img-src-x-onerror-alert-1"
    assert "<" not in naming.names["c1"].description
    assert naming.names["c1"].role == "other"
    assert set(naming.names) == {"c1"}


def test_what_was_missed_is_told_in_pixels_of_the_image(
    model: Model, measure: Measured, claude: ClaudeServer
) -> None:
    half = fit_for_model(np.zeros((90, 144, 3), np.uint8), 72, 4784)
    claim = {"k": "color", "n": "accent", "v": "#ff8800", "b": "5,10,20,30", "p": 70}
    claude.script(answer_with(colors=named("c1"), missed=[claim, {"k": "color"}]))

    naming = name_measurements(model, half, measure(1, 0, 0, 0, 0))

    assert [each.box for each in naming.missed] == [Box(10, 20, 40, 60)]
    assert naming.rejected == 1


def test_a_row_of_the_ledger_stands_for_each_request(
    model: Model, ledger: Ledger, picture: EncodedImage, measure: Measured, claude: ClaudeServer
) -> None:
    claude.script(NO_TOOL_CALL)

    name_measurements(model, picture, measure(colors=30))

    assert len(ledger.outcomes) == len(claude.requests) == 3
