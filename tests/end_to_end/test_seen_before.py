"""No image is paid for twice: over HTTP, with real workers, a real Redis and PostgreSQL."""

import httpx
import psutil
import pytest
from redis import Redis

from tests import drawing as draw
from tests.archives import zip_of
from tests.end_to_end.conftest import Service, all_items, drawing, finished, submit
from tests.fakes.claude import ClaudeServer
from workers.images import Rgb


def flush_redis(service: Service) -> None:
    """Empty the Redis that a service has started."""
    processes = psutil.Process(service.pid).children(recursive=True)
    server = next(each for each in processes if "redis-server" in each.name())
    sockets = [each.laddr for each in server.net_connections("unix") if each.laddr]
    with Redis(unix_socket_path=str(sockets[0])) as redis:
        redis.flushall()


def archive(*seeds: int) -> dict[str, bytes]:
    return {"all.zip": zip_of({f"{place:03}.png": drawing(s) for place, s in enumerate(seeds)})}


def screen(photo: int, brand: str = "#7c3aed") -> bytes:
    rgb: Rgb = draw.draw_page(600, 400, "#f4f5f7")
    draw.draw_box(rgb, (20, 20, 180, 150), "#ffffff")
    draw.draw_box(rgb, (20, 190, 560, 190), brand)
    draw.draw_picture(rgb, (30, 30, 160, 100), seed=photo)
    return draw.encode(rgb, "PNG")


def test_of_100_images_of_which_70_were_seen_30_make_a_call(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    finished(http, submit(http, archive(*range(1000, 1070)))["id"])
    seen = len(claude.requests)

    job = finished(http, submit(http, archive(*range(1000, 1100)))["id"])

    assert (seen, len(claude.requests)) == (70, 100)
    assert (job["counts"]["succeeded"], job["counts"]["cached"]) == (100, 70)
    cost = job["cost"]
    assert (cost["calls"], cost["named"], cost["spared"], cost["hit_rate"]) == (30, 100, 70, 0.7)
    assert cost["saved_usd"] > cost["usd"] > 0


def test_two_copies_in_one_archive_make_one_call(http: httpx.Client, claude: ClaudeServer) -> None:
    job = finished(http, submit(http, archive(1101, 1101))["id"])

    assert len(claude.requests) == 1
    assert (job["counts"]["succeeded"], job["cost"]["spared"]) == (2, 1)
    assert job["cost"]["saved_usd"] == job["cost"]["usd"]


def test_a_flushed_redis_makes_no_call_more(
    http: httpx.Client, claude: ClaudeServer, service: Service
) -> None:
    files = archive(*range(1110, 1120))
    finished(http, submit(http, files)["id"])
    flush_redis(service)

    job = finished(http, submit(http, files)["id"])

    assert len(claude.requests) == 10
    assert job["counts"]["cached"] == 10


def test_a_redis_flushed_while_a_job_runs_makes_no_call_more(
    http: httpx.Client, claude: ClaudeServer, service: Service
) -> None:
    claude.latency_s = 0.2
    job_id = submit(http, archive(*range(1120, 1150)))["id"]
    flush_redis(service)

    job = finished(http, job_id)

    assert (job["status"], len(claude.requests)) == ("succeeded", 30)


def test_look_alikes_in_one_archive_make_one_call(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    claude.latency_s = 0.5
    files = {f"{photo}.png": screen(photo) for photo in (0, 7)}

    job = finished(http, submit(http, {"all.zip": zip_of(files)})["id"])

    assert len(claude.requests) == 1
    assert (job["status"], job["cost"]["named"], job["cost"]["spared"]) == ("succeeded", 2, 1)
    one, other = (
        http.get(f"/jobs/{job['id']}/items/{item['id']}/tokens").json()["tokens"]
        for item in all_items(http, job["id"])
    )
    assert [each["name"] for each in one["color"]] == [each["name"] for each in other["color"]]


@pytest.mark.parametrize("brand", ["#7c3aee", "#0f766e"])
def test_other_measurements_make_a_call(
    http: httpx.Client, claude: ClaudeServer, brand: str
) -> None:
    finished(http, submit(http, {"a.png": screen(20)})["id"])
    before = len(claude.requests)

    finished(http, submit(http, {"a.png": screen(20, brand)})["id"])

    assert len(claude.requests) == before + 1


def test_a_dropped_image_is_paid_for_again_and_others_are_not(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    files = archive(1160, 1161)
    first = finished(http, submit(http, files)["id"])
    sha256 = all_items(http, first["id"])[0]["sha256"]

    answer = http.delete(f"/cache/{sha256}")
    job = finished(http, submit(http, files)["id"])

    assert answer.status_code == 204
    assert (len(claude.requests), job["counts"]["cached"]) == (3, 1)


def test_force_pays_again_and_what_it_came_to_serves_the_next(
    http: httpx.Client, claude: ClaudeServer
) -> None:
    files = archive(1170)
    finished(http, submit(http, files)["id"])
    forced = finished(http, submit(http, files, force=True)["id"])
    again = finished(http, submit(http, files)["id"])

    assert len(claude.requests) == 2
    assert (forced["counts"]["cached"], again["counts"]["cached"]) == (0, 1)
    assert again["cost"]["saved_usd"] == forced["cost"]["usd"]


def test_metrics_count_what_was_spared(http: httpx.Client, service: Service) -> None:
    def hits() -> float:
        lines = httpx.get(f"{service.url}/metrics").text.splitlines()
        return next(
            float(s.split()[1]) for s in lines if s.startswith("copythat_cache_hits_total")
        )

    finished(http, submit(http, archive(1180))["id"])
    before = hits()
    finished(http, submit(http, archive(1180, 1180))["id"])

    assert hits() == before + 2
