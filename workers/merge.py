"""The token sets of many images made into one that reads like a design system.

Equal values unite; then values that differ by no more than measuring does fold into the most used
of them. A value that has folded draws no others after it, so nothing drifts from neighbour to
neighbour. Names are elected. The order of the sets changes nothing: sums are exact, and every
order is one of use, with ties broken by the values themselves.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np

from shared.tokens import Color, ImageUse, Source, Token, Tokens, TokenType, Typography
from workers.assemble import TOKEN_CLASSES
from workers.measure.colorspace import Floats
from workers.names import NameBook
from workers.nearness import SPACES, Space
from workers.swatches import name_color_finely

# Rounding of a mean confidence: as fine as exports write numbers.
_DECIMALS = 4
_FIRST_ROOM = 16


@dataclass(frozen=True, slots=True)
class _Sighting:
    """A token of one image's set."""

    image: str
    token: Token[Any]

    @property
    def weight(self) -> float:
        """What its words count in an election."""
        return self.token.usage * self.token.confidence


@dataclass(frozen=True, slots=True)
class _Group:
    """Sightings of what is taken for one value, the value first seen as ``value``."""

    value: Any
    sightings: list[_Sighting]

    @property
    def usage(self) -> int:
        """How often it was seen in all images."""
        return sum(sighting.token.usage for sighting in self.sightings)

    @property
    def rank(self) -> tuple[Any, ...]:
        """Its place: the more used before, then that of more images, then by value."""
        images = {sighting.image for sighting in self.sightings}
        return -self.usage, -len(images), _order(self.value)


def merge(sets: Sequence[tuple[str, Tokens]]) -> Tokens:
    """Return one token set for several images.

    Args:
        sets: The name of each image and its tokens, in any order.

    Returns:
        Tokens by use, the most used first, each with the images it was seen in; no boxes.
    """
    names = NameBook()
    merged = {token_type.value: _merge_type(token_type, sets, names) for token_type in TokenType}
    return Tokens(**merged)


def _merge_type(
    token_type: TokenType, sets: Sequence[tuple[str, Tokens]], names: NameBook
) -> tuple[Token[Any], ...]:
    sightings = [
        _Sighting(image, token)
        for image, tokens in sets
        for token in getattr(tokens, token_type.value)
    ]
    groups = _fold(SPACES[token_type], _unite(token_type, sightings))
    groups.sort(key=lambda group: group.rank)
    return tuple(_token(token_type, group, names) for group in groups)


def _unite(token_type: TokenType, sightings: Iterable[_Sighting]) -> list[_Group]:
    """Return groups of equal values, in the order in which they may draw others.

    What was not fully measured comes last, whatever its use: it takes the missing part from what
    it folds into, and gives it the rest if it is the more used.
    """
    space = SPACES[token_type]
    alike: dict[Hashable, list[_Sighting]] = {}
    for sighting in sightings:
        value = sighting.token.value
        # Two ways to write one length, such as 16px and 1rem, are in the same place.
        key = space.family(value), space.place(value).tobytes()
        alike.setdefault(key, []).append(sighting)
    groups = [_Group(_commonest(group), group) for group in alike.values()]
    return sorted(groups, key=lambda group: (_is_partial(space, group), group.rank))


def _is_partial(space: Space, group: _Group) -> bool:
    return bool(np.isnan(space.place(group.value)).any())


class _Standing:
    """The groups of one family that stand, and their places in the same order."""

    def __init__(self, space: Space) -> None:
        """Begin without groups."""
        self.groups: list[_Group] = []
        self._space = space
        self._places: Floats | None = None

    def find_near(self, place: Floats) -> _Group | None:
        """Return the nearest group, None when none is near enough."""
        if self._places is None:
            return None
        distances = self._space.distance(self._places[: len(self.groups)], place)
        nearest = int(np.argmin(distances))
        return self.groups[nearest] if distances[nearest] <= 1 else None

    def add(self, group: _Group, place: Floats) -> None:
        """Let a group stand; room for places doubles, so that many cost no more each."""
        count = len(self.groups)
        if self._places is None:
            self._places = place[np.newaxis].repeat(_FIRST_ROOM, axis=0)
        elif count == len(self._places):
            self._places = np.concatenate([self._places, self._places])
        self._places[count] = place
        self.groups.append(group)


