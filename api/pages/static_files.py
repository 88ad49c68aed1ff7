"""Stylesheets and scripts, kept by browsers for as long as they like."""

from fastapi import APIRouter, Response

from api.pages.assets import load_assets
from shared.errors import NotFound

router = APIRouter(include_in_schema=False)


@router.get("/static/{digest}/{name}")
def read_asset(digest: str, name: str) -> Response:
    """Return a file; an address of an older version gives the one of today, and is not kept."""
    assets = load_assets()
    asset = assets.by_name.get(name)
    if asset is None:
        raise NotFound(f"no file {name!a}")
    kept = "public, max-age=31536000, immutable" if digest == assets.digest else "no-cache"
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": kept})


@router.get("/favicon.ico")
def read_icon() -> Response:
    """Return the icon that browsers ask for by themselves."""
    icon = load_assets().by_name["icon.svg"]
    return Response(icon.content, media_type=icon.media_type)
