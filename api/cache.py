"""Dropping what was extracted from an image before."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from api.deps import CurrentAdmin, CurrentUser, SiteDep
from api.openapi import problems
from shared.db import cache
from shared.db.engine import transaction
from shared.tokens import PIPELINE_VERSION

router = APIRouter(prefix="/cache", tags=["cache"])

# Rows of one transaction: others go on claiming in between.
DROP_ROWS = 5000

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


@router.delete("", status_code=204, responses=problems(401, 403, 422))
def drop_version(
    user: CurrentAdmin,
    site: SiteDep,
    all: Annotated[Literal["true"], Query(description="Has to be there: this is for all users.")],  # noqa: A002 -- as in the address
    pipeline_version: Annotated[
        str,
        Query(
            max_length=64,
            pattern="^[ -~]*$",
            description="The version whose extractions are dropped.",
        ),
    ] = PIPELINE_VERSION,
) -> None:
    """Drop every cached extraction of everybody's images that a version of the pipeline made.

    For administrators. Jobs that have ended keep what they came to.
    """
    del user, all
    more = True
    while more:
        with transaction(site.engine) as connection:
            more = cache.drop_version(connection, pipeline_version, DROP_ROWS) == DROP_ROWS
