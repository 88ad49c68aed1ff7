"""The Jinja2 environment of the exports, and JSON as every template writes it."""

import json
import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from shared.export.values import DIRECTION_MARKS, write_comment

# What ends a script element or a line of JavaScript, and marks of writing direction.
_UNSAFE_IN_JSON = re.compile(f"[<\u2028\u2029{DIRECTION_MARKS}]")


def write_json(value: object) -> str:
    """Return JSON on one line: it can stand in a script element, or in code, as it is."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


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
