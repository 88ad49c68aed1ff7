"""Results: what stages came to, and the token sets made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from shared.db.engine import new_id
from shared.db.items import ItemView
from shared.db.states import Stage
from shared.db.work import WorkKey
from shared.errors import NotFound, NotReady, Problem
from shared.scales import infer_scales
from shared.tokens import Tokens, TokenSet


@dataclass(frozen=True, slots=True)
class StageResult:
    """The JSON value of a finished stage, and why it is degraded if it is."""

    value: dict[str, Any]
    degraded: Problem | None


def read_result(connection: Connection, key: WorkKey, stage: Stage) -> StageResult | None:
    """Return what another stage of the same image came to, None when it has not ended.

    Measuring does not depend on how a job wants its names, so the newest measurement of the
    owner's image counts when the stage is ``measure``.
    """
    row = connection.execute(
        text(
            """
            SELECT r.value, r.degraded FROM results r JOIN work w ON w.id = r.work_id
            WHERE w.owner_id = :owner_id AND w.sha256 = :sha256 AND w.stage = :stage
              AND w.pipeline_version = :version
              AND (w.options_hash = :options_hash OR w.stage = 'measure')
            ORDER BY r.created_at DESC LIMIT 1
            """
        ),
        {
            "owner_id": key.owner_id,
            "sha256": key.sha256,
            "stage": stage.value,
            "version": key.pipeline_version,
            "options_hash": key.options_hash,
        },
    ).one_or_none()
    if row is None:
        return None
    degraded = row.degraded and Problem(*(row.degraded[k] for k in ("code", "title", "detail")))
    return StageResult(row.value, degraded)


@dataclass(frozen=True, slots=True)
class Parts:
    """What an image's token set is made of: its job's options, measurements and names."""

    options: dict[str, Any]
    measured: dict[str, Any] | None
    named: dict[str, Any] | None


def read_parts(connection: Connection, work_ids: Sequence[int]) -> dict[int, Parts]:
    """Return what these units of the assemble stage join; a unit that no job wants has none.

    The job that queued a unit may be gone while another waits for it: every job with the same
    hash of options has those that matter here. Of measurements the newest count; see
    ``read_result``.
    """
    rows = connection.execute(
        text(
            """
            SELECT a.id, j.options, m.value AS measured, n.value AS named
            FROM work a CROSS JOIN LATERAL (
                SELECT options FROM jobs
                WHERE owner_id = a.owner_id AND options_hash = a.options_hash LIMIT 1
            ) j
            LEFT JOIN LATERAL (
                SELECT r.value FROM work w JOIN results r ON r.work_id = w.id
                WHERE w.owner_id = a.owner_id AND w.sha256 = a.sha256 AND w.stage = 'measure'
                  AND w.pipeline_version = a.pipeline_version
                ORDER BY r.created_at DESC LIMIT 1
            ) m ON true
            LEFT JOIN LATERAL (
                SELECT r.value FROM work w JOIN results r ON r.work_id = w.id
                WHERE w.owner_id = a.owner_id AND w.sha256 = a.sha256 AND w.stage = 'name'
                  AND w.pipeline_version = a.pipeline_version
                  AND w.options_hash = a.options_hash
            ) n ON true
            WHERE a.id = ANY(:ids)
            """
        ),
        {"ids": list(work_ids)},
    )
    return {row.id: Parts(row.options, row.measured, row.named) for row in rows}


def read_item_tokens(connection: Connection, item: ItemView) -> TokenSet:
    """Return the token set of one item.

    Raises:
        NotReady: The item has not succeeded.
    """
    row = connection.execute(
        text(
            """
            SELECT r.value, w.pipeline_version FROM items i JOIN jobs j ON j.id = i.job_id
            JOIN work w ON w.owner_id = j.owner_id AND w.sha256 = i.sha256
                 AND w.stage = 'assemble' AND w.pipeline_version = j.pipeline_version
                 AND w.options_hash = j.options_hash
            JOIN results r ON r.work_id = w.id
            WHERE i.id = :item_id AND i.state = 'succeeded'
            """
        ),
        {"item_id": item.id},
    ).one_or_none()
    if row is None:
        raise NotReady(f"item {item.id} is {item.status}")
    return TokenSet(
        id=item.id.replace("item_", "set_", 1),
        job_id=item.job_id,
        item_id=item.id,
        pipeline_version=row.pipeline_version,
        source_images=(item.filename,),
        tokens=row.value,
    )


@dataclass(frozen=True, slots=True)
class EndedItem:
    """An item that has ended, with the tokens of one that succeeded, as they are stored."""

    id: str
    job_id: str
    ordinal: int
    filename: str
    sha256: str | None
    width: int | None
    height: int | None
    state: str
    cached: bool
    degraded: bool
    error: dict[str, Any] | None
    pipeline_version: str
    tokens: dict[str, Any] | None


def read_ended(
    connection: Connection, owner_id: str, job_id: str, after: int, limit: int
) -> list[EndedItem]:
    """Return items that have ended, in order, from behind an ordinal on."""
    rows = connection.execute(
        text(
            """
            SELECT i.id, i.job_id, i.ordinal, i.filename, i.sha256, b.width, b.height, i.state,
                   i.cached, i.degraded, i.error, j.pipeline_version, t.value
            FROM items i JOIN jobs j ON j.id = i.job_id
            LEFT JOIN blobs b ON b.sha256 = i.sha256
            LEFT JOIN LATERAL (
                SELECT r.value FROM work w JOIN results r ON r.work_id = w.id
                WHERE w.owner_id = j.owner_id AND w.sha256 = i.sha256 AND w.stage = 'assemble'
                  AND w.pipeline_version = j.pipeline_version
                  AND w.options_hash = j.options_hash AND i.state = 'succeeded'
            ) t ON true
            WHERE i.job_id = :job_id AND j.owner_id = :owner_id AND i.state <> 'pending'
              AND i.ordinal > :after
            ORDER BY i.ordinal LIMIT :limit
            """
        ),
        {"job_id": job_id, "owner_id": owner_id, "after": after, "limit": limit},
    )
    return [EndedItem(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Assembled:
    """An item that has succeeded, and its tokens as they are stored."""

    id: str
    filename: str
    tokens: dict[str, Any]


def iterate_assembled(connection: Connection, job_id: str) -> Iterator[Assembled]:
    """Yield each succeeded item, in order, a few at a time."""
    rows = connection.execution_options(yield_per=50).execute(
        text(
            """
            SELECT i.id, i.filename, r.value FROM items i JOIN jobs j ON j.id = i.job_id
            JOIN work w ON w.owner_id = j.owner_id AND w.sha256 = i.sha256
                 AND w.stage = 'assemble' AND w.pipeline_version = j.pipeline_version
                 AND w.options_hash = j.options_hash
            JOIN results r ON r.work_id = w.id
            WHERE i.job_id = :job_id AND i.state = 'succeeded' ORDER BY i.ordinal
            """
        ),
        {"job_id": job_id},
    )
    for row in rows:
        yield Assembled(*row)


def store_job_tokens(
    connection: Connection,
    job_id: str,
    pipeline_version: str,
    source_images: Sequence[str],
    tokens: dict[str, Any],
) -> None:
    """Store a job's merged set; a second merge of the same job replaces the first."""
    _store_set(connection, job_id, pipeline_version, source_images, tokens, partial=False)


