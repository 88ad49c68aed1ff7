"""How jobs end."""

from sqlalchemy import Engine

from shared.db import completion, job_views, jobs
from shared.db.blobs import SourceFile
from shared.db.engine import transaction
from shared.db.jobs import NewJob


def test_an_archive_without_images_says_how_many_files_were_passed_over(
    engine: Engine, owner_id: str
) -> None:
    options = {"token_types": ["color"], "force": False, "model": None}
    source = SourceFile("a.zip", "a" * 64, 10, "application/zip")
    new = NewJob(owner_id, "a job", "cv", 0, options, [source], "request-1", items=None)

    with transaction(engine) as connection:
        job_id = jobs.create_job(connection, new).job_id
        completion.all_items_known(connection, job_id, skipped_members=4)
        completion.settle(connection, [job_id])
        ended = job_views.read_job(connection, owner_id, job_id)

    assert ended.state == "failed"
    assert ended.error is not None
    assert ended.error["detail"] == "it holds no image; 4 other files were skipped"
