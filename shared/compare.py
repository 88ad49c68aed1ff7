"""What became of the tokens of one set in another: added, removed, changed and renamed ones.

Nothing but measuring ties two sets together, so a token is followed by what it looks like. First
by its value: what differs by no more than measuring does is the same. Then by the names that it
was given, then by where and how often it is used: a color that turned from green to violet is as
often as before at the places where it was. What is still left was added or removed.

Tokens that are not confirmed prove nothing: they neither come nor go. But what was confirmed once
and is used as much now has not gone because it is less sure.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from shared.colorspace import Floats
from shared.nearness import SPACES, Lookup, Space, is_paler_text
from shared.tokens import Box, Source, Token, Tokens, TokenType

AnyToken: TypeAlias = Token[Any]
# Tokens that nothing was found for, by their index in their list.
Left: TypeAlias = Mapping[int, AnyToken]

# Tokens are used alike when they share this part of all their uses: with less they differ more.
LEAST_ALIKE = 0.5
# Boxes are one place when they share this part of what they cover together, as in PASCAL VOC
# (Everingham et al., IJCV 88, 2010).
_SAME_PLACE = 0.5
# Places are looked up in so many images, and tokens used alike are sought among so many of a type,
# those used most: every one meets every other, and nobody reads a longer list.
_MOST_IMAGES = 8
_MOST_TOKENS = 100


@dataclass(frozen=True, slots=True)
class Pair:
    """A token before and after."""

    before: AnyToken
    after: AnyToken


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of the tokens of one type, the most used first."""

    added: tuple[AnyToken, ...] = ()
    removed: tuple[AnyToken, ...] = ()
    changed: tuple[Pair, ...] = ()
    renamed: tuple[Pair, ...] = ()

    @property
    def count(self) -> int:
        """How many tokens differ."""
        return len(self.added) + len(self.removed) + len(self.changed) + len(self.renamed)


def compare(before: Tokens, after: Tokens) -> dict[TokenType, Difference]:
    """Return how the tokens of each type differ."""
    images = _list_images(before) & _list_images(after)
    return {
        token_type: _compare_type(SPACES[token_type], old, new, images)
        for (token_type, old), (_, new) in zip(before.by_type(), after.by_type(), strict=True)
    }


def _compare_type(
    space: Space, before: Sequence[AnyToken], after: Sequence[AnyToken], images: AbstractSet[str]
) -> Difference:
    near = _list_near(space, before, after)
    sure_old = {old for old, new in near if after[new].confirmed}
    sure_new = {new for old, new in near if before[old].confirmed}
    removed = _leave(before, {old for old, _ in near}, sure_old)
    added = _leave(after, {new for _, new in near}, sure_new)
    changed: dict[int, Pair] = {}

    def follow(pairs: Iterable[tuple[int, int]]) -> None:
        for old, new in pairs:
            if old in removed and new in added:
                changed[old] = Pair(removed.pop(old), added.pop(new))

    follow(_find_namesakes(removed, added))
    follow(_find_used_alike(space, removed, added, images))
    # Of two that are near, one may be unsure: they are the same if they are used alike.
    alike = (_share_uses(before[old], after[new], images) for old, new in near)
    same = [pair for pair, share in zip(near, alike, strict=True) if share >= LEAST_ALIKE]
    kept = (Pair(before[old], after[new]) for old, new in _pair_off(near))
    return Difference(
        added=_list_proven(added, {new for _, new in same}, after),
        removed=_list_proven(removed, {old for old, _ in same}, before),
        changed=tuple(pair for _, pair in sorted(changed.items())),
        renamed=tuple(pair for pair in kept if _is_renamed(pair)),
    )


def _list_near(
    space: Space, before: Sequence[AnyToken], after: Sequence[AnyToken]
) -> list[tuple[int, int]]:
    """Return tokens of one value by index: the nearest first, of equals those of one name."""
    lookup = Lookup(space, [token.value for token in after])
    near = [
        (distance, token.name != after[new].name, old, new)
        for old, token in enumerate(before)
        for distance, new in lookup.find_near(token.value)
    ]
    return [(old, new) for *_, old, new in sorted(near)]


def _leave(
    tokens: Sequence[AnyToken], found: AbstractSet[int], found_confirmed: AbstractSet[int]
) -> dict[int, AnyToken]:
    """Return the tokens whose value the other set lacks, or has not confirmed if this one has."""
    return {
        at: token
        for at, token in enumerate(tokens)
        if at not in (found_confirmed if token.confirmed else found)
    }


