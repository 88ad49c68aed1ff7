"""What was measured in an image as SVG over it: one unit of the drawing is one of its pixels."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any
from xml.sax.saxutils import escape

from fastapi import APIRouter, Query, Response

from api.deps import CurrentUser, ItemId, JobId, SiteDep
from api.openapi import problems
from shared.db.engine import transaction
from shared.db.items import read_item
from shared.db.results import read_item_tokens
from shared.db.retention import require_kept
from shared.errors import NotReady
from shared.export.specimen import Exhibit, arrange
from shared.tokens import Box, TokenSet, TokenType

# One color a type, dark enough for light images and light enough for dark ones.
STROKES = {
    TokenType.COLOR: "#2f6bff",
    TokenType.SPACING: "#e0301e",
    TokenType.TYPOGRAPHY: "#0a8f4b",
    TokenType.SHADOW: "#9b3fd1",
    TokenType.GRADIENT: "#b86e00",
    TokenType.RADIUS: "#008aa8",
}
_A_TYPE = "|".join(TokenType)
# It may be opened by itself, and then nothing in it is to run or to load.
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_STYLE = "path{fill-opacity:.08;stroke-width:1.5;vector-effect:non-scaling-stroke}"

router = APIRouter(prefix="/jobs/{job_id}/items/{item_id}", tags=["items"])


def outline(boxes: Iterable[Box]) -> str:
    """Return rectangles as the data of one SVG path."""
    return "".join(f"M{box.x} {box.y}h{box.width}v{box.height}h-{box.width}z" for box in boxes)


def exhibits_of(token_set: TokenSet, token_type: TokenType) -> list[Exhibit]:
    """Return the tokens of a type as they are shown, whatever group they are in."""
    return [each for _, group in arrange(token_type, token_set).groups for each in group]


_SVG: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A drawing of the image's size.",
        "content": {"image/svg+xml": {"schema": {"type": "string"}}},
    }
}


@router.get(
    "/overlay.svg",
    response_class=Response,
    responses=problems(401, 404, 409, 410, 422) | _SVG,
)
def draw_overlay(
    job_id: JobId,
    item_id: ItemId,
    user: CurrentUser,
    site: SiteDep,
    types: Annotated[
        str | None,
        Query(
            pattern=f"^({_A_TYPE})(,({_A_TYPE}))*$",
            description="Token types with commas between; default: all of them.",
        ),
    ] = None,
) -> Response:
    """Return the places of an image's tokens, to lay over the image at any zoom."""
    wanted = set(TokenType) if types is None else set(types.split(","))
    with transaction(site.engine) as connection:
        require_kept(connection, user.id, job_id)
        item = read_item(connection, user.id, job_id, item_id)
        token_set = read_item_tokens(connection, item)
    if item.width is None or item.height is None:
        raise NotReady(f"item {item_id} has no size yet")
    layers = [_layer(token_set, each) for each in TokenType if each in wanted]
    drawing = _document(item.width, item.height, layers)
    return Response(drawing, media_type="image/svg+xml", headers=_HEADERS)


def _layer(token_set: TokenSet, token_type: TokenType) -> str:
    paths = (
        f'<path id="{token_type}.{each.name}" d="{outline(each.token.boxes)}">'
        f"<title>{escape(f'{each.name}: {each.value}')}</title></path>"
        for each in exhibits_of(token_set, token_type)
    )
    color = STROKES[token_type]
    return f'<g id="{token_type}" fill="{color}" stroke="{color}">{"".join(paths)}</g>'


def _document(width: int, height: int, layers: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><style>{_STYLE}</style>{"".join(layers)}</svg>'
    )
