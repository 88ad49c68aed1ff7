"""What is known of images before a job has them: what was measured, and what was named."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from shared.tokens import PIPELINE_VERSION, TokenType

# A measurement takes about a millisecond to count; of a larger job the first so many are counted.
COUNTED_IMAGES = 500
# How many of an owner's measurements say what his next images are like.
LATELY = 40


@dataclass(frozen=True, slots=True)
class KnownImage:
    """An image as one owner's work knows it; None is what has not been measured.

    ``is_named`` says that a job gets its names without a call: they are there, or another job is
    paying for them right now.
    """

    is_named: bool
    counts: dict[TokenType, int] | None


def look_up(
    connection: Connection, owner_id: str, hashes: Sequence[str], options_hash: str
) -> dict[str, KnownImage]:
    """Return what is known of images by the hash of their files."""
    rows = connection.execute(
        text(
            f"""
            SELECT h.sha256, n.is_named, m.*
            FROM unnest(CAST(:hashes AS text[])) WITH ORDINALITY AS h(sha256, place)
            LEFT JOIN LATERAL (
                SELECT w.state IN ('queued', 'running')
                       OR w.state = 'done' AND r.degraded IS NULL AS is_named
                FROM work w LEFT JOIN results r ON r.work_id = w.id
                WHERE w.owner_id = :owner_id AND w.sha256 = h.sha256 AND w.stage = 'name'
                  AND w.pipeline_version = :version AND w.options_hash = :options_hash
            ) n ON true
            LEFT JOIN LATERAL (
                SELECT {_COUNTS} FROM work w JOIN results r ON r.work_id = w.id
                WHERE w.owner_id = :owner_id AND w.sha256 = h.sha256 AND w.stage = 'measure'
                  AND w.pipeline_version = :version AND h.place <= :counted
                ORDER BY r.created_at DESC LIMIT 1
            ) m ON true
            """  # noqa: S608 -- constants
        ),
        {
            "hashes": list(hashes),
            "owner_id": owner_id,
            "version": PIPELINE_VERSION,
            "options_hash": options_hash,
            "counted": COUNTED_IMAGES,
        },
    )
    return {row.sha256: KnownImage(bool(row.is_named), _counts(row)) for row in rows}


def measured_lately(connection: Connection, owner_id: str) -> list[dict[TokenType, int]]:
    """Return what an owner's last measured images had of each type."""
    rows = connection.execute(
        text(
            f"""
            SELECT {_COUNTS} FROM (
                SELECT id FROM work
                WHERE owner_id = :owner_id AND stage = 'measure' AND state = 'done'
                  AND pipeline_version = :version
                ORDER BY id DESC LIMIT :lately
            ) w JOIN results r ON r.work_id = w.id
            """  # noqa: S608 -- constants
        ),
        {"owner_id": owner_id, "version": PIPELINE_VERSION, "lately": LATELY},
    )
    return [counts for row in rows if (counts := _counts(row)) is not None]


# The arrays of a stored measurement that want names.
_ARRAYS = {
    TokenType.COLOR: "colors",
    TokenType.SPACING: "spacing",
    TokenType.TYPOGRAPHY: "typography",
    TokenType.SHADOW: "shadows",
    TokenType.GRADIENT: "gradients",
}
_COUNTS = ", ".join(
    f"jsonb_array_length(r.value -> '{array}') AS {array}" for array in _ARRAYS.values()
)


def _counts(row: Row[Any]) -> dict[TokenType, int] | None:
    counts = {each: getattr(row, array) for each, array in _ARRAYS.items()}
    return None if None in counts.values() else counts