def _fold(space: Space, groups: Iterable[_Group]) -> list[_Group]:
    """Return the groups that stand, each with those that are nearest to it and near enough."""
    families: dict[Hashable, _Standing] = {}
    followers: list[tuple[_Group, _Group]] = []
    for group in groups:
        standing = families.setdefault(space.family(group.value), _Standing(space))
        place = space.place(group.value)
        if leader := standing.find_near(place):
            followers.append((leader, group))
        else:
            standing.add(group, place)
    for leader, group in followers:
        leader.sightings.extend(group.sightings)
    return [group for standing in families.values() for group in standing.groups]


def _token(token_type: TokenType, group: _Group, names: NameBook) -> Token[Any]:
    """Return the token of a group, under the best of its names that is free."""
    commonest = _commonest(group.sightings)
    ballot = _elect_names(group.sightings, commonest)
    backers = [each for each in group.sightings if each.token.name == ballot[0]]
    weighed = fsum(each.weight for each in group.sightings)
    return TOKEN_CLASSES[token_type](
        name=names.register(token_type, [*ballot, *_tell_apart(commonest, ballot[0])]),
        value=_complete(commonest, group.value),
        usage=group.usage,
        confidence=round(weighed / group.usage, _DECIMALS),
        source=_elect(backers, lambda token: token.source) or Source.CV,
        description=_elect(backers, lambda token: token.description) or "",
        role=_elect(group.sightings, lambda token: token.role),
        images=_count_images(group.sightings),
    )


def _tell_apart(value: Any, name: str) -> list[str]:  # noqa: ANN401 - a value of any type
    """Return what else a value may be called when the names it was given are all taken."""
    if isinstance(value, Color):
        return [name_color_finely(value.hex)]
    return [f"{name}-{value.font_weight}"] if isinstance(value, Typography) else []


def _complete(value: Any, other: Any) -> Any:  # noqa: ANN401 - values of any one type
    """Return a text style with the line height of another if its own was not measured."""
    if isinstance(value, Typography) and value.line_height is None:
        return value.model_copy(update={"line_height": other.line_height})
    return value


def _elect_names(sightings: Iterable[_Sighting], value: Any) -> list[str]:  # noqa: ANN401
    """Return the names that were given, best first: Claude's before those given by rule.

    A rule names a value for what it is: only such names of the value itself count.
    """
    votes: dict[str, list[float]] = {}
    given: set[str] = set()
    for sighting in sightings:
        token = sighting.token
        if token.source is not Source.CV:
            given.add(token.name)
        elif token.value != value:
            continue
        votes.setdefault(token.name, []).append(sighting.weight)
    return sorted(votes, key=lambda name: (name not in given, -fsum(votes[name]), name))


def _elect(sightings: Iterable[_Sighting], read: Callable[[Token[Any]], Any]) -> Any:  # noqa: ANN401
    """Return what most weight stands behind of what tokens say, None if they say nothing."""
    votes: dict[Any, list[float]] = {}
    for sighting in sightings:
        if said := read(sighting.token):
            votes.setdefault(said, []).append(sighting.weight)
    ranked = sorted(votes, key=lambda said: (-fsum(votes[said]), str(said)))
    return ranked[0] if ranked else None


def _commonest(sightings: Iterable[_Sighting]) -> Any:  # noqa: ANN401 - a value of any type
    """Return the spelling of a value that is used most."""
    uses: Counter[Any] = Counter()
    for sighting in sightings:
        uses[sighting.token.value] += sighting.token.usage
    return min(uses, key=lambda value: (-uses[value], _order(value)))


def _count_images(sightings: Iterable[_Sighting]) -> tuple[ImageUse, ...]:
    """Return how often each image shows it, most often first."""
    uses: Counter[str] = Counter()
    for sighting in sightings:
        uses[sighting.image] += sighting.token.usage
    ranked = sorted(uses.items(), key=lambda use: (-use[1], use[0]))
    return tuple(ImageUse(image=image, count=count) for image, count in ranked)


def _order(value: Any) -> str:  # noqa: ANN401 - a value of any type
    """Return a text that is different for different values, to break ties by."""
    return str(value.model_dump_json())
