"""The whole service with its files in S3: no program needs another's disk."""

import hashlib
from pathlib import Path

from tests.archives import zip_of
from tests.end_to_end.conftest import all_items, drawing, finished, submit, up
from tests.fakes.claude import ClaudeServer
from tests.fakes.s3 import BUCKET, S3Server


def test_a_job_succeeds_with_its_files_in_a_bucket(claude: ClaudeServer, tmp_path: Path) -> None:
    images = {f"{number}.png": drawing(700 + number) for number in range(4)}
    archived = {name: data for name, data in images.items() if name != "0.png"}
    archive = zip_of(archived)
    claude.reset()
    variables = {"COPYTHAT_BLOB_URL": f"s3://{BUCKET}/service"}

    with S3Server() as s3, up(tmp_path, claude, **variables, **s3.variables) as service:
        with service.client() as http:
            job = submit(http, {"0.png": images["0.png"], "more.zip": archive})
            ended = finished(http, job["id"])
            items = all_items(http, job["id"])
            answers = {
                item["filename"]: http.get(service.url + item["links"]["image"]) for item in items
            }
        stored = set(s3.object_names())

    assert ended["status"] == "succeeded"
    assert {name: answer.content for name, answer in answers.items()} == images
    assert {answer.headers["content-type"] for answer in answers.values()} == {"image/png"}
    assert stored == {object_name(data) for data in (*images.values(), archive)}
    assert not (tmp_path / "blobs").exists()


def object_name(data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    return f"service/{sha256[:2]}/{sha256[2:]}"
