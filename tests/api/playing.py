"""Workers played by a test: stages end as it says, by the functions that real workers call."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from shared.db import completion, items, results, steps, work
from shared.db.engine import transaction
from shared.db.items import NewItem
from shared.db.states import Stage
from shared.db.work import Claim
from shared.errors import Problem
from shared.queue import Queue
from shared.tokens import Box, Color, Source, Token, Tokens

BLUE = Token[Color](
    name="blue-600",
    value=Color(hex="#2563eb"),
    usage=3,
    confidence=0.9,
    source=Source.CV,
    boxes=(Box(x=8, y=4, width=12, height=6),),
)
TOKENS: dict[str, Any] = Tokens(color=(BLUE,)).model_dump(mode="json", by_alias=True)


def claim_next(engine: Engine) -> Claim | None:
    """Claim what is next in any queue."""
    with transaction(engine) as connection:
        for queue in Queue:
            if claims := work.claim(connection, queue, "played"):
                completion.begin(connection, claims)
                return claims[0]
    return None


def finish(
    engine: Engine, claimed: Claim, members: Mapping[str, str], degraded: Problem | None = None
) -> None:
    """End a stage well; unpacking finds ``members``, hashes by name."""
    with transaction(engine) as connection:
        job_id = claimed.key.options_hash
        if claimed.key.stage is Stage.UNPACK:
            new = [NewItem(name, sha256) for name, sha256 in members.items()]
            items.add_items(connection, job_id, 0, new)
            completion.all_items_known(connection, job_id, 0)
        if claimed.key.stage is Stage.MERGE:
            version = claimed.key.pipeline_version
            results.store_job_tokens(connection, job_id, version, ["one.png"], TOKENS)
        value = TOKENS if claimed.key.stage is Stage.ASSEMBLE else {}
        work.finish(connection, claimed, value, degraded)
        steps.advance_keys(connection, [claimed.key])


def fail(engine: Engine, claimed: Claim, problem: Problem) -> None:
    """End a stage with an error for good."""
    with transaction(engine) as connection:
        work.bury(connection, claimed, problem)
        steps.advance_keys(connection, [claimed.key])


def finish_all(engine: Engine, members: Mapping[str, str] | None = None) -> None:
    """Do all work there is, and all that follows from it."""
    while claimed := claim_next(engine):
        finish(engine, claimed, members or {})
