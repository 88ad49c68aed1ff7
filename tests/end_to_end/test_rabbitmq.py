"""The whole service with its hints in RabbitMQ."""

from pathlib import Path

from tests.archives import zip_of
from tests.conftest import until
from tests.end_to_end.conftest import drawing, finished, submit, up
from tests.fakes.claude import ClaudeServer
from tests.rabbitmq import rabbitmq

ARCHIVED = 120


def test_a_job_ends_though_rabbitmq_comes_back_empty_in_its_middle(
    claude: ClaudeServer, tmp_path: Path
) -> None:
    files = {f"{number}.png": drawing(800 + number) for number in range(3)}
    archived = {f"{number}.png": drawing(810 + number) for number in range(ARCHIVED)}
    claude.reset()

    with (
        rabbitmq(tmp_path) as node,
        up(tmp_path, claude, COPYTHAT_BROKER_URL=node.url) as service,
        service.client() as http,
    ):
        job_id = submit(http, files | {"more.zip": zip_of(archived)})["id"]
        until(lambda: http.get(f"/jobs/{job_id}").json()["counts"]["succeeded"] > 0)
        node.restart_empty()
        before = http.get(f"/jobs/{job_id}").json()["counts"]["succeeded"]
        job = finished(http, job_id)

    assert before < job["counts"]["succeeded"] == len(files) + ARCHIVED
    assert job["status"] == "succeeded"
    assert len(claude.requests) == len(files) + ARCHIVED
