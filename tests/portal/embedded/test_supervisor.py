import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal.embedded.service import ServiceError
from portal.embedded.supervisor import Place

from .conftest import gone, kill, until

pytestmark = pytest.mark.slow
PARTS = Path(__file__).with_name("parts.py")


class Running:
    """A supervisor of parts.py, and what it has said so far."""

    def __init__(self, folder: Path, *parts: str) -> None:
        self.folder = folder
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-u", str(PARTS), str(folder), *parts],
                                            stdout=log, stderr=log)

    def said(self) -> str:
        return self.log.read_text()

    def until_said(self, text: str, times: int = 1, timeout_s: float = 15) -> None:
        until(lambda: self.said().count(text) >= times, timeout_s, f"{text!r} in {self.said()!r}")

    def pids(self) -> dict[str, int]:
        return json.loads((self.folder / "serve.json").read_text())["parts"]

    def stop(self, how: signal.Signals = signal.SIGINT) -> float:
        began = time.monotonic()
        self.process.send_signal(how)
        assert self.process.wait(15) == 0
        return time.monotonic() - began


@pytest.fixture
def run(tmp_path):
    started: list[Running] = []

    def start(*parts: str) -> Running:
        started.append(Running(tmp_path, *parts))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.send_signal(signal.SIGTERM)
            each.process.wait(15)


def test_it_says_whose_line_it_is_and_when_a_part_serves(run):
    site = run("steady")
    site.until_said("  steady │ steady runs")
    site.until_said("steady is ready")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_everything_when_asked(run, how):
    site = run("steady", "finishing")
    site.until_said("steady is ready")
    pids = site.pids().values()
    assert site.stop(how) < 3
    assert all(gone(pid) for pid in pids)
    assert "stopped" in site.said()


def test_what_does_not_stop_is_killed_in_time(run):
    site = run("stubborn", "steady")
    site.until_said("stubborn is ready")
    pid = site.pids()["stubborn"]
    assert 4 < site.stop() < 7
    assert gone(pid)


def test_asked_twice_it_does_not_wait(run):
    site = run("stubborn")
    site.until_said("stubborn is ready")
    site.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert site.stop() < 2


def test_a_killed_part_starts_again(run):
    site = run("steady")
    site.until_said("steady is ready")
    before = site.pids()["steady"]
    kill(before)
    site.until_said("was ended by signal 9; it starts again in 0.5 s")
    site.until_said("steady runs", times=2)
    assert site.pids()["steady"] != before


def test_a_part_that_dies_again_and_again_waits_longer_each_time(run):
    site = run("dying")
    site.until_said("ended with code 3; it starts again in 2 s")
    assert re.findall(r"again in ([\d.]+) s", site.said()) == ["0.5", "1", "2"]


def test_a_part_that_is_done_stays_done(run):
    site = run("finishing", "steady")
    site.until_said("finishing runs")
    time.sleep(1.5)
    assert site.said().count("finishing runs") == 1


def test_no_line_is_lost(run):
    site = run("noisy")
    site.until_said("noisy is ready", timeout_s=30)
    site.until_said("line 19999 ")
    assert site.said().count("│ line ") == 20_000


def test_parts_end_with_a_supervisor_that_is_killed(run):
    site = run("steady", "stubborn")
    site.until_said("stubborn is ready")
    pids = list(site.pids().values())
    kill(site.process.pid)
    until(lambda: all(gone(pid) for pid in pids), 8, "the parts end")


def test_after_a_kill_the_next_start_waits_for_what_is_left(run):
    site = run("stubborn")
    site.until_said("stubborn is ready")
    left = site.pids()["stubborn"]
    kill(site.process.pid)
    site.process.wait()
    after = run("steady")
    after.until_said("steady is ready", timeout_s=20)
    assert gone(left)


def test_what_cannot_end_by_itself_is_ended_by_the_next_start(run, monkeypatch, tmp_path):
    site = run("stubborn")
    site.until_said("stubborn is ready")
    left = site.pids()["stubborn"]
    os.kill(left, signal.SIGSTOP)  # it will not notice that its supervisor is gone
    kill(site.process.pid)
    site.process.wait()
    monkeypatch.setattr("portal.embedded.supervisor.LEFTOVER_S", 1)
    Place(tmp_path).take()
    assert gone(left)


def test_a_second_one_in_the_same_folder_is_refused_with_the_address(run, tmp_path):
    site = run("steady")
    site.until_said("steady is ready")
    with pytest.raises(ServiceError, match="already runs from this folder: http://here/"):
        Place(tmp_path).take()


def test_it_stops_when_its_parent_is_gone(tmp_path):
    code = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-u', *sys.argv[1:]]); "
        "print(p.pid, flush=True); time.sleep(99)"
    )
    argv = [sys.executable, "-c", code, str(PARTS), str(tmp_path), "steady", "--child"]
    parent = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    supervisor = int(parent.stdout.readline())
    while "ready" not in parent.stdout.readline():
        pass
    part = json.loads((tmp_path / "serve.json").read_text())["parts"]["steady"]
    kill(parent.pid)
    parent.wait()
    until(lambda: gone(supervisor) and gone(part), 8, "supervisor and part end")


def test_the_reason_why_a_part_gave_up_is_said(run):
    run("refusing").until_said("there is no sandbox here")
