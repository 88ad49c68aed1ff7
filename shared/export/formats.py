"""The formats that a token set can be exported in, and the file that an export is."""

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """An export format, by the name that routes and the command line give it."""

    W3C = "w3c"  # DTCG 2025.10
    LEGACY = "legacy"  # DTCG as Tokens Studio and Penpot read it
    CSS = "css"
    SCSS = "scss"
    REACT = "react"
    TAILWIND = "tailwind"  # version 4, @theme
    TAILWIND3 = "tailwind3"  # version 3, a config
    HTML = "html"  # a page that shows them, for people
    ZIP = "zip"  # all of them, with a manifest


@dataclass(frozen=True, slots=True)
class File:
    """An exported file, ready to be stored or sent."""

    name: str
    media_type: str
    content: bytes
