"""A job's tokens beside those of an earlier one."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.deps import JobId, SiteDep
from api.pages.rendering import show
from api.pages.session import PageRoute, PageUser
from shared.compare import Difference, Pair, compare
from shared.db.engine import transaction
from shared.db.job_views import has_ended, list_jobs, read_job
from shared.db.results import read_job_tokens
from shared.db.retention import require_kept
from shared.export.specimen import TITLES, Exhibit, exhibit
from shared.tokens import Scale, Token, TokenType

# Jobs to choose the other one from, the newest ones.
OFFERED_JOBS = 100

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of a token: how it was, and how it is; None where it was not or is not."""

    before: Exhibit | None
    after: Exhibit | None


@dataclass(frozen=True, slots=True)
class Section:
    """What became of the tokens of a type, by what it was."""

    title: str
    token_type: TokenType
    parts: tuple[tuple[str, tuple[Row, ...]], ...]


@router.get("/jobs/{job_id}/compare")
def show_comparison(
    request: Request,
    job_id: JobId,
    user: PageUser,
    site: SiteDep,
    before: Annotated[str | None, Query(pattern="^job_[0-9a-f]{32}$")] = None,
) -> Response:
    """Show how a job's tokens differ from those of the job ``before``."""
    with transaction(site.engine) as connection:
        job = read_job(connection, user.id, job_id)
        others = list_jobs(connection, user.id, limit=OFFERED_JOBS)
        context: dict[str, Any] = {"sections": None}
        if before is not None:
            for each in (before, job_id):
                require_kept(connection, user.id, each)
            old = read_job_tokens(connection, user.id, before)
            new = read_job_tokens(connection, user.id, job_id)
            differences = compare(old.tokens, new.tokens)
            context["sections"] = [
                _section(*each) for each in differences.items() if each[1].count
            ]
    return show(
        request,
        "compare.html",
        user=user,
        job=job,
        before=before,
        others=[each for each in others if each.id != job_id and has_ended(each)],
        **context,
    )


def _section(token_type: TokenType, found: Difference) -> Section:
    def shown(token: Token[Any]) -> Exhibit:
        return exhibit(token_type, token, Scale())

    def both(pairs: tuple[Pair, ...]) -> tuple[Row, ...]:
        return tuple(Row(shown(pair.before), shown(pair.after)) for pair in pairs)

    parts = (
        ("Changed", both(found.changed)),
        ("Added", tuple(Row(None, shown(token)) for token in found.added)),
        ("Removed", tuple(Row(shown(token), None) for token in found.removed)),
        ("Renamed", both(found.renamed)),
    )
    return Section(TITLES[token_type], token_type, tuple(part for part in parts if part[1]))
