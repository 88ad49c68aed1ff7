"""The options of a job: what a caller may choose, and what follows when they do not."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError, field_validator

from api.errors import FieldError, UnknownOptions, field_errors
from api.schemas import NameText, Sent
from shared.settings import Settings
from shared.tokens import TokenType


class Mode(StrEnum):
    """Who names what was measured."""

    HYBRID = "hybrid"  # Claude, with rules standing in where it cannot
    CV = "cv"  # rules alone: no call, no cost


class Priority(StrEnum):
    """Whose turn comes first."""

    NORMAL = "normal"
    LOW = "low"


# Lower runs first. Somebody waits for the answer to a single extraction.
INTERACTIVE = 0
PRIORITIES = {Priority.NORMAL: 10, Priority.LOW: 20}


class ExtractOptions(Sent):
    """How an image is worked on."""

    mode: Mode | None = Field(
        None, description="Default: `hybrid` when the service has a Claude key, else `cv`."
    )
    model: Annotated[str, StringConstraints(pattern=r"^claude-[a-z0-9.-]{1,60}$")] | None = Field(
        None, description="The Claude model; default: the service's setting."
    )
    force: bool = Field(False, description="Work even where a finished result is at hand.")


class JobOptions(ExtractOptions):
    """How a job is worked on. An option that is not listed here is an error."""

    name: NameText | None = Field(None, description="Default: the name of the first file.")
    token_types: Annotated[list[TokenType], Field(min_length=1)] = Field(
        default_factory=lambda: list(TokenType), description="Default: all of them."
    )
    priority: Priority = Priority.NORMAL

    @field_validator("token_types")
    @classmethod
    def _in_one_order(cls, wanted: list[TokenType]) -> list[TokenType]:
        """Order and unite the types, so that the same wish is the same work."""
        return [token_type for token_type in TokenType if token_type in wanted]


def read_options(model: type[ExtractOptions], sent: bytes | None) -> dict[str, Any]:
    """Return the options field as a dictionary of all options of a model.

    Raises:
        UnknownOptions: The field is not JSON, or not such options.
    """
    try:
        return model.model_validate_json(sent or b"{}").model_dump(mode="json")
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise UnknownOptions(field_errors(details, root="/options")) from error


def choose_mode(options: dict[str, Any], settings: Settings) -> Mode:
    """Return the mode of a job.

    Raises:
        UnknownOptions: Claude is wanted, and the service has no key.
    """
    if options["mode"] is None:
        return Mode.HYBRID if settings.has_claude else Mode.CV
    mode = Mode(options["mode"])
    if mode is Mode.HYBRID and not settings.has_claude:
        reason = "the service has no Claude key, so `cv` is the only mode"
        raise UnknownOptions([FieldError("/options/mode", reason)])
    return mode
