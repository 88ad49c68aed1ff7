"""What must be true of the database at any moment, whatever died: checked by tests and service.

Each rule is a query for the rows that break it. Rows in the middle of a transaction are seen
before or after it, so the rules hold while everything runs.
"""

from sqlalchemy import Connection, text

# Leases are taken back within a second of their end; a pump may be away for a while.
OVERDUE_S = 600
# Items wait for the sweep of the pump when a step was lost between two commits.
STRANDED_S = 600

_RULES = {
    "a job's counters differ from its items": """
        SELECT j.id FROM jobs j JOIN (
            SELECT job_id, count(*) AS total,
                   count(*) FILTER (WHERE state = 'pending') AS pending,
                   count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
                   count(*) FILTER (WHERE state = 'failed') AS failed,
                   count(*) FILTER (WHERE state = 'canceled') AS canceled,
                   count(*) FILTER (WHERE state = 'succeeded' AND cached) AS cached,
                   count(*) FILTER (WHERE degraded) AS degraded
            FROM items GROUP BY job_id
        ) i ON i.job_id = j.id
        WHERE (j.total, j.pending, j.succeeded, j.failed, j.canceled, j.cached, j.degraded)
              <> (i.total, i.pending, i.succeeded, i.failed, i.canceled, i.cached, i.degraded)
    """,
    "an ended job has an open item": """
        SELECT j.id FROM jobs j
        WHERE j.pending > 0 AND j.state NOT IN ('queued', 'unpacking', 'running')
    """,
    "an ended job does not say when it ended": """
        SELECT id FROM jobs
        WHERE (finished_at IS NULL) <> (state IN ('queued', 'unpacking', 'running'))
    """,
    "done work has no result": """
        SELECT w.id FROM work w
        WHERE w.state = 'done' AND NOT EXISTS (SELECT FROM results r WHERE r.work_id = w.id)
    """,
    "an item succeeded without a result": """
        SELECT i.id FROM items i JOIN jobs j ON j.id = i.job_id
        WHERE i.state = 'succeeded' AND NOT EXISTS (
            SELECT FROM work w JOIN results r ON r.work_id = w.id
            WHERE w.owner_id = j.owner_id AND w.sha256 = i.sha256 AND w.stage = 'assemble'
              AND w.pipeline_version = j.pipeline_version AND w.options_hash = j.options_hash)
    """,
    "a lease ended long ago and was not taken back": """
        SELECT id FROM work
        WHERE state = 'running' AND lease_until < now() - make_interval(secs => :overdue)
    """,
    "a message was due long ago, and none of its owner's was sent since": """
        SELECT d.id FROM webhook_deliveries d
        WHERE d.state = 'pending' AND d.next_attempt_at < now() - make_interval(secs => :overdue)
          AND NOT EXISTS (
            SELECT FROM webhook_deliveries o
            WHERE o.owner_id = d.owner_id
              AND o.claimed_at > now() - make_interval(secs => :overdue))
    """,
    "a pending item has waited long without live work": """
        SELECT i.id FROM items i JOIN jobs j ON j.id = i.job_id
        WHERE i.state = 'pending' AND i.created_at < now() - make_interval(secs => :stranded)
          AND NOT EXISTS (
            SELECT FROM work w
            WHERE w.owner_id = j.owner_id AND w.sha256 = i.sha256
              AND w.pipeline_version = j.pipeline_version
              AND w.options_hash IN (j.measure_hash, j.options_hash)
              AND (w.state IN ('queued', 'running')
                   OR w.finished_at > now() - make_interval(secs => :stranded)))
    """,
    "the book of a day differs from its calls": """
        SELECT coalesce(b.day, c.day) FROM daily_spending b FULL JOIN (
            SELECT CAST(created_at AT TIME ZONE 'UTC' AS date) AS day,
                   sum(coalesce(usd, booked_usd)) AS usd
            FROM claude_calls WHERE coalesce(usd, booked_usd) IS NOT NULL GROUP BY 1
        ) c ON c.day = b.day
        WHERE coalesce(b.usd, 0) <> coalesce(c.usd, 0)
    """,
    "the book of a job differs from its calls": """
        SELECT b.job_id FROM job_spending b LEFT JOIN (
            SELECT job_id, sum(coalesce(usd, booked_usd)) AS usd FROM claude_calls GROUP BY 1
        ) c ON c.job_id = b.job_id
        WHERE b.usd <> coalesce(c.usd, 0)
    """,
    "Claude was paid more often than results and lost or repeated tries explain": """
        SELECT w.id FROM work w JOIN claude_calls c ON c.work_id = w.id
        WHERE w.stage = 'name' GROUP BY w.id, w.attempt
        HAVING count(*) FILTER (WHERE c.outcome = 'answered')
               > :calls_a_try * greatest(w.attempt, 1)
    """,
    "a unit waits in a batch that has ended": """
        SELECT w.id FROM work w JOIN claude_batches b ON b.id = w.batch_id
        WHERE b.state = 'ended'
    """,
    "an ended batch has an open request": """
        SELECT m.custom_id FROM claude_batch_members m JOIN claude_batches b ON b.id = m.batch_id
        WHERE b.state = 'ended' AND m.outcome IS NULL
    """,
    "the end of a request in a batch is not in the ledger": """
        SELECT m.custom_id FROM claude_batch_members m JOIN claude_calls c ON c.id = m.call_id
        WHERE (m.outcome IS NULL) <> (c.finished_at IS NULL)
    """,
    "an open batch has long been left alone": """
        SELECT b.id FROM claude_batches b
        WHERE b.state <> 'ended' AND b.created_at < now() - make_interval(secs => :stranded)
          AND NOT EXISTS (
            SELECT FROM work c
            WHERE c.owner_id = b.owner_id AND c.sha256 = '' AND c.stage = 'batch'
              AND c.options_hash = b.id AND c.state IN ('queued', 'running'))
    """,
}
# One try of a large image is several questions, each of which may be put again in halves.
_CALLS_A_TRY = 16


def find_violations(connection: Connection) -> list[str]:
    """Return a line for each broken rule, with the ids of the first rows that break it."""
    found = []
    parameters = {"overdue": OVERDUE_S, "stranded": STRANDED_S, "calls_a_try": _CALLS_A_TRY}
    for rule, query in _RULES.items():
        rows = connection.execute(text(f"{query} LIMIT 5"), parameters).all()
        if rows:
            found.append(f"{rule}: {', '.join(str(row[0]) for row in rows)}")
    return found


_LIVE = {
    "work is still queued or running": "SELECT id FROM work WHERE state IN ('queued', 'running')",
    "an item is still open": "SELECT id FROM items WHERE state = 'pending'",
    "a job is still open": """
        SELECT id FROM jobs WHERE state IN ('queued', 'unpacking', 'running')
    """,
}


def find_unfinished(connection: Connection) -> list[str]:
    """Return what is not over, in the form of ``find_violations``: for when all should be."""
    found = []
    for what, query in _LIVE.items():
        rows = connection.execute(text(f"{query} LIMIT 5")).all()
        if rows:
            found.append(f"{what}: {', '.join(str(row[0]) for row in rows)}")
    return found
