"""Errors as HTTP answers: ``application/problem+json`` (RFC 9457), whatever went wrong.

Handlers are no coroutines: a page says who is signed in, and asks the database for that.

This is the only place that knows the status of an error. The order of ``STATUSES`` does not
matter: the nearest ancestor that is listed decides.
"""

from collections import defaultdict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.fields import FieldError, InvalidFields, UnknownOptions, field_errors
from shared.errors import (
    ClaudeError,
    ClaudeUnavailable,
    CopyThatError,
    DeadlineExceeded,
    EmailTaken,
    Gone,
    ImageTooLarge,
    InvalidOptions,
    InvalidRequest,
    JobRunning,
    KeyReused,
    NotFound,
    NothingToRetry,
    NothingUsable,
    NotReady,
    Overloaded,
    Problem,
    TooManyQueued,
    Unauthenticated,
    Unavailable,
    UnreadableInput,
    UploadTooLarge,
)
from shared.imports import UnreadableTokens

PROBLEM_TYPE = "application/problem+json"
# Long enough for a database or broker to restart, short enough for a person to wait.
RETRY_UNAVAILABLE_S = 5
# A backlog shrinks by images, some seconds each.
RETRY_BACKLOG_S = 30


class ForgedRequest(InvalidRequest):
    """A browser sent its cookie, and the request does not come from one of our pages."""

    code = "forged_request"
    title = "The request does not come from our pages"


class Forbidden(InvalidRequest):
    """The caller is known, and may not do this."""

    code = "forbidden"
    title = "Your account may not do this"


class RegistrationClosed(Forbidden):
    """Accounts are made by administrators."""

    code = "registration_closed"
    title = "This service takes no registrations"


class RateLimited(CopyThatError):
    """An account, API key or network has asked for more than its quota."""

    code = "rate_limited"
    title = "Too many requests"

    def __init__(self, name: str, wait_s: int) -> None:
        """Say which quota it was, and when the next one begins."""
        super().__init__(f"the quota {name} is used up; the next one begins in {wait_s} s")
        self.wait_s = wait_s


class TooManyOpen(CopyThatError):
    """A user has so many requests open that take long, that one more has to wait."""

    code = "too_many_open"
    title = "Too many requests are open at once"


class TooManyLogins(CopyThatError):
    """Logins for an account, or from an address, failed so often that the next one has to wait."""

    code = "too_many_logins"
    title = "Too many logins have failed"

    def __init__(self, wait_s: float) -> None:
        """Say when to try again."""
        self.wait_s = round(wait_s)
        seconds = "second" if self.wait_s == 1 else "seconds"
        super().__init__(f"try again in {self.wait_s} {seconds}")


