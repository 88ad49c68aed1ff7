"""What a group of an export holds: the tokens of a type, then their aliases.

Aliases come after all tokens, since Sass knows a variable only below where it is set.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shared.tokens import Alias, Token


@dataclass(frozen=True, slots=True)
class Entry:
    """A token under its own name, or under the name of one of its aliases."""

    token: Token[Any]
    alias: Alias | None = None

    @property
    def name(self) -> str:
        """The name that it is exported under."""
        return self.token.name if self.alias is None else self.alias.name

    @property
    def target(self) -> str | None:
        """The name of the token that an alias stands for; None for a token itself."""
        return None if self.alias is None else self.token.name

    @property
    def description(self) -> str:
        """What is said of it."""
        return self.token.description if self.alias is None else self.alias.description


def list_entries(tokens: Iterable[Token[Any]]) -> list[Entry]:
    """Return the entries of a type, in the order of its tokens."""
    listed = list(tokens)
    aliases = [Entry(token, alias) for token in listed for alias in token.aliases]
    return [Entry(token) for token in listed] + aliases
