"""Claude's answer, checked: what is wrong is repaired if it can be, left out if it cannot.

Everything here came from outside. An answer is found by block type and tool name, read item by
item so that one bad item costs one name, normalised, and held against the ids that were asked.
"""

import json
import math
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from anthropic.types import Message, ToolUseBlock
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.tokens import TokenType
from workers.claude.prompt import Candidate
from workers.claude.tools import (
    CHECKABLE,
    DROP,
    ENTRIES,
    FAMILIES,
    MISSED,
    OTHER,
    UNITS,
    UNKNOWN_FAMILY,
    Unit,
)
from workers.measure.measurements import Box
from workers.names import Missed, Name

# A token's name may have 64 characters; this leaves room for suffixes and for prefixes of exports.
MAX_SLUG = 40
MAX_DESCRIPTION_WORDS = 6
MAX_DESCRIPTION = 80
# What an answer may add; each costs a second look at the pixels.
MAX_MISSED = 8
# Ids are a letter and a number; what is longer is none of ours and is not repeated anywhere.
_ID = re.compile(r"[a-z]\d{1,3}")
_BOX = re.compile(r"(\d{1,5}), ?(\d{1,5}), ?([1-9]\d{0,4}), ?([1-9]\d{0,4})")
_VALUE = re.compile(r"(#[0-9a-f]{6}|\d{1,4}(?:\.\d{1,2})?)(?:px)?")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer came to.

    ``names`` are checked one by one, and not yet against each other. ``strangers`` counts items
    whose id was not asked for. ``faults`` say what was wrong, in our words, for a second try.
    ``missed`` are in pixels of the picture as sent; ``rejected`` counts what could not be read.
    """

    names: Mapping[str, Name] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    strangers: int = 0
    faults: tuple[str, ...] = ()
    missed: tuple[Missed, ...] = ()
    rejected: int = 0

    def answers(self, candidate: Candidate) -> bool:
        """Return whether a candidate was named or dropped."""
        return candidate.id in self.names or candidate.id in self.dropped

    def then(self, later: "Reading") -> "Reading":
        """Return this reading with what a later one adds; what stands is not replaced."""
        return Reading(
            names={**later.names, **self.names},
            dropped=self.dropped | (later.dropped - self.names.keys()),
            strangers=self.strangers + later.strangers,
            faults=(*self.faults, *later.faults),
            missed=(*self.missed, *later.missed),
            rejected=self.rejected + later.rejected,
        )


def read_reply(message: Message, tool: str, candidates: Sequence[Candidate]) -> Reading:
    """Return what a finished message says about the candidates it was asked about."""
    given = _find_input(message, tool)
    if given is None:
        return Reading(faults=(f"the tool {tool} was not called with an object",))
    asked = {candidate.id: candidate for candidate in candidates}
    reading = Reading()
    for token_type, entry in ENTRIES.items():
        for raw in _as_list(given.get(entry.array)):
            reading = _take(reading, raw, token_type, asked)
    reading = _drop(reading, _as_list(given.get(DROP)), asked)
    kinds = {candidate.type for candidate in candidates}.intersection(CHECKABLE)
    return _add_missed(reading, _as_list(given.get(MISSED)), kinds)


def make_unique(names: Mapping[str, Name], candidates: Sequence[Candidate]) -> dict[str, Name]:
    """Return the names in the candidates' order; where two of a type clash, the later changes."""
    taken: dict[TokenType, set[str]] = {}
    unique: dict[str, Name] = {}
    for candidate in candidates:
        if (name := names.get(candidate.id)) is None:
            continue
        slugs = taken.setdefault(candidate.type, set())
        slug = next(each for each in _variants(name.slug) if each not in slugs)
        slugs.add(slug)
        unique[candidate.id] = replace(name, slug=slug)
    return unique


def _find_input(message: Message, tool: str) -> dict[str, Any] | None:
    """Return the input of the last call of the tool, None when there is none or no object."""
    inputs = [
        block.input
        for block in message.content
        if isinstance(block, ToolUseBlock) and block.type == "tool_use" and block.name == tool
    ]
    given = _unwrap(inputs[-1]) if inputs else None
    return given if isinstance(given, dict) else None


def _unwrap(value: object) -> object:
    """Return a value, decoded when it is JSON in a string: some models quote what they nest."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _as_list(value: object) -> list[Any]:
    """Return a field's items; a field that is no list has none."""
    unwrapped = _unwrap(value)
    return unwrapped if isinstance(unwrapped, list) else []


def _take(
    reading: Reading, raw: object, token_type: TokenType, asked: Mapping[str, Candidate]
) -> Reading:
    """Return the reading with one more item, or with what was wrong with it."""
    ours = _known_id(raw.get("i") if isinstance(raw, dict) else None, asked)
    if ours is None or asked[ours].type is not token_type:
        return replace(reading, strangers=reading.strangers + 1)
    if ours in reading.names:
        return replace(reading, faults=(*reading.faults, f"{ours} came twice"))
    try:
        item = NameItem.model_validate(raw)
    except ValidationError as error:
        fault = f"{ours} has no usable {error.errors()[0]['loc'][0]}"
        return replace(reading, faults=(*reading.faults, fault))
    name = item.as_name(asked[ours])
    return replace(reading, names={**reading.names, ours: name})


def _drop(reading: Reading, raw_ids: Sequence[object], asked: Mapping[str, Candidate]) -> Reading:
    """Return the reading with the ids that are no tokens; a name given as well stands."""
    ids = [_known_id(raw, asked) for raw in raw_ids]
    known = frozenset(each for each in ids if each is not None)
    return replace(
        reading,
        dropped=known - reading.names.keys(),
        strangers=reading.strangers + ids.count(None),
    )


