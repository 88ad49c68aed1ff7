"""Jobs over a real database, with stages played by the test."""

from sqlalchemy import Engine, text

from shared.db import completion, items, job_views, jobs, leases, results, steps, work
from shared.db.blobs import SourceFile
from shared.db.engine import transaction
from shared.db.items import NewItem
from shared.db.job_views import JobView
from shared.db.jobs import NewJob
from shared.db.states import Stage
from shared.db.work import Claim
from shared.errors import Problem
from shared.queue import Queue

ALL = {"token_types": ["color"], "force": False, "model": None}


def submit(
    engine: Engine, owner_id: str, names: list[str], mode: str = "cv", **options: object
) -> str:
    """Store a job of images whose hash follows from their names."""
    return submit_at(engine, owner_id, names, 0, mode, **options)


def submit_at(
    engine: Engine,
    owner_id: str,
    names: list[str],
    priority: int,
    mode: str = "cv",
    **options: object,
) -> str:
    sources = [SourceFile(name, name[0] * 64, 10, "image/png") for name in names]
    new = NewJob(
        owner_id,
        "a job",
        mode,
        priority,
        ALL | options,
        sources,
        "request-1",
        [NewItem(source.filename, source.sha256) for source in sources],
    )
    with transaction(engine) as connection:
        return jobs.create_job(connection, new).job_id


def claim_next(engine: Engine, worker: str = "worker") -> Claim | None:
    """Claim what is next in any queue."""
    with transaction(engine) as connection:
        for queue in Queue:
            if claims := work.claim(connection, queue, worker):
                completion.begin(connection, claims)
                return claims[0]
    return None


def finish(
    engine: Engine, claimed: Claim, degraded: Problem | None = None, value: str = "value"
) -> bool:
    with transaction(engine) as connection:
        if not work.finish(connection, claimed, {"v": value}, degraded):
            return False
        if claimed.key.stage is Stage.MERGE:
            job_id = claimed.key.options_hash
            results.store_job_tokens(connection, job_id, "1", ["a"], {})
        steps.advance_keys(connection, [claimed.key])
        return True


def bury(engine: Engine, claimed: Claim, problem: Problem) -> None:
    with transaction(engine) as connection:
        work.bury(connection, claimed, problem)
        steps.advance_keys(connection, [claimed.key])


def drain(engine: Engine) -> list[Stage]:
    """Do all work there is, and return the stages in the order they ran."""
    done = []
    while claimed := claim_next(engine):
        finish(engine, claimed)
        done.append(claimed.key.stage)
    return done


def view(engine: Engine, owner_id: str, job_id: str) -> JobView:
    with transaction(engine) as connection:
        return job_views.read_job(connection, owner_id, job_id)


def first_item(engine: Engine, owner_id: str, job_id: str) -> items.ItemView:
    with transaction(engine) as connection:
        return items.list_items(connection, owner_id, job_id, limit=1)[0]


def expire_leases(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE work SET lease_until = now() - interval '1 s' WHERE state = 'running'")
        )
        steps.advance_keys(connection, leases.take_back_expired(connection))
        connection.execute(text("UPDATE work SET not_before = now() WHERE state = 'queued'"))


def other_owner(engine: Engine) -> str:
    with transaction(engine) as connection:
        connection.execute(text("INSERT INTO users VALUES ('user_2', 'b@b.c', '')"))
    return "user_2"


def served(engine: Engine, count: int) -> list[str]:
    """Claim units and return whose they were, in order."""
    owners = []
    for _ in range(count):
        claimed = claim_next(engine)
        assert claimed is not None
        owners.append(claimed.key.owner_id)
    return owners
