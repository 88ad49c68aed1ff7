"""The token sets of many images made into one that reads like a design system.

Equal values unite; then values that differ by no more than measuring does fold into the most used
of them. A value that has folded draws no others after it, so nothing drifts from neighbour to
neighbour. Names are elected. The order of the sets changes nothing, nor does merging them in
parts: sums are exact, folding waits until all sums are there, and every order is one of use, with
ties broken by the values themselves.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.colorspace import Floats
from shared.nearness import SPACES, Space
from shared.tokens import Color, Source, TextOn, Token, Tokens, TokenType, Typography
from workers.aliases import Found, find_aliases
from workers.assemble import TOKEN_CLASSES
from workers.names import NameBook
from workers.sightings import Image, Sightings, Vote, unite
from workers.swatches import name_color_finely

_FIRST_ROOM = 16
_DECIMALS = 4


class Merge:
    """Token sets of images, added one by one or in parts."""

    def __init__(self) -> None:
        """Begin without images."""
        self.images: list[Image] = []
        self.found: dict[TokenType, dict[Any, Sightings]] = {
            token_type: {} for token_type in TokenType
        }

    def add(self, image: str, tokens: Tokens, item_id: str | None = None) -> None:
        """Add the tokens of one image."""
        index = len(self.images)
        self.images.append((image, item_id))
        for token_type, found in tokens.by_type():
            for token in found:
                self._sightings(token_type, token.value).add(index, token)

    def join(self, other: "Merge") -> None:
        """Add all that another merge was given; it is as if its images had been added here."""
        for token_type, found in other.found.items():
            for value, sightings in found.items():
                self._sightings(token_type, value).join(sightings, len(self.images))
        self.images.extend(other.images)

    def list_images(self) -> tuple[str, ...]:
        """Return the names of the images, sorted."""
        return tuple(sorted(name for name, _ in self.images))

    def sum_up(self) -> Tokens:
        """Return one set: tokens by use, the most used first, with the images that show them."""
        names = NameBook()
        merged = {
            token_type: _merge_type(token_type, found, self.images, names)
            for token_type, found in self.found.items()
        }
        aliases = find_aliases(merged, names)
        return Tokens(
            **{
                token_type.value: tuple(
                    token.model_copy(update={"aliases": aliases.get((token_type, token.name), ())})
                    for token, _ in found
                )
                for token_type, found in merged.items()
            }
        )

    def _sightings(self, token_type: TokenType, value: Hashable) -> Sightings:
        found = self.found[token_type]
        if (sightings := found.get(value)) is None:
            sightings = found[value] = Sightings()
        return sightings


def merge(sets: Iterable[tuple[str, Tokens]]) -> Tokens:
    """Return one token set for several images.

    Args:
        sets: The name of each image and its tokens, in any order.
    """
    merging = Merge()
    for image, tokens in sets:
        merging.add(image, tokens)
    return merging.sum_up()


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Values that are taken for one, with their sightings; ``value`` is the first that stood."""

    value: Any
    spellings: Mapping[Any, Sightings]

    @property
    def rank(self) -> tuple[Any, ...]:
        """Its place: the more used before, then that of more images, then by value."""
        each = self.spellings.values()
        images = set().union(*(sightings.images for sightings in each))
        return -sum(sightings.usage for sightings in each), -len(images), _order(self.value)

    @property
    def commonest(self) -> Any:  # noqa: ANN401 - a value of any type
        """The spelling that is used most."""
        return _choose_commonest(self.spellings)


def _merge_type(
    token_type: TokenType,
    found: Mapping[Any, Sightings],
    images: Sequence[Image],
    names: NameBook,
) -> list[Found]:
    """Return the tokens of a type, the most used first, with the sightings behind each."""
    space = SPACES[token_type]
    groups = sorted(_fold(space, _arrange(space, found)), key=lambda group: group.rank)
    backgrounds = _Backgrounds(groups if token_type is TokenType.COLOR else ())
    merged = []
    for group in groups:
        united = unite(group.spellings.values())
        token = _token(token_type, group, united, names, images)
        on = backgrounds.unite(united.backgrounds)
        merged.append((token.model_copy(update={"on": on}), united))
    return merged


