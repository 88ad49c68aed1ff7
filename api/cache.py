"""Dropping what was extracted from an image before."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import CurrentUser, SiteDep
from api.openapi import problems
from shared.db import cache
from shared.db.engine import transaction

router = APIRouter(prefix="/cache", tags=["cache"])

Sha256 = Annotated[
    str, Path(pattern="^[0-9a-f]{64}$", description="Of the file, as an item's `sha256`.")
]


@router.delete("/{sha256}", status_code=204, responses=problems(401, 422))
def drop_cached(sha256: Sha256, user: CurrentUser, site: SiteDep) -> None:
    """Drop every cached extraction of an image, of your own jobs; there need not be any.

    The next job that has the image measures and names it anew. What is being extracted just now
    goes on. Jobs that have ended keep what they came to.
    """
    with transaction(site.engine) as connection:
        cache.drop(connection, user.id, sha256)
