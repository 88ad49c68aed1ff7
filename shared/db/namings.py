"""What was measured and what Claude said of it, for who reads items."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class NamingFacts:
    """What an answer came to, in numbers.

    ``named`` and ``dropped`` are measurements; ``added`` and ``rejected`` are values that Claude
    said measuring had missed, found by a second look or not.
    """

    named: int
    dropped: int
    added: int
    rejected: int


def read_naming_facts(connection: Connection, item_ids: Sequence[str]) -> dict[str, NamingFacts]:
    """Return what Claude's answers about items came to; one that has none yet is left out."""
    rows = connection.execute(
        text(
            """
            SELECT i.id, (SELECT count(*) FROM jsonb_object_keys(r.value->'names')) AS named,
                   jsonb_array_length(r.value->'dropped') AS dropped,
                   coalesce(jsonb_array_length(r.value->'added'), 0) AS added,
                   coalesce((r.value->>'rejected')::int, 0) AS rejected
            FROM items i JOIN jobs j ON j.id = i.job_id
            JOIN work w ON w.owner_id = j.owner_id AND w.sha256 = i.sha256 AND w.stage = 'name'
                 AND w.pipeline_version = j.pipeline_version AND w.options_hash = j.options_hash
            JOIN results r ON r.work_id = w.id
            WHERE i.id = ANY(:ids) AND jsonb_typeof(r.value->'names') = 'object'
            """
        ),
        {"ids": list(item_ids)},
    )
    return {row.id: NamingFacts(row.named, row.dropped, row.added, row.rejected) for row in rows}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured in an image and what Claude said of it, as JSON; empty if nothing was."""

    measured: dict[str, Any]
    named: dict[str, Any]


def read_evidence(connection: Connection, item_id: str) -> Evidence:
    """Return what an item's tokens were made of."""
    rows = connection.execute(
        text(
            """
            SELECT w.stage, r.value FROM items i JOIN jobs j ON j.id = i.job_id
            JOIN work w ON w.owner_id = j.owner_id AND w.sha256 = i.sha256
                 AND w.pipeline_version = j.pipeline_version
                 AND (w.stage, w.options_hash) IN (('measure', j.measure_hash),
                                                   ('name', j.options_hash))
            JOIN results r ON r.work_id = w.id WHERE i.id = :item_id
            """
        ),
        {"item_id": item_id},
    )
    found = {row.stage: row.value for row in rows}
    return Evidence(found.get("measure", {}), found.get("name", {}))
