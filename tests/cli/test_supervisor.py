import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cli.program import FIRST_PAUSE_S, LONGEST_PAUSE_S, Program, pause_s
from cli.supervisor import StopAsked, Supervisor
from shared.errors import StartError

# Far longer than any of this takes: a test that waits so long has failed.
LIMIT_S = 20.0
STAYS = "import signal; signal.pause()"
# Says so before it stops, and takes a SIGTERM for what it is.
STOPS_WELL = (
    "import signal, sys\n"
    "def stop(*_): print('stopped well', flush=True); sys.exit()\n"
    "signal.signal(signal.SIGTERM, stop); print('up', flush=True); signal.pause()"
)
STUBBORN = (
    "import signal\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
    "while True: signal.pause()"
)
# Starts a grandchild and names it.
BREEDS = (
    "import subprocess, sys\n"
    f"child = subprocess.Popen([sys.executable, '-c', {STAYS!r}])\n"
    "print(child.pid, flush=True); child.wait()"
)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    with Supervisor(said.append) as running:
        yield running


def program(tmp_path: Path, code: str, name: str = "child", grace_s: float = LIMIT_S) -> Program:
    return Program(
        name=name,
        command=(sys.executable, "-c", code),
        directory=tmp_path,
        log=tmp_path / f"{name}.log",
        grace_s=grace_s,
    )