def _pair_off(near: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return pairs of which no two share a token, the first of them first."""
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for old, new in near:
        if old not in pairs and new not in taken:
            pairs[old] = new
            taken.add(new)
    return sorted(pairs.items())


def _list_proven(
    left: Left, found: AbstractSet[int], tokens: Sequence[AnyToken]
) -> tuple[AnyToken, ...]:
    """Return what is left, is in its set for sure, and is nowhere in the other one."""
    return tuple(
        token
        for at, token in left.items()
        if token.confirmed and at not in found and not is_paler_text(token, tokens)
    )


def _find_namesakes(removed: Left, added: Left) -> list[tuple[int, int]]:
    """Return tokens that were given a name in common, be it as an alias."""
    bearers = {name: at for at, token in added.items() for name in _given_names(token)}
    return [
        (at, bearers[name])
        for at, token in removed.items()
        for name in _given_names(token)
        if name in bearers and (token.confirmed or added[bearers[name]].confirmed)
    ]


def _given_names(token: AnyToken) -> list[str]:
    """Return the names that somebody chose; one by rule only says what the value is."""
    own = [] if token.source is Source.CV else [token.name]
    return own + [alias.name for alias in token.aliases if alias.source is not Source.CV]


def _is_renamed(pair: Pair) -> bool:
    """Tell whether the name of before leads to the value no more; names by rule lead to none."""
    before, after = pair.before, pair.after
    if Source.CV in (before.source, after.source) or not (before.confirmed and after.confirmed):
        return False
    return before.name not in (after.name, *(alias.name for alias in after.aliases))


def _find_used_alike(
    space: Space, removed: Left, added: Left, images: AbstractSet[str]
) -> list[tuple[int, int]]:
    """Return tokens that are used alike: those of one role and the most alike first."""
    old_uses = {at: _count_uses(removed[at], images) for at in sorted(removed)[:_MOST_TOKENS]}
    new_uses = {at: _count_uses(added[at], images) for at in sorted(added)[:_MOST_TOKENS]}
    old_places = {at: _place(space, removed[at]) for at in old_uses}
    new_places = {at: _place(space, added[at]) for at in new_uses}
    found = []
    for old, new in product(old_uses, new_uses):
        pair = Pair(removed[old], added[new])
        alike = _share(old_uses[old], new_uses[new])
        if alike >= LEAST_ALIKE and (pair.before.confirmed or pair.after.confirmed):
            evidence = alike + _share_places(pair.before, pair.after)
            distance = _distance(space, old_places[old], new_places[new])
            found.append((_changes_role(pair), -evidence, distance, old, new))
    return [(old, new) for *_, old, new in sorted(found)]


def _changes_role(pair: Pair) -> bool:
    roles = {pair.before.role, pair.after.role}
    return None not in roles and len(roles) > 1


def _place(space: Space, token: AnyToken) -> tuple[Hashable, Floats]:
    return space.family(token.value), space.place(token.value)


def _distance(
    space: Space, before: tuple[Hashable, Floats], after: tuple[Hashable, Floats]
) -> float:
    """Return how far two values are apart in tolerances, infinity if they are of two kinds."""
    if before[0] != after[0] or before[1].shape != after[1].shape:
        return float("inf")
    return float(space.distance(before[1][np.newaxis], after[1])[0])


def _list_images(tokens: Tokens) -> set[str]:
    return {use.image for _, each in tokens.by_type() for token in each for use in token.images}


def _count_uses(token: AnyToken, images: AbstractSet[str]) -> Counter[str]:
    """Return the uses in each of the images that both sets have; all others count together."""
    uses = Counter({use.image: use.count for use in token.images if use.image in images})
    uses[""] += token.usage - uses.total()
    return uses


def _share(one: Counter[str], other: Counter[str]) -> float:
    """Return the part of all uses that two tokens have in common (Jaccard's index), 0 to 1."""
    return (one & other).total() / (one | other).total()


def _share_uses(one: AnyToken, other: AnyToken, images: AbstractSet[str]) -> float:
    return _share(_count_uses(one, images), _count_uses(other, images))


def _share_places(before: AnyToken, after: AnyToken) -> float:
    """Return the part of the places of one token that another is at, too, 0 to 1."""
    boxes = {use.image: use.boxes for use in after.images}
    places = [
        (box, boxes.get(use.image, ()))
        for use in before.images[:_MOST_IMAGES]
        for box in use.boxes
    ]
    met = sum(
        any(_overlap(box, other) >= _SAME_PLACE for other in others) for box, others in places
    )
    return met / len(places) if places else 0.0


def _overlap(one: Box, other: Box) -> float:
    """Return the part of what two boxes cover together that both cover, 0 to 1."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(width, 0) * max(height, 0)
    together = one.width * one.height + other.width * other.height - shared
    return shared / together if together else 0.0
