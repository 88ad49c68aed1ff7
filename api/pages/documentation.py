"""`/docs`: the API's own description, drawn by Swagger UI.

FastAPI's page of that name runs scripts of another site, and one inside of it, where sessions are.
"""

from fastapi import APIRouter, Request, Response

from api.pages.rendering import show
from api.pages.session import visitor_of

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def show_documentation(request: Request) -> Response:
    """Show every operation, with a form to try it."""
    return show(request, "documentation.html", user=visitor_of(request))