def has_gone(pid: int) -> bool:
    """Whether a process is no more, or only waits to be reaped by whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def until_gone(pid: int) -> None:
    pause = threading.Event()
    deadline_s = time.monotonic() + LIMIT_S
    while not has_gone(pid):
        assert time.monotonic() < deadline_s, f"process {pid} is left"
        pause.wait(0.02)


def pid_of(supervisor: Supervisor, name: str = "child") -> int:
    pid = supervisor.pids()[name]
    assert pid is not None
    return pid


def test_a_killed_program_is_started_again(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    supervisor.start(program(tmp_path, STAYS))
    first = pid_of(supervisor)
    os.kill(first, signal.SIGKILL)

    supervisor.wait_until(
        lambda: supervisor.pids()["child"] not in {first, None}, "a restart", LIMIT_S
    )

    assert said[0].startswith("child ended with signal 9")


def test_what_a_dead_program_started_goes_with_it(supervisor: Supervisor, tmp_path: Path) -> None:
    breeding = program(tmp_path, BREEDS)
    supervisor.start(breeding)
    supervisor.wait_until(lambda: breeding.log.read_text().endswith("\n"), "a child", LIMIT_S)
    grandchild = int(breeding.log.read_text())
    os.kill(pid_of(supervisor), signal.SIGKILL)

    supervisor.wait_until(lambda: has_gone(grandchild), "the grandchild's end", LIMIT_S)


def test_a_program_that_keeps_dying_fails_the_start_with_its_last_words(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(program(tmp_path, "raise SystemExit('no such thing')"))

    with pytest.raises(StartError, match="child does not start: no such thing"):
        supervisor.wait_until(lambda: False, "nothing", LIMIT_S)


def test_a_condition_that_stays_false_ends_with_what_took_too_long(
    supervisor: Supervisor,
) -> None:
    with pytest.raises(StartError, match="the start took longer than 0 s"):
        supervisor.wait_until(lambda: False, "the start", 0.01)


def test_a_wish_to_stop_ends_the_wait(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(program(tmp_path, STAYS))
    signal.raise_signal(signal.SIGTERM)

    with pytest.raises(StopAsked):
        supervisor.wait_until(lambda: False, "nothing", LIMIT_S)


def test_programs_get_the_time_to_stop_well(tmp_path: Path) -> None:
    polite = program(tmp_path, STOPS_WELL)
    with Supervisor(print) as supervisor:
        supervisor.start(polite)
        supervisor.wait_until(lambda: "up" in polite.log.read_text(), "its start", LIMIT_S)

    assert polite.log.read_text() == "up\nstopped well\n"


def test_later_programs_stop_before_earlier_ones(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = STOPS_WELL.replace(
        "print('stopped well', flush=True)", f"open({str(order)!r}, 'a').write(NAME)"
    )
    first, second = (program(tmp_path, f"NAME = {name!r}\n{code}", name) for name in "12")
    with Supervisor(print) as supervisor:
        supervisor.start(first)
        supervisor.start(second)
        logs = (first.log, second.log)
        supervisor.wait_until(lambda: all("up" in log.read_text() for log in logs), "up", LIMIT_S)

    assert order.read_text() == "21"


def test_a_program_that_does_not_stop_is_killed(said: list[str], tmp_path: Path) -> None:
    stubborn = program(tmp_path, STUBBORN, grace_s=0.1)
    with Supervisor(said.append) as supervisor:
        supervisor.start(stubborn)
        supervisor.wait_until(lambda: "up" in stubborn.log.read_text(), "its start", LIMIT_S)
        pid = pid_of(supervisor)

    assert has_gone(pid)
    assert said == ["child does not stop; killing it"]


def test_a_second_wish_to_stop_does_not_wait(tmp_path: Path) -> None:
    stubborn = program(tmp_path, STUBBORN, grace_s=LIMIT_S)
    started_s = time.monotonic()
    with Supervisor(lambda _: None) as supervisor:
        supervisor.start(stubborn)
        supervisor.wait_until(lambda: "up" in stubborn.log.read_text(), "its start", LIMIT_S)
        again = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        again.start()
    again.join()

    assert time.monotonic() - started_s < LIMIT_S / 2


def test_run_once_says_why_a_program_failed(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="child failed: out of luck"):
        supervisor.run_once(program(tmp_path, "raise SystemExit('out of luck')"), LIMIT_S)


def test_run_once_returns_when_the_program_is_done(supervisor: Supervisor, tmp_path: Path) -> None:
    once = program(tmp_path, "print('done')")

    supervisor.run_once(once, LIMIT_S)

    assert once.log.read_text() == "done\n"


def test_a_command_that_does_not_exist_is_a_start_error(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    absent = Program("absent", ("/no/such/program",), tmp_path, tmp_path / "log")

    with pytest.raises(StartError, match=r"cannot run /no/such/program: No such file"):
        supervisor.start(absent)


def test_no_program_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; import sys, os, signal\n"
        "from cli.program import Program; from cli.supervisor import Supervisor\n"
        "here = Path(sys.argv[1])\n"
        f"command = (sys.executable, '-c', {STUBBORN!r})\n"
        "with Supervisor(print) as s:\n"
        "    s.start(Program('one', command, here, here / 'one.log'))\n"
        "    s.start(Program('two', command, here, here / 'two.log'))\n"
        "    print(*s.pids().values(), flush=True); s.run()"
    )
    with subprocess.Popen(  # noqa: S603 -- our own interpreter
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        process.kill()

    assert len(pids) == 2
    for pid in pids:
        until_gone(pid)


@pytest.mark.parametrize(("deaths", "longest_s"), [(1, FIRST_PAUSE_S), (3, 4 * FIRST_PAUSE_S)])
def test_pauses_double_with_each_death(deaths: int, longest_s: float) -> None:
    assert pause_s(deaths, 0.0) == longest_s / 2
    assert pause_s(deaths, 0.999) == pytest.approx(longest_s, rel=0.01)


def test_pauses_have_a_longest() -> None:
    assert pause_s(10_000, 0.999) <= LONGEST_PAUSE_S


def test_a_program_leaves_the_processor_to_others_as_far_as_it_is_told(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    tells = "import os; print(os.nice(0))"
    meek = replace(program(tmp_path, tells), niceness=7)

    supervisor.run_once(meek, LIMIT_S)

    assert int(meek.log.read_text()) == os.nice(0) + meek.niceness
