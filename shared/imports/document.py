"""A DTCG 2025.10 document: its tokens by path, their types, and what references lead to.

Source: Design Tokens Format Module 2025.10, sections on groups, types and aliases. References are
``{group.token}``; JSON pointers (``$ref``) and groups that extend others (``$extends``) are
refused, as most tools do not read them.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from shared.errors import InvalidRequest

# Parsed JSON takes up to twenty times its bytes; the largest public systems are below 2 MB.
MAX_BYTES = 8 * 2**20
# People nest groups four or five deep.
MAX_DEPTH = 32
ROOT_TOKEN = "$root"  # noqa: S105 - the name that DTCG gives to a group's own token
_REFERENCE = re.compile(r"\{([^{}]+)\}")
_FORBIDDEN_IN_NAMES = re.compile(r"[.{}]")


class UnreadableTokens(InvalidRequest):
    """A file is not as DTCG 2025.10 has it; ``pointer`` leads to what is wrong."""

    code = "unreadable_tokens"
    title = "The design tokens cannot be read"

    def __init__(self, detail: str, pointer: str = "") -> None:
        """Name the part that is wrong, unless it is the whole file."""
        super().__init__(f"{pointer}: {detail}" if pointer else detail)
        self.pointer = pointer
        self.reason = detail


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the document, and the JSON pointer to it."""

    value: Any
    pointer: str

    def at(self, step: str | int) -> "Node":
        """Return a member of an object or an element of an array, None's if it is absent."""
        is_there = isinstance(step, int) or step in self.value
        return Node(self.value[step] if is_there else None, f"{self.pointer}/{_escape(step)}")

    def refuse(self, why: str) -> NoReturn:
        """Raise the error that this part is to blame for."""
        raise UnreadableTokens(why, self.pointer)


@dataclass(frozen=True, slots=True)
class Written:
    """A token as it is written; ``inherited`` is the ``$type`` of the nearest group with one."""

    path: tuple[str, ...]
    node: Node
    inherited: Node | None

    @property
    def value(self) -> Node:
        """What it is worth, or a reference."""
        return self.node.at("$value")


class Document:
    """The tokens of a document by their dotted path, in its order."""

    def __init__(self, content: bytes) -> None:
        """Read the bytes of a file.

        Raises:
            UnreadableTokens: They are no document, too large, or nested too deep.
        """
        self.root = _parse(content)
        found = list(_walk(self.root, (), None))
        self.tokens = {".".join(token.path): token for token in found}
        self._ends: dict[str, Written] = {}

    def end_of(self, token: Written) -> Written:
        """Return the token that a chain of references ends at: itself where its value is its own.

        Raises:
            UnreadableTokens: The chain leads nowhere, or in a circle.
        """
        trail: dict[str, Written] = {}
        at = token
        while (path := ".".join(at.path)) not in self._ends:
            if path in trail:
                token.value.refuse("the reference leads in a circle")
            trail[path] = at
            target = self._target(at.value)
            if target is None:
                self._ends[path] = at
            else:
                at = target
        end = self._ends[path]
        # Each chain is followed once, however many tokens refer to its middle.
        self._ends |= dict.fromkeys(trail, end)
        return end

    def resolve(self, node: Node) -> Node:
        """Return what a value or a part of one comes to; see ``end_of``."""
        target = self._target(node)
        return node if target is None else self.end_of(target).value

    def type_of(self, token: Written) -> str:
        """Return the ``$type`` of a token: its own, that of what it refers to, its group's."""
        end = self.end_of(token)
        written = (token.node.at("$type"), end.node.at("$type"), end.inherited, token.inherited)
        for stated in written:
            if stated is not None and stated.value is not None:
                if not isinstance(stated.value, str):
                    stated.refuse("a $type is a string")
                return stated.value
        return token.node.refuse("the token has no $type, and none of its groups has one")

    def _target(self, node: Node) -> Written | None:
        """Return the token that a reference names, None where the node is no reference."""
        if not isinstance(node.value, str) or not (match := _REFERENCE.fullmatch(node.value)):
            return None
        if (target := self.tokens.get(match[1])) is None:
            node.refuse(f"there is no token {match[1]!a}")
        return target


def _parse(content: bytes) -> Node:
    if len(content) > MAX_BYTES:
        raise UnreadableTokens(f"the file is over {MAX_BYTES} bytes")
    try:
        root = json.loads(content, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        # A half of a surrogate pair is a string to JSON and can be written nowhere.
        json.dumps(root, ensure_ascii=False).encode()
    except RecursionError as error:
        raise UnreadableTokens("the file is nested too deep") from error
    except ValueError as error:
        raise UnreadableTokens(f"the file is no JSON: {error}") from error
    if not isinstance(root, dict):
        raise UnreadableTokens("a file of design tokens holds a JSON object")
    return Node(root, "")


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(members)
    if len(read) < len(members):
        ((twice, _),) = Counter(name for name, _ in members).most_common(1)
        raise UnreadableTokens(f"an object names {twice!a} twice")
    return read


def _refuse_constant(name: str) -> NoReturn:
    raise UnreadableTokens(f"JSON knows no {name}")


def _walk(group: Node, path: tuple[str, ...], inherited: Node | None) -> Iterator[Written]:
    """Yield the tokens below a group, in the order of the document."""
    if len(path) > MAX_DEPTH:
        group.refuse(f"groups are nested deeper than {MAX_DEPTH}")
    if "$extends" in group.value:
        group.at("$extends").refuse("groups that extend others are not supported")
    if "$type" in group.value:
        inherited = group.at("$type")
    for name in group.value:
        if name.startswith("$") and name != ROOT_TOKEN:
            continue
        child = group.at(name)
        if _FORBIDDEN_IN_NAMES.search(name):
            child.refuse("a name has no dot and no brace")
        if not isinstance(child.value, Mapping):
            child.refuse("a group or a token is an object")
        if "$ref" in child.value:
            child.at("$ref").refuse("references by JSON pointer are not supported; write {a.b}")
        if "$value" in child.value:
            yield _token(child, (*path, name), inherited)
        else:
            yield from _walk(child, (*path, name), inherited)


def _token(node: Node, path: tuple[str, ...], inherited: Node | None) -> Written:
    for name in node.value:
        if not name.startswith("$"):
            node.at(name).refuse("a token holds no other tokens")
    return Written(path, node, inherited)


def _escape(step: str | int) -> str:
    """Return a step of a JSON pointer (RFC 6901)."""
    return str(step).replace("~", "~0").replace("/", "~1")
