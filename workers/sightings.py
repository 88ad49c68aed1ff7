"""All that images say of one value, as a sum that may be taken in any order and in parts.

Weights are whole numbers, so that no rounding tells one order of adding from another.
"""

from array import array
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Any

from shared.tokens import Box, ImageUse, Source, Token

# A confidence in units of this: as fine as exports write numbers.
CONFIDENCE_STEPS = 10_000
_DECIMALS = 4
# The places that are kept of each image. All of them are in the image's own set.
MOST_PLACES = 3
# The images that a merged token lists, those that use it most; its count is of them all.
MOST_IMAGES = 100
# An image's index, count and steps of confidence, and as many boxes of x, y, width and height.
_STRIDE = 3 + 4 * MOST_PLACES
_NO_BOXES = [-1] * 4 * MOST_PLACES

# Evidence is counted in units of this part of a nat, so that sums of it are exact.
_NAT = 1_000_000
# What a sighting of each confidence is worth: how much less probable it makes it that all are
# false. None is wholly sure.
_EVIDENCE = [
    round(-log(1 - min(steps, CONFIDENCE_STEPS - 1) / CONFIDENCE_STEPS) * _NAT)
    for steps in range(CONFIDENCE_STEPS + 1)
]

# The name of an image, and the id of its item where it has one.
Image = tuple[str, str | None]


@dataclass(slots=True)
class Vote:
    """What stands behind one name. ``said`` is the description of the weightiest sighting."""

    weight: int = 0
    usage: int = 0
    images: int = 0
    sources: dict[Source, int] = field(default_factory=dict)
    said: tuple[int, str] = (0, "")

    @property
    def confidence(self) -> float:
        """The mean confidence of the sightings under this name."""
        return round(self.weight / self.usage / CONFIDENCE_STEPS, _DECIMALS)

    @property
    def source(self) -> Source:
        """Where most of its weight comes from."""
        return min(self.sources, key=lambda source: (-self.sources[source], source.value))

    def add(self, token: Token[Any], weight: int) -> None:
        """Count a sighting under this name."""
        self.weight += weight
        self.usage += token.usage
        self.images += 1
        self.sources[token.source] = self.sources.get(token.source, 0) + weight
        if token.description:
            self.said = max(self.said, (weight, token.description))

    def join(self, other: "Vote") -> None:
        """Count what stands behind it elsewhere."""
        self.weight += other.weight
        self.usage += other.usage
        self.images += other.images
        for source, weight in other.sources.items():
            self.sources[source] = self.sources.get(source, 0) + weight
        self.said = max(self.said, other.said)


@dataclass(slots=True)
class Sightings:
    """The sightings of one value, or of several that are taken for one.

    ``given`` are votes for names that somebody chose, ``by_rule`` for those that only say what
    the value is. ``backgrounds`` are the lines of text in it on each background, and how many are
    large. ``uses`` are a record of ``_STRIDE`` numbers for each token, packed since there are so
    many.
    """

    usage: int = 0
    given: dict[str, Vote] = field(default_factory=dict)
    by_rule: dict[str, Vote] = field(default_factory=dict)
    roles: Counter[str] = field(default_factory=Counter)
    backgrounds: dict[str, tuple[int, int]] = field(default_factory=dict)
    uses: "array[int]" = field(default_factory=lambda: array("i"))

    @property
    def images(self) -> set[int]:
        """The indices of the images that show it."""
        return set(self.uses[::_STRIDE])

    @property
    def doubt(self) -> float:
        """The chance that no image really shows it: that each of its sightings is false.

        An image counts with the best of its sightings, since they are alike for the same reasons.
        Each image is taken for a witness of its own (noisy or: Pearl, Probabilistic Reasoning in
        Intelligent Systems, 1988, section 4.3).
        """
        best: dict[int, int] = {}
        for image, steps in zip(self.uses[::_STRIDE], self.uses[2::_STRIDE], strict=True):
            best[image] = max(best.get(image, 0), steps)
        return exp(-sum(_EVIDENCE[steps] for steps in best.values()) / _NAT)

    def add(self, image: int, token: Token[Any]) -> None:
        """Count a token of an image, which is told by its index."""
        steps = round(token.confidence * CONFIDENCE_STEPS)
        weight = token.usage * steps
        self.usage += token.usage
        votes = self.by_rule if token.source is Source.CV else self.given
        if (vote := votes.get(token.name)) is None:
            vote = votes[token.name] = Vote()
        vote.add(token, weight)
        if token.role:
            self.roles[token.role] += weight
        for seen in token.on:
            self._count_background(seen.background, seen.count, seen.large)
        self.uses.extend((image, token.usage, steps, *_flatten(token.boxes)))

    def join(self, other: "Sightings", first_image: int = 0) -> None:
        """Count sightings whose images are told by indices from ``first_image`` on."""
        self.usage += other.usage
        for votes, others in ((self.given, other.given), (self.by_rule, other.by_rule)):
            for name, vote in others.items():
                votes.setdefault(name, Vote()).join(vote)
        self.roles.update(other.roles)
        for background, (count, large) in other.backgrounds.items():
            self._count_background(background, count, large)
        moved = array("i", other.uses)
        for at in range(0, len(moved), _STRIDE):
            moved[at] += first_image
        self.uses.extend(moved)

    def list_images(self, images: Sequence[Image]) -> tuple[ImageUse, ...]:
        """Return the images that use it most, the first of them by name among equals."""
        counts: Counter[int] = Counter()
        for image, count in zip(self.uses[::_STRIDE], self.uses[1::_STRIDE], strict=True):
            counts[image] += count
        ranked = sorted(counts, key=lambda at: (-counts[at], images[at][0], images[at][1] or ""))
        listed = ranked[:MOST_IMAGES]
        places = self._list_places(set(listed))
        return tuple(
            ImageUse(
                image=images[at][0],
                count=counts[at],
                item_id=images[at][1],
                boxes=tuple(places[at][:MOST_PLACES]),
            )
            for at in listed
        )

    def _list_places(self, wanted: Container[int]) -> dict[int, list[Box]]:
        """Return the boxes in some of the images."""
        places: dict[int, list[Box]] = {}
        for at in range(0, len(self.uses), _STRIDE):
            if self.uses[at] in wanted:
                flat = self.uses[at + 3 : at + _STRIDE]
                corners = (flat[corner : corner + 4] for corner in range(0, len(flat), 4))
                places.setdefault(self.uses[at], []).extend(
                    Box(x=x, y=y, width=width, height=height)
                    for x, y, width, height in corners
                    if width >= 0
                )
        return places

    def _count_background(self, background: str, count: int, large: int) -> None:
        counted, counted_large = self.backgrounds.get(background, (0, 0))
        self.backgrounds[background] = counted + count, counted_large + large


def unite(all_sightings: Iterable[Sightings]) -> Sightings:
    """Return sightings together; those that were given stay as they are."""
    united = Sightings()
    for each in all_sightings:
        united.join(each)
    return united


def _flatten(boxes: Sequence[Box]) -> list[int]:
    """Return the first boxes as numbers, and what stands for no box in place of the others."""
    flat: list[int] = []
    for box in boxes[:MOST_PLACES]:
        flat += (box.x, box.y, box.width, box.height)
    return flat + _NO_BOXES[len(flat) :]
