"""Sets that grow while their job runs: when one is merged again.

A merge reads all that has ended, so a job's previews are far between: each follows on half as many
images again. All of them together take less than three times the work of the merge at the end.
"""

from collections import Counter

from sqlalchemy import Connection, text

from shared.db import completion, work
from shared.db.states import Stage
from shared.db.work import Hints

# A set of fewer images tells little, and the job is over soon.
FIRST_IMAGES = 8
# By how much a job has to have grown since its last preview.
GROWTH = 1.5
# Jobs looked at in one transaction.
MOST_JOBS = 100


def begin_due(connection: Connection) -> Hints:
    """Queue a preview of each running job that has grown enough since its last.

    Returns:
        Hints that the caller sends after the commit.
    """
    jobs = connection.execute(
        text(
            """
            SELECT j.id, j.owner_id, j.pipeline_version, j.priority
            FROM jobs j LEFT JOIN token_sets t ON t.job_id = j.id
            WHERE j.state = 'running' AND j.pending > 0 AND j.cancel_asked_at IS NULL
              AND j.succeeded >= CASE WHEN t.id IS NULL THEN :first
                                      ELSE :growth * jsonb_array_length(t.source_images) END
              AND coalesce(t.partial, true)
              AND NOT EXISTS (
                SELECT FROM work w
                WHERE w.owner_id = j.owner_id AND w.sha256 = '' AND w.stage = 'preview'
                  AND w.pipeline_version = j.pipeline_version AND w.options_hash = j.id
                  AND w.state IN ('queued', 'running', 'dead')
                OFFSET 0)
            ORDER BY j.id LIMIT :most
            """
        ),
        {"first": FIRST_IMAGES, "growth": GROWTH, "most": MOST_JOBS},
    ).all()
    hints: Hints = Counter()
    for job in jobs:
        key = completion.job_key(job.owner_id, job.id, Stage.PREVIEW, job.pipeline_version)
        completion.revive(connection, job.owner_id, job.id, [Stage.PREVIEW])
        hints += work.enqueue(connection, [key], job.id, job.priority)
    return hints
