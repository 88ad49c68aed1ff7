"""The Jinja2 environment of the exports, and JSON as every template writes it."""

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from shared.export.values import write_comment


def write_json(value: object) -> str:
    """Return JSON on one line, without ``<``: it can stand in a script element as it is."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _build_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("shared.export"),
        # Only one export is HTML; the others write values safe for the language they stand in.
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["json"] = write_json
    environment.filters["comment"] = write_comment
    return environment


_ENVIRONMENT = _build_environment()


def render(template: str, **context: Any) -> bytes:  # noqa: ANN401 - what templates take
    """Return the UTF-8 text of a template in ``templates/``."""
    return _ENVIRONMENT.get_template(template).render(**context).encode()