def store_preview(
    connection: Connection,
    job_id: str,
    pipeline_version: str,
    source_images: Sequence[str],
    tokens: dict[str, Any],
) -> None:
    """Store what a job that runs came to so far; it never replaces the set of all images."""
    _store_set(connection, job_id, pipeline_version, source_images, tokens, partial=True)


def _store_set(
    connection: Connection,
    job_id: str,
    pipeline_version: str,
    source_images: Sequence[str],
    tokens: dict[str, Any],
    *,
    partial: bool,
) -> None:
    statement = text(
        """
        INSERT INTO token_sets (id, job_id, pipeline_version, source_images, tokens, partial)
        VALUES (:id, :job_id, :version, :images, :tokens, :partial)
        ON CONFLICT (job_id) DO UPDATE
        SET source_images = excluded.source_images, tokens = excluded.tokens,
            partial = excluded.partial
        WHERE token_sets.partial OR NOT excluded.partial
        """
    ).bindparams(bindparam("images", type_=JSONB), bindparam("tokens", type_=JSONB))
    connection.execute(
        statement,
        {
            "id": new_id("set"),
            "job_id": job_id,
            "version": pipeline_version,
            "images": list(source_images),
            "tokens": tokens,
            "partial": partial,
        },
    )


def read_job_tokens(
    connection: Connection, owner_id: str, job_id: str, *, growing: bool = False
) -> TokenSet:
    """Return a job's merged token set.

    Args:
        connection: An open transaction.
        owner_id: Whose job.
        job_id: Which.
        growing: Whether a set will do that is partial, for the job still runs.

    Raises:
        NotFound: There is no such job, or it is somebody else's.
        NotReady: The job has not ended, or ended without one.
    """
    row = connection.execute(
        text(
            """
            SELECT j.state, t.id, t.pipeline_version, t.source_images, t.partial, t.tokens
            FROM jobs j LEFT JOIN token_sets t ON t.job_id = j.id
            WHERE j.id = :job_id AND j.owner_id = :owner_id
            """
        ),
        {"job_id": job_id, "owner_id": owner_id},
    ).one_or_none()
    if row is None:
        raise NotFound(f"no job {job_id}")
    if row.id is None or (row.partial and not growing):
        raise NotReady(f"job {job_id} is {row.state}")
    tokens = Tokens.model_validate(row.tokens)
    return TokenSet(
        id=row.id,
        job_id=job_id,
        pipeline_version=row.pipeline_version,
        source_images=row.source_images,
        partial=row.partial,
        tokens=tokens,
        scales=infer_scales(tokens),
    )


def store_image_size(connection: Connection, sha256: str, width: int, height: int) -> None:
    """Record the size of an image once it was decoded."""
    connection.execute(
        text("UPDATE blobs SET width = :width, height = :height WHERE sha256 = :sha256"),
        {"sha256": sha256, "width": width, "height": height},
    )
