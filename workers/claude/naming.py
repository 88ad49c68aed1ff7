"""Names for one image: one call, a second try where it pays, and an honest way out.

What can pass (an overload, a lost connection) is raised for the engine to try later. What cannot
(a refusal, an answer that never fits) ends in a ``Naming`` that says why: names by rule
stand in, and the item succeeds without Claude.
"""

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from anthropic.types import Message

from shared.claude.expectation import expect_call
from shared.claude.vision import count_tokens
from shared.errors import ClaudeError, ClaudeRefused, CostCapReached, Problem
from shared.tokens import TokenType
from workers.claude.client import Client, Model, Request
from workers.claude.prompt import SYSTEM, Candidate, list_candidates, write_again, write_text
from workers.claude.reply import Reading, make_unique, read_reply
from workers.claude.tools import ENTRIES, build_tool, nameable
from workers.images import EncodedImage
from workers.measure.measurements import Box, Measurements
from workers.names import Missed, Naming

_log = logging.getLogger(__name__)

# A name with its description is 25 to 40 tokens of JSON; the rest is for what stands around them.
TOKENS_PER_CANDIDATE = 45
TOKENS_AROUND = 600
# Thinking counts as output, and what is not used costs nothing.
MIN_TOKENS_WITH_THOUGHT = 8000
# Beyond this the API wants the answer streamed.
MAX_TOKENS = 21_333
# Fewer unnamed candidates than this share are named by rule: cheaper than the picture again.
TOLERATED_UNNAMED = 0.2
# A second try is told so many faults: examples, not a list to work through.
MAX_FAULTS = 5

_CUT_SHORT = ("max_tokens", "model_context_window_exceeded")


def name_measurements(
    model: Model,
    image: EncodedImage,
    measurements: Measurements,
    types: Collection[TokenType] = tuple(ENTRIES),
) -> Naming:
    """Ask Claude what the measurements of one image are for.

    Args:
        model: Whom to ask, and the ledger that each request is entered in.
        image: The picture as it is sent.
        measurements: What was measured in it; ids are letter and place, as in ``Naming``.
        types: The token types that are asked for; radii have no names by Claude.

    Returns:
        Names by id. ``degraded`` is set when more than a fifth of what was asked stayed without,
        or no more may be spent: what was named by then keeps its names.

    Raises:
        ClaudeUnavailable: It may work later.
        ClaudeMisconfigured: It works for nobody until the account is mended.
    """
    about = _About(model.client, model.name, image, measurements, nameable(types))
    question = _Question(model, about)
    calls = question.about.calls()
    reading, obstacle = _name_all(question, calls)
    naming = _conclude(reading, [each for call in calls for each in call], obstacle)
    return replace(naming, missed=tuple(_unscale(each, image.scale) for each in reading.missed))


def first_requests(
    client: Client,
    model: str,
    image: EncodedImage,
    measurements: Measurements,
    types: Collection[TokenType],
) -> list[Request]:
    """Return the requests that ``name_measurements`` begins with, whatever the answers."""
    about = _About(client, model, image, measurements, nameable(types))
    return [about.request(call, about.room(call)) for call in about.calls()]


