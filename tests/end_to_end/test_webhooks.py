"""A user's own server hears of the end of a job, from the service as it is run."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import until
from tests.end_to_end.conftest import drawing, finished, submit
from tests.receiver import Receiver, receiving


@pytest.fixture
def receiver(http: httpx.Client) -> Iterator[Receiver]:
    """Somebody's server beside ours, which is told nothing after the test."""
    with receiving() as started:
        yield started
    for hook in http.get("/webhooks").json()["data"]:
        http.delete(f"/webhooks/{hook['id']}")


def log_of(http: httpx.Client, hook: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = http.get(f"/webhooks/{hook['id']}/deliveries").json()["data"]
    return rows


def test_the_end_of_a_job_is_told_and_told_again_until_it_is_taken(
    http: httpx.Client, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    hook = http.post("/webhooks", json={"url": receiver.url}).json()
    job = finished(http, submit(http, {"a.png": drawing(910)}, mode="cv")["id"])

    until(lambda: [row["status"] for row in log_of(http, hook)] == ["succeeded"])
    (delivery,) = log_of(http, hook)

    first, second = receiver.messages
    said = second.verified(hook["secret"])
    assert said["type"] == "job.succeeded"
    assert (said["data"]["id"], said["data"]["finished_at"]) == (job["id"], job["finished_at"])
    assert all(job["counts"][name] == count for name, count in said["data"]["counts"].items())
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivery["id"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 200]


def test_the_address_that_a_job_names_is_told_and_told_again_when_asked(
    http: httpx.Client, receiver: Receiver
) -> None:
    job = submit(http, {"a.png": drawing(911)}, mode="cv", webhook_url=receiver.url)
    (known,) = http.get("/webhooks").json()["data"]
    hook = http.get(f"/webhooks/{known['id']}").json()
    until(lambda: [row["status"] for row in log_of(http, hook)] == ["succeeded"])
    (delivery,) = log_of(http, hook)

    http.post(f"/webhooks/{hook['id']}/deliveries/{delivery['id']}/redeliver")
    until(lambda: len(receiver.messages) == 2)

    first, second = receiver.messages
    assert first.verified(hook["secret"])["data"]["id"] == job["id"]
    assert second.verified(hook["secret"]) == first.verified(hook["secret"])
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivery["id"]