STATUSES: dict[type[CopyThatError], HTTPStatus] = {
    CopyThatError: HTTPStatus.INTERNAL_SERVER_ERROR,
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    InvalidOptions: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidFields: HTTPStatus.UNPROCESSABLE_ENTITY,
    NothingUsable: HTTPStatus.UNPROCESSABLE_ENTITY,
    UploadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnreadableTokens: HTTPStatus.UNPROCESSABLE_ENTITY,
    EmailTaken: HTTPStatus.CONFLICT,
    ForgedRequest: HTTPStatus.FORBIDDEN,
    Forbidden: HTTPStatus.FORBIDDEN,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyOpen: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyLogins: HTTPStatus.TOO_MANY_REQUESTS,
    KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    NotFound: HTTPStatus.NOT_FOUND,
    NotReady: HTTPStatus.CONFLICT,
    Gone: HTTPStatus.GONE,
    JobRunning: HTTPStatus.CONFLICT,
    NothingToRetry: HTTPStatus.CONFLICT,
    TooManyQueued: HTTPStatus.TOO_MANY_REQUESTS,
    UnreadableInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    ImageTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    DeadlineExceeded: HTTPStatus.GATEWAY_TIMEOUT,
    ClaudeError: HTTPStatus.BAD_GATEWAY,
    ClaudeUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

_log = structlog.get_logger("api.errors")


def status_of(kind: type[CopyThatError]) -> HTTPStatus:
    """Return the status of an error: its own, or that of its nearest listed ancestor."""
    return next(
        STATUSES[ancestor]
        for ancestor in kind.__mro__
        if issubclass(ancestor, CopyThatError) and ancestor in STATUSES
    )


def status_of_code(code: str) -> HTTPStatus:
    """Return the status of an error that is known by its code alone, 500 for an unknown one."""
    kinds: list[type[CopyThatError]] = [CopyThatError]
    for kind in kinds:
        if kind.code == code:
            return status_of(kind)
        kinds.extend(kind.__subclasses__())
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem_response(
    request: Request,
    problem: Problem,
    status: int,
    *,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    """Return a problem as an answer: to a browser that goes where people go, as a page.

    Args:
        request: What it answers; its path is the ``instance``.
        problem: What went wrong.
        status: The HTTP status.
        headers: More headers.
        members: More members of the body.
    """
    if _wants_page(request):
        page: Response = request.app.state.show_problem(request, problem, status)
        page.headers.update(headers or {})
        return page
    body = {"type": problem.type, "title": problem.title, "status": status}
    body |= {"detail": problem.detail, "instance": request.url.path, "code": problem.code}
    content = jsonable_encoder(body | dict(members or {}))
    return JSONResponse(content, status, headers, media_type=PROBLEM_TYPE)


def _wants_page(request: Request) -> bool:
    """Tell whether somebody looks at the answer; browsers ask for HTML by name."""
    inside = request.url.path == "/api" or request.url.path.startswith("/api/")
    return not inside and "text/html" in request.headers.get("accept", "")


def answer_error(request: Request, error: CopyThatError) -> Response:
    """Return one of our errors as an answer."""
    members = {}
    if isinstance(error, InvalidFields | UnknownOptions):
        members["errors"] = [field.as_dict() for field in error.errors]
    if isinstance(error, UnreadableTokens):
        members["errors"] = [FieldError(error.pointer, error.reason).as_dict()]
    status = status_of(type(error))
    return problem_response(
        request, Problem.of(error), status, headers=headers_of(request, error), members=members
    )


def headers_of(request: Request, error: CopyThatError) -> dict[str, str]:
    """Return the headers that an error is answered with."""
    if isinstance(error, RateLimited | TooManyLogins):
        return {"Retry-After": str(error.wait_s)}
    if isinstance(error, Overloaded | TooManyQueued | TooManyOpen):
        return {"Retry-After": str(RETRY_BACKLOG_S)}
    if isinstance(error, Unavailable):
        return {"Retry-After": str(RETRY_UNAVAILABLE_S)}
    if isinstance(error, Unauthenticated):
        # RFC 6750, section 3: no error code where no credentials were sent.
        sent = "authorization" in request.headers
        return {"WWW-Authenticate": 'Bearer error="invalid_token"' if sent else "Bearer"}
    return {}


def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, CopyThatError)  # noqa: S101 -- registered for this class alone
    if status_of(type(error)) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("answered with an error", code=error.code, detail=error.detail)
    return answer_error(request, error)


def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- likewise
    return answer_error(request, InvalidFields(field_errors(error.errors())))


# HEAD is answered wherever GET is.
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_KINDS_BY_STATUS: dict[int, type[CopyThatError]] = {
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: UploadTooLarge,
}


def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 -- likewise
    status = HTTPStatus(error.status_code)
    kind = _KINDS_BY_STATUS.get(status)
    code = kind.code if kind else status.phrase.lower().replace(" ", "_")
    title = kind.title if kind else status.phrase
    detail = error.detail if error.detail != status.phrase else status.description
    problem = Problem(code, title, detail or title)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return problem_response(request, problem, status, headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """Return every method of a path; its router names those of one route alone.

    A path that a route spells out is that resource, though a pattern may fit it, too.
    """
    methods_by_path = defaultdict[str, set[str]](set)
    for route in iter_route_contexts(request.app.routes):
        if route.path and route.methods and route.path_regex.match(request.url.path):
            methods_by_path[route.path] |= route.methods
    nearest = min(methods_by_path, key=lambda path: path.count("{"))
    allowed = [method for method in _METHODS if method in methods_by_path[nearest]]
    return [*allowed, "HEAD"] if "GET" in allowed else allowed


def _on_bug(request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw: the caller gets an id, the log gets the trace."""
    request_id = request.scope.get("state", {}).get("request_id", "")
    _log.error("unforeseen error", request_id=request_id, exc_info=error)
    problem = Problem.of(CopyThatError("the log of this request says more"))
    return problem_response(
        request,
        problem,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        # Starlette answers these outside of our middleware, which would have set it.
        headers={"X-Request-ID": request_id},
        members={"request_id": request_id},
    )


def _on_disconnect(request: Request, error: Exception) -> Response:
    """End a request whose client has left; nobody reads the answer."""
    del error
    problem = Problem.of(InvalidRequest("the connection ended before the request did"))
    return problem_response(request, problem, HTTPStatus.BAD_REQUEST)


def add_error_handlers(app: FastAPI) -> None:
    """Make every error of an application a problem."""
    app.add_exception_handler(CopyThatError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_bug)
