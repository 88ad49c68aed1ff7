"""Two jobs side by side: which tokens came, went, changed their value or their name."""

from typing import Generic, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, Field, computed_field
from sqlalchemy import Connection

from api.deps import CurrentUser, JobId, OtherJobId, SiteDep
from api.openapi import problems
from api.schemas import Answer
from shared.compare import compare
from shared.db.engine import transaction
from shared.db.results import read_job_tokens
from shared.db.retention import require_kept
from shared.nearness import color_difference
from shared.tokens import Color, Dimension, Gradient, Shadow, Token, TokenSet, Typography

Value = TypeVar("Value", bound=BaseModel)

router = APIRouter(prefix="/jobs/{job_id}", tags=["tokens"])


class Change(Answer, Generic[Value]):
    """A token before and after."""

    before: Token[Value]
    after: Token[Value]

    @computed_field(
        description="CIEDE2000 of two colors, alpha left out; 1 is about what an eye just tells "
        "apart. Null for other types."
    )
    def delta_e(self) -> float | None:
        """How far two colors are apart."""
        before, after = self.before.value, self.after.value
        if not (isinstance(before, Color) and isinstance(after, Color)):
            return None
        return round(color_difference(before, after), 2)


class Changes(Answer, Generic[Value]):
    """What became of the tokens of one type, the most used first."""

    added: tuple[Token[Value], ...]
    removed: tuple[Token[Value], ...]
    changed: tuple[Change[Value], ...] = Field(description="Of another value.")
    renamed: tuple[Change[Value], ...] = Field(description="Of the same value.")


class ChangesByType(Answer):
    """What became of the tokens of each type."""

    color: Changes[Color]
    spacing: Changes[Dimension]
    typography: Changes[Typography]
    shadow: Changes[Shadow]
    gradient: Changes[Gradient]
    radius: Changes[Dimension]


class Compared(Answer):
    """A token set that was compared; another pipeline version may measure otherwise."""

    id: str
    job_id: str
    pipeline_version: str


class ChangeCounts(Answer):
    """How many tokens of all types came to what."""

    added: int
    removed: int
    changed: int
    renamed: int


class Comparison(Answer):
    """How the confirmed tokens of one job differ from those of another."""

    before: Compared
    after: Compared
    same: bool
    counts: ChangeCounts
    tokens: ChangesByType


@router.get("/diff/{other_id}", responses=problems(401, 404, 409, 410))
def compare_jobs(
    job_id: JobId, other_id: OtherJobId, user: CurrentUser, site: SiteDep
) -> Comparison:
    """Tell what became of the tokens of a job (`job_id`, before) in another (`other_id`, after).

    Values are the same when they differ by no more than measuring does. A token of another value
    is followed by a name it was given, else by being used as often in images of the same name.
    """
    with transaction(site.engine) as connection:
        before = _read(connection, user.id, job_id)
        after = _read(connection, user.id, other_id)
    differences = compare(before.tokens, after.tokens)
    kinds = ("added", "removed", "changed", "renamed")
    counts = {
        kind: sum(len(getattr(each, kind)) for each in differences.values()) for kind in kinds
    }
    return Comparison(
        before=Compared.model_validate(before),
        after=Compared.model_validate(after),
        same=not any(counts.values()),
        counts=ChangeCounts(**counts),
        tokens=ChangesByType.model_validate(
            {token_type.value: each for token_type, each in differences.items()}
        ),
    )


def _read(connection: Connection, owner_id: str, job_id: str) -> TokenSet:
    require_kept(connection, owner_id, job_id)
    return read_job_tokens(connection, owner_id, job_id)
