"""Token sets read from files of other tools, and from our own."""

from shared.imports.document import MAX_BYTES, UnreadableTokens
from shared.imports.dtcg import Ignored, Imported, read_dtcg

__all__ = ["MAX_BYTES", "Ignored", "Imported", "UnreadableTokens", "read_dtcg"]
