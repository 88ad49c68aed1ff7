"""Other names of merged tokens, for what they are used for.

A token keeps the name it was elected under. What else it was called by enough images becomes an
alias of it; a color that nobody named gets the part it plays on the screens.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.tokens import Alias, Source, Token, TokenType
from workers.names import NameBook
from workers.sightings import CONFIDENCE_STEPS, Sightings, Vote

# One image may err: a name counts that as many gave, and this part of all that were given.
LEAST_IMAGES = 2
LEAST_SHARE = 0.1
# What colors are called by the part they play, the one that plays it most first. Designs tell
# about so many apart.
ROLES = {
    "text": ("text-primary", "text-secondary", "text-tertiary"),
    "background": ("background", "background-secondary"),
    "surface": ("surface", "surface-secondary"),
    "border": ("border", "border-secondary"),
}

Found = tuple[Token[Any], Sightings]


@dataclass(frozen=True, slots=True)
class _Wish:
    """A name that a token would have, and what stands behind it."""

    token_type: TokenType
    token: str
    weight: int
    alias: Alias


def find_aliases(
    merged: Mapping[TokenType, Sequence[Found]], names: NameBook
) -> dict[tuple[TokenType, str], tuple[Alias, ...]]:
    """Return the aliases of tokens by type and name, those with most behind them first.

    Args:
        merged: The tokens with their sightings, the most used first.
        names: The names that are taken; those of the aliases are taken, too.
    """
    wishes = [*_given(merged), *_played(merged[TokenType.COLOR])]
    # What somebody chose goes before what a rule says, then what has more behind it.
    wishes.sort(key=lambda wish: (wish.alias.source is Source.CV, -wish.weight, wish.alias.name))
    aliases: dict[tuple[TokenType, str], tuple[Alias, ...]] = {}
    for wish in wishes:
        if names.claim(wish.token_type, wish.alias.name):
            key = wish.token_type, wish.token
            aliases[key] = (*aliases.get(key, ()), wish.alias)
    return aliases


def _given(merged: Mapping[TokenType, Sequence[Found]]) -> Iterator[_Wish]:
    """Yield the names that were given to tokens and lost the election with honour."""
    for token_type, found in merged.items():
        for token, sightings in found:
            total = sum(vote.weight for vote in sightings.given.values())
            for name, vote in sightings.given.items():
                supported = vote.images >= LEAST_IMAGES and vote.weight >= LEAST_SHARE * total
                if name != token.name and supported:
                    yield _Wish(token_type, token.name, vote.weight, _alias(name, vote))


def _alias(name: str, vote: Vote) -> Alias:
    return Alias(
        name=name,
        usage=vote.usage,
        confidence=vote.confidence,
        source=vote.source,
        description=vote.said[1],
    )


def _played(colors: Sequence[Found]) -> Iterator[_Wish]:
    """Yield the parts that colors play which were named by rule."""
    for role, titles in ROLES.items():
        players = [(sightings.roles[role], token) for token, sightings in colors]
        ranked = sorted(
            ((weight, token) for weight, token in players if weight),
            key=lambda player: (-player[0], player[1].name),
        )
        for title, (weight, token) in zip(titles, ranked, strict=False):
            if token.source is Source.CV:
                usage = max(1, weight // CONFIDENCE_STEPS)
                alias = Alias(
                    name=title, usage=usage, confidence=token.confidence, source=Source.CV
                )
                yield _Wish(TokenType.COLOR, token.name, weight, alias)
