"""Pages as HTML: the templates, what each of them may use, and the policy they are sent with."""

import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.deps import SESSION_COOKIE, Site
from api.pages import wording
from api.pages.assets import load_assets
from api.security import csrf_token
from shared.db.users import UserView

# Scripts and styles come from us and from files alone. A style attribute may hold the value that
# a token is drawn with: it is measured, and nothing but CSS can come of it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    # Somebody's jobs are for nobody's cache; going back shows them as they are now.
    "Cache-Control": "private, no-cache",
}
# Who is not signed in has a cookie, too: forms of theirs are told from forged ones by it.
VISIT_COOKIE = "copythat_visit"
_VISIT_BYTES = 16


def _build_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("api.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= wording.FILTERS
    environment.globals["asset"] = lambda name: load_assets().url(name)
    return environment


_ENVIRONMENT = _build_environment()


def show(
    request: Request,
    template: str,
    *,
    user: UserView | None,
    status: int = HTTPStatus.OK,
    **context: Any,  # noqa: ANN401 -- what templates take
) -> HTMLResponse:
    """Return a page.

    Args:
        request: What it answers.
        template: A file in ``templates/``.
        user: Who is signed in.
        status: The HTTP status.
        context: What the template shows.
    """
    site: Site = request.app.state.site
    session = request.cookies.get(SESSION_COOKIE) if user else None
    visit = None if session else request.cookies.get(VISIT_COOKIE)
    shown_to = session or visit or secrets.token_urlsafe(_VISIT_BYTES)
    content = _ENVIRONMENT.get_template(template).render(
        **context,
        user=user,
        path=request.url.path,
        now=datetime.now(UTC),
        csrf=csrf_token(site.keys, shown_to),
    )
    response = HTMLResponse(content, status, HEADERS)
    if session is None and visit is None:
        set_cookie(request, response, VISIT_COOKIE, shown_to)
    return response


def set_cookie(
    request: Request,
    response: Response,
    name: str,
    value: str,
    max_age_s: int | None = None,
) -> None:
    """Set a cookie that no script reads and no other site's form brings along."""
    response.set_cookie(
        name,
        value,
        max_age=max_age_s,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
