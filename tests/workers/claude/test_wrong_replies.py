"""Every wrong reply, over real HTTP through the real SDK."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from llmock.scenarios import Delay

from shared.errors import ClaudeError, ClaudeMisconfigured, ClaudeUnavailable
from tests.fakes.claude import ClaudeServer
from tests.fakes.ledger import Ledger
from tests.fakes.wrong_replies import WRONG_REPLIES, End, Wrong
from workers.claude.client import LONGEST_SILENCE_S, Client, Model
from workers.claude.naming import name_measurements
from workers.images import EncodedImage
from workers.measure.measurements import Measurements
from workers.names import Naming

Measured = Callable[..., Measurements]

PATIENCE_S = 0.5
CALLS = {End.ASKED_AGAIN: 2}
RAISED: dict[End, type[ClaudeError]] = {
    End.LATER: ClaudeUnavailable,
    End.CLOSED: ClaudeMisconfigured,
}


@pytest.fixture
def model(claude: ClaudeServer, ledger: Ledger, wrong: Wrong) -> Iterator[Model]:
    """A model whose client waits no longer than a test does where nothing comes."""
    silence_s = PATIENCE_S if isinstance(wrong.reply, Delay) else LONGEST_SILENCE_S
    with closing(Client("a-key", claude.base_url, silence_s)) as client:
        yield Model("claude-haiku-5-5", client, ledger.open_call, ledger.close_call)


def replies(*ends: End) -> pytest.MarkDecorator:
    """Run a test with each wrong reply that ends in one of these ways."""
    chosen = [pytest.param(each, id=each.name) for each in WRONG_REPLIES if each.end in ends]
    return pytest.mark.parametrize("wrong", chosen)


def name(model: Model, picture: EncodedImage, measured: Measurements) -> Naming:
    return name_measurements(model, picture, measured)


@replies(End.REPAIRED, End.ASKED_AGAIN)
def test_what_can_be_mended_ends_with_a_name_for_everything(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer, wrong: Wrong
) -> None:
    claude.script(wrong.reply)

    naming = name(model, picture, measure())

    slugs = {named.slug for ours, named in naming.names.items() if ours[0] == "c"}
    assert (len(naming.names), len(slugs), naming.degraded) == (9, 3, None)
    assert len(claude.requests) == CALLS.get(wrong.end, 1)


@replies(End.DEGRADED)
def test_what_can_not_ends_in_names_by_rule_after_one_call(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer, wrong: Wrong
) -> None:
    claude.script(wrong.reply)

    naming = name(model, picture, measure())

    assert (dict(naming.names), len(claude.requests)) == ({}, 1)
    assert naming.degraded is not None


@replies(End.LATER, End.CLOSED)
def test_what_may_pass_and_what_nobody_may_is_told_apart_after_one_call(
    model: Model, picture: EncodedImage, measure: Measured, claude: ClaudeServer, wrong: Wrong
) -> None:
    claude.script(wrong.reply)

    with pytest.raises(RAISED[wrong.end]):
        name(model, picture, measure())

    assert len(claude.requests) == 1


@replies(*End)
def test_each_call_of_a_wrong_reply_is_a_closed_row_of_the_ledger(
    model: Model,
    picture: EncodedImage,
    measure: Measured,
    claude: ClaudeServer,
    ledger: Ledger,
    wrong: Wrong,
) -> None:
    claude.always = wrong.reply

    with suppress(ClaudeError):
        name(model, picture, measure())

    assert len(ledger.expected) == len(ledger.outcomes) == len(claude.requests)
