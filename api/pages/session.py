"""Who looks at a page, whether a form is one of ours, and what becomes of errors on pages."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from api.deps import (
    SESSION_COOKIE,
    SessionCookie,
    SiteDep,
    cookie_user,
    origin_of,
    require_own_page,
)
from api.errors import headers_of, status_of
from api.fields import InvalidFields, field_errors
from api.limits import Kind, RouteClass
from api.pages.rendering import VISIT_COOKIE, show
from shared.db.users import UserView
from shared.errors import CopyThatError, Problem, Unauthenticated, Unavailable

SEE_OTHER = 303


class PageRoute(APIRoute):
    """A route whose errors are pages; who is not signed in is sent to do so first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler that FastAPI makes."""
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            try:
                return await handle(request)
            except Unauthenticated:
                return go_to_login(request)
            except RequestValidationError as error:
                invalid = InvalidFields(field_errors(error.errors()))
                return await run_in_threadpool(show_error, request, invalid)
            except CopyThatError as error:
                return await run_in_threadpool(show_error, request, error)

        return handle_as_page


def go_to_login(request: Request) -> Response:
    """Send somebody to the login, and back to what they wanted to read afterwards."""
    back = request.url.path if request.method == "GET" else "/"
    return RedirectResponse("/login?next=" + quote(back), SEE_OTHER)


def show_error(request: Request, error: CopyThatError) -> Response:
    """Return an error as a page."""
    page = show_problem(request, Problem.of(error), status_of(type(error)))
    page.headers.update(headers_of(request, error))
    return page


def show_problem(request: Request, problem: Problem, status: int) -> Response:
    """Return what went wrong as a page."""
    return show(
        request,
        "error.html",
        user=visitor_of(request),
        status=status,
        problem=problem,
        request_id=request.state.request_id,
    )


def visitor_of(request: Request) -> UserView | None:
    """Return who is signed in, as far as that can be told."""
    try:
        return cookie_user(request.app.state.site, request.cookies.get(SESSION_COOKIE))
    except (Unauthenticated, Unavailable):
        return None


def _page_user(request: Request, site: SiteDep, cookie: SessionCookie = None) -> UserView:
    route_class = RouteClass.READ if request.method == "GET" else RouteClass.WRITE
    site.limiter.count(request, route_class, Kind.ADDRESS, origin_of(request))
    user = cookie_user(site, cookie)
    site.limiter.count(request, route_class, Kind.USER, user.id)
    return user


PageUser = Annotated[UserView, Depends(_page_user)]
_Csrf = Annotated[str, Form()]


def _check_form(request: Request, site: SiteDep, csrf: _Csrf = "") -> None:
    """Refuse a form that is not from a page of who is signed in.

    Raises:
        Unauthenticated: Nobody is.
        ForgedRequest: Its token is not the one of the session.
    """
    cookie = request.cookies.get(SESSION_COOKIE)
    if cookie is None:
        raise Unauthenticated("sign in first")
    require_own_page(site, cookie, csrf)


def _check_visitor(request: Request, site: SiteDep, csrf: _Csrf = "") -> None:
    """Refuse a form to sign in or to register that is not from one of our pages.

    Raises:
        ForgedRequest: Its token is not the one of the browser's visit.
    """
    require_own_page(site, request.cookies.get(VISIT_COOKIE, ""), csrf)


OwnForm = Depends(_check_form)
VisitorForm = Depends(_check_visitor)
