"""The options of a job: what a caller may choose, and what follows when they do not."""

import re
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    field_validator,
)

from api.fields import FieldError, UnknownOptions, field_errors
from api.schemas import LABEL_NAME, LABEL_VALUE, NameText, Sent
from shared.claude.prices import has_price
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


class Calls(StrEnum):
    """How Claude is asked."""

    INTERACTIVE = "interactive"  # a call an image, answered in seconds
    BATCH = "batch"  # Message Batches: half the price, mostly within an hour, 24 at the most


# Lower runs first. Somebody waits for the answer to a single extraction.
INTERACTIVE = 0
PRIORITIES = {Priority.NORMAL: 10, Priority.LOW: 20}


MAX_LABELS = 16
MIN_DEADLINE_S = 1
# Results are kept for no longer, unless a setting says so.
MAX_DEADLINE_S = 30 * 24 * 3600
MAX_URL = 2048
# What the books have room for: nobody names screenshots for a million.
MAX_COST_USD = 100_000


# What is documented: the check itself also takes IPv6 addresses and, where a setting allows it,
# plain http.
_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_HOST = "[A-Za-z0-9._-]+"
_PUBLIC_ADDRESS = rf"^https://{_HOST}(:({_PORT}))?([/?#][!-~]*)?$"


def _web_address(url: str) -> str:
    """Return an address that can be posted to; whether it may be is asked when it is."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("has to be an http or https address")
    if not re.fullmatch(_HOST, parts.hostname) and ":" not in parts.hostname:
        raise ValueError("names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold credentials")
    if parts.port == 0:
        raise ValueError("has a port that nobody listens on")
    return url


LabelName = Annotated[str, StringConstraints(pattern=rf"^{LABEL_NAME}$")]
LabelValue = Annotated[str, StringConstraints(pattern=rf"^{LABEL_VALUE}$")]
WebAddress = Annotated[
    str,
    StringConstraints(max_length=MAX_URL, pattern=r"^[!-~]+$"),
    AfterValidator(_web_address),
    WithJsonSchema({"type": "string", "maxLength": MAX_URL, "pattern": _PUBLIC_ADDRESS}),
]


class ExtractOptions(Sent):
    """How an image is worked on."""

    mode: Mode | None = Field(
        None, description="Default: `hybrid` when the service has a Claude key, else `cv`."
    )
    model: Annotated[str, StringConstraints(pattern=r"^claude-[a-z0-9.-]{1,60}$")] | None = Field(
        None, description="The Claude model; default: the service's setting."
    )
    force: StrictBool = Field(False, description="Work even where a finished result is at hand.")


class JobOptions(ExtractOptions):
    """How a job is worked on. An option that is not listed here is an error."""

    name: NameText | None = Field(None, description="Default: the name of the first file.")
    token_types: Annotated[list[TokenType], Field(min_length=1)] = Field(
        default_factory=lambda: list(TokenType), description="Default: all of them."
    )
    claude: Calls = Field(
        Calls.INTERACTIVE,
        description="`batch`: Message Batches, for half the price, within 24 hours.",
    )
    priority: Priority = Priority.NORMAL
    labels: Annotated[dict[LabelName, LabelValue], Field(max_length=MAX_LABELS)] = Field(
        default_factory=dict, description="Of your own; `GET /jobs?label=name=value` finds them."
    )
    deadline_s: (
        Annotated[float, Field(ge=MIN_DEADLINE_S, le=MAX_DEADLINE_S, strict=True)] | None
    ) = Field(None, description="Seconds after which images that are not done fail.")
    max_cost_usd: Annotated[float, Field(ge=0, le=MAX_COST_USD, strict=True)] | None = Field(
        None, description="What Claude may cost; images past it are named by rule."
    )
    webhook_url: WebAddress | None = Field(None, description="Told when the job ends.")

    @field_validator("token_types")
    @classmethod
    def _in_one_order(cls, wanted: list[TokenType]) -> list[TokenType]:
        """Order and unite the types, so that the same wish is the same work."""
        return [token_type for token_type in TokenType if token_type in wanted]


def scheme_error(url: str, settings: Settings) -> str | None:
    """Say what is wrong with the scheme of an address that is to be told, if anything is."""
    if url.startswith("https://") or settings.webhook_allow_private:
        return None
    return "has to begin with https://"


def require_webhook_url(options: dict[str, Any], settings: Settings) -> None:
    """Refuse a job that names an address which would never be told.

    Raises:
        UnknownOptions: The address is not one of HTTPS.
    """
    url = options["webhook_url"]
    if url is not None and (wrong := scheme_error(url, settings)):
        raise UnknownOptions([FieldError("/options/webhook_url", wrong)])


def require_price(options: dict[str, Any], settings: Settings) -> None:
    """Refuse a cap on what nobody knows the price of.

    Raises:
        UnknownOptions: The job caps its cost, and its model is not in the price list.
    """
    model = options["model"] or settings.claude_model
    if options["max_cost_usd"] is not None and not has_price(model):
        reason = f"the price of {model} is not known, so no cap can be kept"
        raise UnknownOptions([FieldError("/options/max_cost_usd", reason)])


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
