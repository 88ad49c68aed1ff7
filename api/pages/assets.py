"""What pages load besides themselves: stylesheets, scripts, and the interface's own tokens.

Swagger UI comes from the package fastapi-offline, so that no page loads a script of another site.

The interface is drawn with design tokens of its own, in a DTCG file as the service exports it; the
CSS that pages load is what the service's exporter makes of that file. There is no build step.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from api.overlay import STROKES
from shared.export import Format, export
from shared.imports import read_dtcg
from shared.tokens import TokenSet

TOKENS_FILE = "interface.tokens.json"
TOKENS_CSS = "tokens.css"
SWAGGER_UI = ("swagger-ui.css", "swagger-ui-bundle.js")
# Enough to tell any two versions of the files apart.
_DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All files by name. They share one digest, so that scripts may import each other by name."""

    digest: str
    by_name: Mapping[str, Asset]

    def url(self, name: str) -> str:
        """Return the address of a file, another one when any of them changes."""
        if name not in self.by_name:
            raise KeyError(name)
        return f"/static/{self.digest}/{name}"


@lru_cache
def load_assets() -> Assets:
    """Read the files of ``static/`` and write the CSS of the interface's tokens."""
    by_name = {each.name: _asset(each) for each in files(__package__).joinpath("static").iterdir()}
    packed = files("fastapi_offline").joinpath("static")
    by_name |= {name: _asset(packed.joinpath(name)) for name in SWAGGER_UI}
    tokens = export(read_interface(), Format.CSS).content
    by_name[TOKENS_CSS] = Asset(tokens + _layers(), "text/css")
    digest = hashlib.sha256()
    for name in sorted(by_name):
        digest.update(name.encode() + b"\0" + by_name[name].content + b"\0")
    return Assets(digest.hexdigest()[:_DIGEST_LENGTH], by_name)


def _layers() -> bytes:
    """Return the colors of the Inspector's layers, which are those of ``overlay.svg``."""
    rules = (f".{kind} {{ --stroke: {color}; }}\n" for kind, color in STROKES.items())
    return "".join(rules).encode()


def _asset(file: Traversable) -> Asset:
    media_type, _ = mimetypes.guess_type(file.name)
    return Asset(file.read_bytes(), media_type or "application/octet-stream")


def read_interface() -> TokenSet:
    """Return the interface's own tokens."""
    written = files(__package__).joinpath(TOKENS_FILE).read_bytes()
    return read_dtcg(written, "set_interface").token_set
