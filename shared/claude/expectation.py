"""What calls about screenshots will use, told before they are made.

A picture's part is exact, by the documented formula. The text's part follows from how many
measurements want a name: known once an image was measured, and before that what pages have on
average. Numbers of tokens were counted on our own requests by ``tests/fakes/tokenizer.py``.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from shared.claude.prices import Usage
from shared.claude.traits import traits_of
from shared.claude.vision import fit
from shared.tokens import TokenType

# How many measurements of each type there are; or what is expected, which may be a fraction.
Counts = Mapping[TokenType, float]

# A second call carries what the first had no room for; beyond that, names by rule will do.
MAX_CALLS = 2


@dataclass(frozen=True, slots=True)
class Share:
    """What one token type adds to a call.

    ``cap`` is how many measurements of it a call carries, ``usual`` how many a page has: half way
    between the mean of 49 product pages and that of 8 plain ones. ``line_tokens`` are those of a
    measurement in the question, ``name_tokens`` in the answer, ``schema_tokens`` the type's part
    of the tool.
    """

    cap: int
    usual: float
    line_tokens: float
    name_tokens: float
    schema_tokens: int


# Caps keep a call near 70 candidates, about 1,800 tokens of lines: the most used of each type
# are named, and what comes after them is rare enough to be named by rule.
SHARES: Mapping[TokenType, Share] = {
    TokenType.COLOR: Share(24, 11.7, 24.2, 24.5, 112),
    TokenType.SPACING: Share(16, 8.7, 18.2, 30.0, 109),
    TokenType.TYPOGRAPHY: Share(14, 5.1, 21.1, 28.5, 132),
    TokenType.SHADOW: Share(8, 1.0, 29.9, 24.5, 100),
    TokenType.GRADIENT: Share(6, 0.6, 34.8, 24.5, 100),
}
# The rules, and the tool without any type.
RULES_TOKENS = 667
# The part of the tool that takes what was missed; text styles alone have none.
MISSED_TOKENS = 85
# What the API itself puts before a request with a tool, as documented for the models of 2025.
TOOL_USE_TOKENS = 346
# The line above the measurements.
HEAD_TOKENS = 22
# What stands around the names of an answer.
ANSWER_TOKENS = 54
# Against the screens that somebody has measured before, the general mean counts as so many.
GENERAL_WEIGHT = 8


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that is to be named: its size in pixels, and what was measured if it was.

    ``images`` is how many there are of this kind.
    """

    width: int
    height: int
    counts: Counts | None = None
    images: int = 1


@dataclass(frozen=True, slots=True)
class Forecast:
    """What calls will use, each kind of call with how many there are of it."""

    kinds: tuple[tuple[Usage, int], ...]

    @property
    def calls(self) -> int:
        """How many calls there will be."""
        return sum(calls for _, calls in self.kinds)

    @property
    def usage(self) -> Usage:
        """What they use together."""
        return sum((usage.times(calls) for usage, calls in self.kinds), Usage(0, 0))

    def usd(self, price: Callable[[Usage], Decimal | None]) -> Decimal | None:
        """Return what they cost together, None when the price of one is not known."""
        costs = [(price(usage), calls) for usage, calls in self.kinds]
        if any(cost is None for cost, _ in costs):
            return None
        return sum((cost * calls for cost, calls in costs if cost is not None), Decimal(0))


def expect_call(
    model: str, types: Collection[TokenType], picture_tokens: int, counts: Counts
) -> Usage:
    """Return what one call uses when the rules and the tool are in the prompt cache already.

    Args:
        model: Who is asked.
        types: The token types that the tool has entries for.
        picture_tokens: What the picture counts as sent.
        counts: The measurements that the call carries.
    """
    asked = [(SHARES[each], count) for each, count in counts.items() if each in SHARES]
    lines = HEAD_TOKENS + sum(share.line_tokens * count for share, count in asked)
    names = ANSWER_TOKENS + sum(share.name_tokens * count for share, count in asked)
    standing = _standing_tokens(types)
    caches = standing >= traits_of(model).min_cached_tokens
    return Usage(
        input_tokens=picture_tokens + round(lines) + (0 if caches else standing),
        output_tokens=round(names),
        cache_read_tokens=standing if caches else 0,
    )


def forecast(
    model: str, types: Collection[TokenType], pictures: Iterable[Picture], usual: Counts
) -> Forecast:
    """Return what naming some images uses; the first call puts the rules into the prompt cache.

    Args:
        model: Who is asked.
        types: The token types that are wanted.
        pictures: The images, less those that need no call.
        usual: What an image has of each type, for those that were not measured yet.
    """
    traits = traits_of(model)
    wanted = [each for each in types if each in SHARES]
    kinds: list[tuple[Usage, int]] = []
    for picture in pictures:
        fitted = fit(picture.width, picture.height, traits.max_edge_px, traits.max_image_tokens)
        kinds += [
            (expect_call(model, wanted, fitted.tokens, counts), picture.images)
            for counts in _share_out(picture.counts, usual, wanted)
        ]
    if kinds:
        (first, calls), *rest = kinds
        kinds = [(_writing(first), 1), (first, calls - 1), *rest]
    return Forecast(tuple(kinds))


def _writing(usage: Usage) -> Usage:
    """Return a call that puts into the prompt cache what others read from it."""
    cached = usage.cache_read_tokens
    return replace(usage, cache_read_tokens=0, cache_write_5m_tokens=cached)


def usual_counts(lately: Sequence[Counts]) -> Counts:
    """Return what an image has of each type, by what others had that were measured lately.

    Few images say little: the general mean weighs as much as ``GENERAL_WEIGHT`` of them.
    """
    weight = GENERAL_WEIGHT + len(lately)
    return {
        each: (
            share.usual * GENERAL_WEIGHT
            + sum(min(counts[each], MAX_CALLS * share.cap) for counts in lately)
        )
        / weight
        for each, share in SHARES.items()
    }


def _share_out(counts: Counts | None, usual: Counts, types: Collection[TokenType]) -> list[Counts]:
    """Return what each call about an image carries; one without anything is not made."""
    if counts is None:
        return [{each: usual[each] for each in types}] if types else []
    calls = [
        {each: min(max(counts[each] - place * cap, 0), cap) for each, cap in _caps(types)}
        for place in range(MAX_CALLS)
    ]
    return [call for call in calls if any(call.values())]


def _caps(types: Collection[TokenType]) -> list[tuple[TokenType, int]]:
    return [(each, SHARES[each].cap) for each in types]


def _standing_tokens(types: Collection[TokenType]) -> int:
    """Return what is the same in every call for these types: the rules and the tool."""
    schema = sum(SHARES[each].schema_tokens for each in types if each in SHARES)
    missed = MISSED_TOKENS if {*types}.intersection(SHARES) - {TokenType.TYPOGRAPHY} else 0
    return RULES_TOKENS + TOOL_USE_TOKENS + schema + missed
