"""What is wrong with the fields of a request, field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from shared.errors import InvalidOptions, InvalidRequest

# Whoever has more to mend begins with these. An answer is not much larger than what it is to.
MAX_ERRORS = 100


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: a JSON pointer into its part of the request."""

    pointer: str
    detail: str
    part: str = "body"

    def as_dict(self) -> dict[str, str]:
        """Return the JSON members; ``part`` is called ``in`` there."""
        return {"pointer": self.pointer, "in": self.part, "detail": self.detail}


class InvalidFields(InvalidRequest):
    """Fields of the request do not hold what they should."""

    code = "validation_failed"
    title = "The request is not valid"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        """Say the first error in words and keep all of them."""
        super().__init__(_first_of(errors))
        self.errors = errors


class UnknownOptions(InvalidOptions):
    """The options field does not hold what it should, field by field."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        """Say the first error in words and keep all of them."""
        super().__init__(_first_of(errors))
        self.errors = errors


def field_errors(errors: Sequence[ErrorDetails | Any], root: str = "") -> list[FieldError]:
    """Return the first of pydantic's errors as ours; the values that were sent are not repeated.

    Args:
        errors: As pydantic lists them, ``loc`` beginning with the part of the request when
            ``root`` is empty.
        root: A pointer to what ``loc`` is relative to, in the body.
    """
    return [_field_error(error, root) for error in errors[:MAX_ERRORS]]


def _field_error(error: Mapping[str, Any], root: str) -> FieldError:
    # Of a name in a dictionary that is wrong itself, pydantic says so behind it.
    loc = tuple(step for step in error["loc"] if step != "[key]")
    if root:
        return FieldError(root + _pointer(loc), error["msg"])
    part, *rest = loc
    if error["type"] == "json_invalid":
        where = f" at character {rest[0]}" if rest else ""
        return FieldError("", f"not JSON: {error['ctx']['error']}{where}")
    return FieldError(_pointer(rest), error["msg"], str(part))


def _pointer(loc: Sequence[Any]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in loc)


def _first_of(errors: Sequence[FieldError]) -> str:
    first = errors[0]
    return f"{first.pointer.lstrip('/') or first.part}: {first.detail}"