def _add_missed(
    reading: Reading, items: Sequence[object], kinds: Collection[TokenType]
) -> Reading:
    """Return the reading with what may have been missed; what cannot be looked at is counted."""
    missed = []
    for raw in items[:MAX_MISSED]:
        with suppress(ValidationError):
            item = MissedItem.model_validate(_unwrap(raw))
            if item.kind in kinds:
                missed.append(
                    Missed(
                        item.kind,
                        _without_type(item.name, item.kind),
                        item.confidence,
                        item.value,
                        item.box,
                    )
                )
    return replace(reading, missed=tuple(missed), rejected=len(items) - len(missed))


def _known_id(raw: object, asked: Mapping[str, Candidate]) -> str | None:
    """Return the asked id that a value spells, None for any other."""
    spelled = raw.strip().lower() if isinstance(raw, str) else ""
    return spelled if _ID.fullmatch(spelled) and spelled in asked else None


def _variants(slug: str) -> Iterator[str]:
    """Yield a slug, then the slug with -2, -3 and so on."""
    yield slug
    number = 2
    while True:
        yield f"{slug}-{number}"
        number += 1


def _plain(raw: object) -> str:
    """Return text without control characters, angle brackets and runs of space."""
    if not isinstance(raw, str):
        return ""
    kept = (" " if char in "<>" or unicodedata.category(char)[0] == "C" else char for char in raw)
    return " ".join("".join(kept).split())


def _slug(raw: object) -> str:
    """Return text as lower-case ASCII words joined by hyphens, cut between words.

    Raises:
        ValueError: No letter or digit is left.
    """
    ascii_text = unicodedata.normalize("NFKD", _plain(raw)).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", ascii_text.lower())
    while len(words) > 1 and len("-".join(words)) > MAX_SLUG:
        words.pop()
    slug = "-".join(words)[:MAX_SLUG]
    if not slug:
        message = "nothing is left of the name"
        raise ValueError(message)
    return slug


def _confidence(raw: object) -> float:
    """Return a percentage as a share, clamped; 0, which claims nothing, when it is no number."""
    try:
        percent = float(raw) if isinstance(raw, int | float | str) else 0.0
    except ValueError:
        percent = 0.0
    return 0.0 if math.isnan(percent) else min(max(percent, 0.0), 100.0) / 100


def _description(raw: object) -> str:
    return " ".join(_plain(raw).split()[:MAX_DESCRIPTION_WORDS])[:MAX_DESCRIPTION]


def _word(raw: object) -> str:
    return _plain(raw).lower()


def _value(raw: object) -> str:
    """Return a color or a length as written, nothing for any other text."""
    found = _VALUE.fullmatch(_word(raw))
    return found[1] if found else ""


def _box(raw: object) -> Box:
    """Return a box of four whole numbers, in a string or a list.

    Raises:
        ValueError: It is none, or holds no pixel.
    """
    written = ",".join(map(str, raw)) if isinstance(raw, list) else str(raw)
    found = _BOX.fullmatch(written.strip())
    if found is None:
        message = "no box"
        raise ValueError(message)
    return Box(*map(int, found.groups()))


class MissedItem(BaseModel):
    """One item of what measuring has missed."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Annotated[TokenType, Field(alias="k")]
    name: Annotated[str, Field(alias="n"), BeforeValidator(_slug)]
    box: Annotated[Box, Field(alias="b"), BeforeValidator(_box)]
    value: Annotated[str, Field(alias="v"), BeforeValidator(_value)] = ""
    confidence: Annotated[float, Field(alias="p"), BeforeValidator(_confidence)] = 0.0


class NameItem(BaseModel):
    """One item of the tool's arrays, under the short keys that save output tokens."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Annotated[str, Field(alias="n"), BeforeValidator(_slug)]
    confidence: Annotated[float, Field(alias="p"), BeforeValidator(_confidence)] = 0.0
    description: Annotated[str, Field(alias="d"), BeforeValidator(_description)] = ""
    role: Annotated[str, Field(alias="r"), BeforeValidator(_word)] = ""
    unit: Annotated[str, Field(alias="u"), BeforeValidator(_word)] = "px"
    family: Annotated[str, Field(alias="f"), BeforeValidator(_word)] = UNKNOWN_FAMILY

    def as_name(self, candidate: Candidate) -> Name:
        """Return the name of a candidate, with what lies outside the closed sets mended."""
        is_style = candidate.type is TokenType.TYPOGRAPHY
        return Name(
            slug=_without_type(self.name, candidate.type),
            confidence=self.confidence,
            description=self.description,
            role=self._known_role(candidate),
            unit=self._known_unit(),
            family=self._known_family() if is_style else None,
        )

    def _known_role(self, candidate: Candidate) -> str:
        """Return the role; an unknown one is what was measured, or other."""
        roles = ENTRIES[candidate.type].roles
        return self.role if self.role in roles else candidate.role or OTHER

    def _known_unit(self) -> Unit:
        return next((unit for unit in UNITS if unit == self.unit), "px")

    def _known_family(self) -> str:
        return self.family if self.family in FAMILIES else UNKNOWN_FAMILY


def _without_type(slug: str, token_type: TokenType) -> str:
    """Return a slug without the type's own name at its head, which every path has already."""
    shorter = slug.removeprefix(f"{token_type.value}-")
    return shorter or slug
