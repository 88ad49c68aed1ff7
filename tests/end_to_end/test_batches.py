"""Jobs in Message Batches, with real workers and real servers."""

import httpx

from tests.archives import zip_of
from tests.end_to_end.conftest import all_items, drawing, finished, submit
from tests.fakes.claude import ClaudeServer

IMAGES = 60


def archive(count: int, first: int = 10_000) -> dict[str, bytes]:
    files = {f"screens/{n:04}.png": drawing(n) for n in range(first, first + count)}
    return {"screens.zip": zip_of(files)}


def test_a_job_in_batches_is_named_by_claude_for_half_the_price(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    job = finished(http, submit(http, archive(IMAGES), claude="batch")["id"])
    items = all_items(http, job["id"])

    assert (job["status"], job["counts"]["degraded"]) == ("succeeded", 0)
    assert claude.requests == []
    assert (claude.batches.paid, job["cost"]["calls"]) == (IMAGES, IMAGES)
    assert all(item["cost"]["usd"] > 0 for item in items)
