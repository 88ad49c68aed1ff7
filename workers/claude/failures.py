"""What can go wrong between us and Anthropic's API, told as the three errors we know.

Which exceptions there are was read off the SDK (2.12) and provoked: besides its own tree it lets
through its HTTP library's errors when a connection drops and ``ValueError`` when a body is cut.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus

import anthropic
import httpx2

from shared.claude.budget import Bucket, read_limits
from shared.errors import (
    ClaudeError,
    ClaudeLimited,
    ClaudeMisconfigured,
    ClaudeRefused,
    ClaudeUnavailable,
)


class Outcome(StrEnum):
    """How a request ended."""

    ANSWERED = "answered"  # a whole message came
    CUT_SHORT = "cut_short"  # a message came, its room was not enough
    REFUSED = "refused"  # a message came, the model declined
    REJECTED = "rejected"  # the API does not take this request
    LIMITED = "limited"  # too many requests or tokens
    OVERLOADED = "overloaded"  # the API failed on its side
    TIMED_OUT = "timed_out"  # no answer in time; whether it was billed is not known
    UNREACHABLE = "unreachable"  # no connection, or it dropped
    UNREADABLE = "unreadable"  # what came is no message
    MISCONFIGURED = "misconfigured"  # key, permission, model name, address or budget
    CANCELED = "canceled"  # taken back with its batch before its turn came
    EXPIRED = "expired"  # its batch ran out of time before its turn came


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that brought no message.

    ``usd`` is 0 where the API surely did not work, None where it may have.
    ``forcing_refused`` says that the model does not take a forced tool and may be asked again.
    """

    outcome: Outcome
    error: ClaudeError
    usd: Decimal | None
    request_id: str | None = None
    forcing_refused: bool = False


FREE = Decimal(0)

# These end by waiting; every other status from 500 up does as well.
_PASSING = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        499,  # closed by a proxy on our side
    }
)
_ACCOUNT = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PAYMENT_REQUIRED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,  # no such model, or no API at this address
    }
)
# A budget that is spent comes back as 429 or 400, and never soon.
_ACCOUNT_CODES = frozenset(
    {
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
        "linked_organization_spend_limit_reached",
        "linked_organization_billing_unavailable",
        "organization_on_hold",
    }
)
_ACCOUNT_WORDS = ("specified api usage limits", "credit balance")
_MAX_QUOTE = 200  # of the API's own words


def translate(error: Exception) -> Failure:
    """Return what an exception of the SDK or of its HTTP library amounts to."""
    if isinstance(error, anthropic.APIStatusError):
        return _of_status(error)
    if isinstance(error, anthropic.APIConnectionError):
        return _of_connection(error)
    if isinstance(error, anthropic.CredentialsError | UnicodeEncodeError):
        return _misconfigured(f"the key or the address cannot be used: {error}")
    if isinstance(error, httpx2.HTTPError):
        unreachable = ClaudeUnavailable(f"the connection broke: {type(error).__name__}")
        return Failure(Outcome.UNREACHABLE, unreachable, usd=None)
    return unreadable(f"the answer is no message: {error}")


def unreadable(detail: str) -> Failure:
    """Return the failure of an answer that came with status 200 and is no message."""
    return Failure(Outcome.UNREADABLE, ClaudeUnavailable(detail[:_MAX_QUOTE]), usd=None)


def _of_status(error: anthropic.APIStatusError) -> Failure:
    """Return the failure that a status of 4xx or 5xx stands for."""
    status = error.status_code
    words = str(error.api_message or "")
    detail = f"the API answered {status}: {words or error.message}"[:_MAX_QUOTE]
    if _is_about_the_account(error, words):
        return _misconfigured(detail, error.request_id)
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        limited = status == HTTPStatus.TOO_MANY_REQUESTS
        passing = ClaudeLimited if limited else ClaudeUnavailable
        return Failure(
            Outcome.LIMITED if limited else Outcome.OVERLOADED,
            passing(detail, read_retry_after(error.response.headers)),
            FREE,
            error.request_id,
        )
    return Failure(
        Outcome.REJECTED,
        ClaudeRefused(detail),
        FREE,
        error.request_id,
        forcing_refused=status == HTTPStatus.BAD_REQUEST and "tool_choice" in words,
    )


def _is_about_the_account(error: anthropic.APIStatusError, words: str) -> bool:
    """Return whether every other request would fail in the same way."""
    if error.status_code in _ACCOUNT or error.error_code in _ACCOUNT_CODES:
        return True
    return any(phrase in words.lower() for phrase in _ACCOUNT_WORDS)


def _of_connection(error: anthropic.APIConnectionError) -> Failure:
    """Return the failure of a request that got no status, by what the HTTP library said."""
    cause = error.__cause__
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
        return _misconfigured(f"the key or the address cannot be used: {cause}")
    unsent = isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
    late = isinstance(error, anthropic.APITimeoutError)
    reason = f": {cause}" if cause is not None and str(cause) else ""
    detail = "the API did not answer in time" if late else f"the API is out of reach{reason}"
    return Failure(
        Outcome.TIMED_OUT if late and not unsent else Outcome.UNREACHABLE,
        ClaudeUnavailable(detail[:_MAX_QUOTE]),
        usd=FREE if unsent else None,
    )


def _misconfigured(detail: str, request_id: str | None = None) -> Failure:
    return Failure(Outcome.MISCONFIGURED, ClaudeMisconfigured(detail), FREE, request_id)


def limits_of(error: Exception) -> Mapping[str, Bucket]:
    """Return what an answer that is an error tells of the rate limits."""
    return (
        read_limits(error.response.headers) if isinstance(error, anthropic.APIStatusError) else {}
    )


def read_retry_after(headers: httpx2.Headers) -> float | None:
    """Return the seconds that a response asks to wait, None when it does not say.

    Source: RFC 9110, 10.2.3 (seconds or a date), and ``retry-after-ms``, Anthropic's finer one.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    stated = headers.get("retry-after")
    seconds = _number(stated)
    return seconds if seconds is not None or stated is None else _until(stated)


def _number(text: str | None) -> float | None:
    """Return a finite number that is not negative, None for any other text."""
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until(date: str) -> float | None:
    """Return the seconds until an HTTP date, None when it is none; 0 when it has passed."""
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