def _arrange(space: Space, found: Mapping[Any, Sightings]) -> list[_Group]:
    """Return groups of equal values, in the order in which they may draw others.

    What was not fully measured comes last, whatever its use: it takes the missing part from what
    it folds into, and gives it the rest if it is the more used.
    """
    alike: dict[Hashable, dict[Any, Sightings]] = {}
    for value, sightings in found.items():
        # Two ways to write one length, such as 16px and 1rem, are in the same place.
        key = space.family(value), space.place(value).tobytes()
        alike.setdefault(key, {})[value] = sightings
    groups = [_Group(_choose_commonest(spellings), spellings) for spellings in alike.values()]
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
    folded: dict[_Group, dict[Any, Sightings]] = {}
    for group in groups:
        standing = families.setdefault(space.family(group.value), _Standing(space))
        place = space.place(group.value)
        if leader := standing.find_near(place):
            folded[leader].update(group.spellings)
        else:
            standing.add(group, place)
            folded[group] = dict(group.spellings)
    return [_Group(leader.value, spellings) for leader, spellings in folded.items()]


def _token(
    token_type: TokenType,
    group: _Group,
    united: Sightings,
    names: NameBook,
    images: Sequence[Image],
) -> Token[Any]:
    """Return the token of a group, under the best of its names that is free."""
    value = group.commonest
    # A rule names a value for what it is: only its names of the value itself count.
    ballot = list(dict.fromkeys([*_rank(united.given), *_rank(group.spellings[value].by_rule)]))
    winner = united.given.get(ballot[0])
    doubt = united.doubt
    return TOKEN_CLASSES[token_type](
        name=names.register(token_type, [*ballot, *_tell_apart(value, ballot[0])]),
        value=_complete(value, group.value),
        usage=united.usage,
        confidence=round(1 - doubt, _DECIMALS),
        confirmed=doubt <= _allowed_doubt(len(images)),
        source=winner.source if winner else Source.CV,
        description=winner.said[1] if winner else "",
        role=_elect_role(united),
        images=united.list_images(images),
        image_count=len(united.images),
    )


def _allowed_doubt(images: int) -> float:
    """Return how probably false a value may be in a set of so many images.

    More images show more that is false, each value once or twice, so that less doubt is allowed
    the more there are (Bonferroni's correction at a level of 1/2, the first image left out: what
    it shows alone nothing could confirm).
    """
    return 1 / (2 * images - 1)


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


def _rank(votes: Mapping[str, Vote]) -> list[str]:
    return sorted(votes, key=lambda name: (-votes[name].weight, name))


def _elect_role(sightings: Sightings) -> str | None:
    """Return the role that most weight stands behind, None if there is none."""
    roles = sightings.roles
    return min(roles, key=lambda role: (-roles[role], role), default=None)


class _Backgrounds:
    """The colors that backgrounds of text were merged into."""

    def __init__(self, colors: Iterable[_Group]) -> None:
        """Take the merged colors; what is transparent is no background."""
        self._merged = {
            spelling.hex: group.commonest.hex
            for group in colors
            for spelling in group.spellings
            if spelling.alpha == 1
        }

    def unite(self, seen: Mapping[str, tuple[int, int]]) -> tuple[TextOn, ...]:
        """Return backgrounds as merged, the most used first; see ``Sightings.backgrounds``."""
        counts: Counter[str] = Counter()
        large: Counter[str] = Counter()
        for hex_color, (count, in_large) in seen.items():
            background = self._merged.get(hex_color, hex_color)
            counts[background] += count
            large[background] += in_large
        ranked = sorted(counts, key=lambda background: (-counts[background], background))
        return tuple(TextOn(background=on, count=counts[on], large=large[on]) for on in ranked)


def _choose_commonest(spellings: Mapping[Any, Sightings]) -> Any:  # noqa: ANN401 - of any type
    return min(spellings, key=lambda value: (-spellings[value].usage, _order(value)))


def _order(value: Any) -> str:  # noqa: ANN401 - a value of any type
    """Return a text that is different for different values, to break ties by."""
    return str(value.model_dump_json())
