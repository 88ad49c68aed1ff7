"""SCSS variables (``tokens.scss``), and one map a type to loop over.

An alias is set to the variable of its token. The map of a type is named for the type alone, so
that no token's variable can clash with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.export.css import spell
from shared.export.entries import Entry, list_entries
from shared.export.formats import File
from shared.export.rendering import render
from shared.tokens import TokenSet, TokenType


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of one token or alias by part, as ``spell`` returns them."""

    name: str
    values: Mapping[str, str]
    note: str


def write_scss(token_set: TokenSet) -> File:
    """Return the set as ``tokens.scss``."""
    groups = {
        token_type.value: [_declare(token_type, each) for each in list_entries(tokens)]
        for token_type, tokens in token_set.tokens.by_type()
    }
    content = render("tokens.scss.j2", version=token_set.pipeline_version, groups=groups)
    return File("tokens.scss", "text/x-scss", content)


def _declare(token_type: TokenType, entry: Entry) -> Variables:
    values = spell(token_type, entry.token.value)
    if entry.target is not None:
        target = f"${token_type.value}-{entry.target}"
        values = {part: f"{target}-{part}" if part else target for part in values}
    return Variables(entry.name, values, entry.description)
