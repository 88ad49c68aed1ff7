"""A job is followed to its end though the API dies on the way."""

import signal
import subprocess

import httpx
import psutil

from tests.api.streams import events_of
from tests.conftest import until
from tests.end_to_end.conftest import COPYTHAT, Service, drawing, finished, submit
from tests.fakes.claude import OVERLOADED, ClaudeServer
from tests.programs import environment

WITHIN_S = 110


def kill_api(service: Service, http: httpx.Client) -> None:
    """End the API without warning; whoever supervises it starts another one."""
    (api,) = (
        child
        for child in psutil.Process(service.pid).children(recursive=True)
        if child.cmdline()[1:3] == ["-m", "api"]
    )
    api.send_signal(signal.SIGKILL)
    until(lambda: not api.is_running())
    until(lambda: answers(http))


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/auth/me").is_success
    except httpx.TransportError:
        return False


def half_bad(first: int) -> dict[str, bytes]:
    return {"good.png": drawing(first), "cut.png": drawing(first + 1)[:200]}


def test_watch_goes_on_after_a_restart_of_the_api(
    service: Service, http: httpx.Client, claude: ClaudeServer
) -> None:
    claude.always = OVERLOADED  # so that the job cannot end before the API does
    job_id = submit(http, half_bad(800))["id"]
    with subprocess.Popen(  # noqa: S603 -- our own program
        (COPYTHAT, "watch", job_id),
        env=environment(COPYTHAT_DATA_DIR=str(service.data_dir)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        failure = next(line for line in process.stderr if "cut.png" in line)
        kill_api(service, http)
        claude.reset()
        said, _ = process.communicate(timeout=WITHIN_S)

    assert failure.startswith("cut.png: ")
    assert "2 images: 1 succeeded, 1 failed" in said
    assert process.returncode == 3


def test_a_stream_resumes_where_a_killed_api_left_it(
    service: Service, http: httpx.Client, claude: ClaudeServer
) -> None:
    claude.always = OVERLOADED
    job_id = submit(http, half_bad(802))["id"]
    path = f"/jobs/{job_id}/events"
    with http.stream("GET", path, params={"last_event_id": "0"}) as answer:
        before = next(event for event in events_of(answer) if event.name == "item")
    kill_api(service, http)
    claude.reset()
    job = finished(http, job_id)

    with http.stream("GET", path, headers={"Last-Event-ID": before.id}) as answer:
        after = list(events_of(answer))

    items = [event.data["filename"] for event in [before, *after] if event.name == "item"]
    assert items == ["cut.png", "good.png"]
    assert after[-1].data == job