@dataclass(frozen=True, slots=True)
class _About:
    """What all requests about one image have in common."""

    client: Client
    model: str
    image: EncodedImage
    measurements: Measurements
    types: tuple[TokenType, ...]

    def calls(self) -> tuple[tuple[Candidate, ...], ...]:
        """Return the candidates of each first request."""
        return list_candidates(self.measurements, self.types, self.image.scale)

    def request(
        self, candidates: Sequence[Candidate], max_tokens: int, faults: Sequence[str] = ()
    ) -> Request:
        """Return the question about some candidates."""
        text = write_text(self.measurements, candidates, self.image.width, self.image.height)
        picture_tokens = count_tokens(self.image.width, self.image.height)
        counts = Counter(candidate.type for candidate in candidates)
        return Request(
            system=SYSTEM,
            image=self.image,
            text=write_again(text, faults) if faults else text,
            tool=build_tool(self.types),
            max_tokens=max_tokens,
            expected=expect_call(self.model, self.types, picture_tokens, counts),
        )

    def room(self, candidates: Sequence[Candidate]) -> int:
        """Return the output tokens that an answer about some candidates may take."""
        needed = TOKENS_AROUND + TOKENS_PER_CANDIDATE * len(candidates)
        floor = MIN_TOKENS_WITH_THOUGHT if self.client.thinks(self.model) else 0
        return min(MAX_TOKENS, max(floor, needed))


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked about one image, and who is."""

    model: Model
    about: _About

    def put(
        self, candidates: Sequence[Candidate], max_tokens: int, faults: Sequence[str] = ()
    ) -> Message:
        """Ask about some candidates, telling the faults of an earlier answer if there was one."""
        return self.model.ask(self.about.request(candidates, max_tokens, faults))

    def read(self, message: Message, candidates: Sequence[Candidate]) -> Reading:
        """Return what a message says, nothing when it was cut short.

        Raises:
            ClaudeRefused: The model declined.
        """
        if message.stop_reason == "refusal":
            raise ClaudeRefused(f"{self.model.name} declined this image")
        return read_reply(message, build_tool(self.about.types)["name"], candidates)

    def room(self, candidates: Sequence[Candidate]) -> int:
        """Return the output tokens that an answer about some candidates may take."""
        return self.about.room(candidates)


def _name_all(
    question: _Question, calls: Sequence[Sequence[Candidate]]
) -> tuple[Reading, ClaudeError | None]:
    """Return what all calls came to, and what ended them early if something did."""
    reading = Reading()
    for candidates in calls:
        try:
            more, obstacle = _name(question, candidates)
        except (ClaudeRefused, CostCapReached) as error:
            return reading, error
        reading = reading.then(more)
        if obstacle is not None:
            return reading, obstacle
    return reading, None


def _name(
    question: _Question, candidates: Sequence[Candidate]
) -> tuple[Reading, CostCapReached | None]:
    """Return the names of one call's candidates, asked for a second time if too many lack one.

    Where a second time would cost too much, that is returned beside the names of the first.
    """
    reading = _answer(question, candidates)
    missing = _missing(reading, candidates)
    if len(missing) <= TOLERATED_UNNAMED * len(candidates):
        return reading, None
    try:
        return reading.then(_answer_again(question, missing, reading.faults)), None
    except CostCapReached as cap:
        return reading, cap


def _answer(question: _Question, candidates: Sequence[Candidate]) -> Reading:
    """Return the first answer that has room enough: as it comes, with double, or in halves."""
    room = question.room(candidates)
    roomier = min(MAX_TOKENS, 2 * room)
    for max_tokens in sorted({room, roomier}):
        message = question.put(candidates, max_tokens)
        if message.stop_reason not in _CUT_SHORT:
            return question.read(message, candidates)
    middle = len(candidates) // 2
    halves = [half for half in (candidates[:middle], candidates[middle:]) if half]
    first, *rest = [_answer_if_whole(question, half, roomier) for half in halves]
    return first.then(rest[0]) if rest else first


def _answer_if_whole(
    question: _Question,
    candidates: Sequence[Candidate],
    max_tokens: int,
    faults: Sequence[str] = (),
) -> Reading:
    """Return an answer, nothing where it was cut short again."""
    message = question.put(candidates, max_tokens, faults)
    if message.stop_reason in _CUT_SHORT:
        return Reading()
    return question.read(message, candidates)


def _answer_again(
    question: _Question, missing: Sequence[Candidate], faults: Sequence[str]
) -> Reading:
    """Return a second answer about what the first left out; a refusal adds nothing."""
    told = tuple(faults[:MAX_FAULTS]) or ("some lines got no name",)
    try:
        return _answer_if_whole(question, missing, question.room(missing), told)
    except ClaudeRefused:
        return Reading()


def _missing(reading: Reading, candidates: Sequence[Candidate]) -> list[Candidate]:
    return [candidate for candidate in candidates if not reading.answers(candidate)]


def _conclude(
    reading: Reading, candidates: Sequence[Candidate], obstacle: ClaudeError | None
) -> Naming:
    """Return the names in their final form, and why some are missing if too many are."""
    missing = len(_missing(reading, candidates))
    if obstacle is None and missing > TOLERATED_UNNAMED * len(candidates):
        obstacle = ClaudeRefused(
            f"{missing} of {len(candidates)} measurements had no usable name after a second try"
        )
    if reading.strangers:
        _log.warning("Claude answered %d ids that were not asked for", reading.strangers)
    return Naming(
        names=make_unique(reading.names, candidates),
        dropped=reading.dropped,
        rejected=reading.rejected,
        degraded=None if obstacle is None else Problem.of(obstacle),
    )


def _unscale(missed: Missed, scale: float) -> Missed:
    """Return a claim about the picture as sent as one about the image."""
    x, y, right, bottom = (
        round(px / scale)
        for px in (missed.box.x, missed.box.y, missed.box.right, missed.box.bottom)
    )
    box = Box(x, y, max(1, right - x), max(1, bottom - y))
    return replace(missed, box=box)
