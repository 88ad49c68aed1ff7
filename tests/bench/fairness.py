"""How long one image waits behind somebody else's job of 2,000, told in images' time."""

import sys
from collections.abc import Iterator
from statistics import median

import httpx
from sqlalchemy import Engine

from tests.bench.figures import Figure, report
from tests.bench.pictures import pages, with_comment, write_zip
from tests.bench.running import Bench, await_end, bench, hand_in, one
from tests.conftest import until

PART = "two users"
ITEMS = 2000
SINGLES = 7
MOST_IMAGES = 5.0
PASSWORD = "correct horse battery staple"


def second_user(running: Bench) -> httpx.Client:
    """Return a client of somebody else's."""
    url = f"{running.service.url}/api/v1"
    account = {"email": "second@example.org", "password": PASSWORD}
    httpx.post(f"{url}/auth/register", json=account).raise_for_status()
    form = {"username": account["email"], "password": PASSWORD}
    login = httpx.post(f"{url}/auth/login", data=form).raise_for_status()
    bearer = {"Authorization": f"Bearer {login.json()['access_token']}"}
    return httpx.Client(base_url=url, headers=bearer, timeout=60)


def variants(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield so many files of real pages, no two the same."""
    originals = pages()
    for number in range(count):
        name, data = originals[number % len(originals)]
        yield f"{number:05}-{name}", with_comment(data, str(number))


def image_s(engine: Engine, owner_job: str) -> float:
    """Return the mean time that measuring takes for an image of a job."""
    question = """
        SELECT avg(extract(epoch FROM finished_at - started_at)) AS s FROM work
        WHERE job_id = :id AND stage = 'measure' AND state = 'done'
    """
    return float(one(engine, question, id=owner_job).s)


def ended_between(engine: Engine, large_job: str, job_id: str) -> int:
    """Return how many images of the large job were measured in the life of another job."""
    question = """
        SELECT count(*) AS ended FROM work w, jobs j
        WHERE w.job_id = :large AND w.stage = 'measure' AND j.id = :id
          AND w.finished_at BETWEEN j.created_at AND j.finished_at
    """
    return int(one(engine, question, large=large_job, id=job_id).ended)


def run() -> list[Figure]:
    """Return how the single images fared, and what their own measuring took."""
    with bench() as running, running.service.client() as first, second_user(running) as second:
        large = write_zip(running.scratch / "large.zip", variants(ITEMS))
        single = write_zip(running.scratch / "single.zip", variants(1))
        engine = running.engine
        large_job = hand_in(first, large)
        known = "SELECT total, succeeded FROM jobs WHERE id = :id"

        def under_way() -> bool:
            job = one(engine, known, id=large_job)
            return bool(job.total == ITEMS and job.succeeded >= 2 * MOST_IMAGES)

        until(under_way, within_s=120)
        lives, singles = [], []
        for _ in range(SINGLES):
            job_id = hand_in(second, single, force=True)
            lives.append(await_end(engine, job_id).whole_s)
            singles.append(job_id)
        each_s = image_s(engine, large_job)
        others = [ended_between(engine, large_job, job_id) for job_id in singles]
        left = ITEMS - one(engine, known, id=large_job).succeeded
    return [
        Figure(PART, "images of the large job left at the end", left, "images"),
        Figure(PART, "time of an image, of both workers busy", 1000 * each_s, "ms"),
        Figure(PART, "its life in images' time, median", median(lives) / each_s, "images",
               at_most=MOST_IMAGES),
        Figure(PART, "its life in images' time, longest", max(lives) / each_s, "images"),
        Figure(PART, "images of the other that ended meanwhile, median", median(others),
               "images"),
        Figure(PART, "images of the other that ended meanwhile, most", max(others), "images"),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(not report(run()))
