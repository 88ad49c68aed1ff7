"""Token sets written as files: pure functions over Jinja2 templates.

The same token set gives the same bytes, and a type without tokens gives an empty group.
"""

from collections.abc import Callable, Mapping

from shared.export.bundle import write_bundle
from shared.export.css import write_css
from shared.export.drift import write_report
from shared.export.dtcg import write_dtcg
from shared.export.formats import File, Format
from shared.export.legacy import write_legacy
from shared.export.react import write_react
from shared.export.scss import write_scss
from shared.export.specimen import write_specimen
from shared.export.tailwind import write_tailwind, write_tailwind3
from shared.tokens import TokenSet

__all__ = ["File", "Format", "export", "write_report"]

_WRITERS: Mapping[Format, Callable[[TokenSet], File]] = {
    Format.W3C: write_dtcg,
    Format.LEGACY: write_legacy,
    Format.CSS: write_css,
    Format.SCSS: write_scss,
    Format.REACT: write_react,
    Format.TAILWIND: write_tailwind,
    Format.TAILWIND3: write_tailwind3,
    Format.HTML: write_specimen,
}


def export(token_set: TokenSet, format_: Format) -> File:
    """Return the confirmed tokens of a set as a file of the given format."""
    token_set = token_set.model_copy(update={"tokens": token_set.tokens.confirmed()})
    if format_ is not Format.ZIP:
        return _WRITERS[format_](token_set)
    return write_bundle(token_set, [write(token_set) for write in _WRITERS.values()])
