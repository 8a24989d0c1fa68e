"""Kill anything at any time: a work is run at most once, ends, and is recorded exactly once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from marketplace.engines.local import ending, folder, sandbox

pytestmark = pytest.mark.sandbox

# It keeps saying that it lives where the test can see it: in the host's process table, by this word.
LOUD = """
    import os, subprocess, sys, time
    for _ in range(2):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "{word}"])
    print("up", flush=True)
    time.sleep(60)
"""


def processes_saying(word: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def shim_of(place, key: str) -> int:
    return json.loads((place.root / "jobs" / key / "shim.json").read_text())["pid"]


def until(fact, patience_s: float = 10) -> bool:
    give_up = time.monotonic() + patience_s
    while time.monotonic() < give_up:
        if fact():
            return True
        time.sleep(0.02)
    return False


def test_a_killed_shim_takes_its_program_along_and_the_work_is_lost(any_place):
    word = f"loud-{os.getpid()}-{time.monotonic_ns()}"
    key = any_place.start(LOUD.format(word=word), cores=2)
    any_place.until_it_says(key, "up")
    assert until(lambda: len(processes_saying(word)) == 2)
    time.sleep(0.7)  # one heartbeat
    os.kill(shim_of(any_place, key), signal.SIGKILL)
    assert until(lambda: not processes_saying(word)), "dies without anybody asking"
    status = any_place.check(key)
    assert (status.state, status.reason) == ("failed", "lost")
    assert 1000 <= status.core_ms <= 20_000, "used up to the last heartbeat"
    assert any_place.engine.capacity(any_place.site).cores_free == 2
    [used] = any_place.usage()
    assert (used.key, used.core_ms) == (key, status.core_ms)
    assert any_place.check(key) == status
    assert len(any_place.usage()) == 1


def test_a_lost_work_is_not_run_again_by_starting_it_again(place):
    work = place.work("import time; print('up', flush=True); time.sleep(60)")
    place.engine.start(place.site, work)
    place.until_it_says(work.key, "up")
    os.kill(shim_of(place, work.key), signal.SIGKILL)
    assert until(lambda: work.key not in place.engine.living(place.site))
    assert place.engine.start(place.site, work).already
    assert place.end_of(work.key).reason == "lost"
    assert place.log(work.key).strip() == "up"  # killed, perhaps before the end of the line
    assert len(place.usage()) == 1


def test_a_shim_killed_while_waiting_is_replaced(place):
    first = place.start("import time; time.sleep(60)", cores=2)
    place.until_running(first)
    second = place.start("print('ran')")
    assert until(lambda: second in place.engine.living(place.site))
    os.kill(shim_of(place, second), signal.SIGKILL)
    assert until(lambda: second not in place.engine.living(place.site))
    os.utime(place.root / "jobs" / second, (0, 0))  # as if a few seconds had passed
    assert place.check(second).state == "waiting"
    assert second in place.engine.living(place.site)
    place.engine.stop(place.site, first)
    assert place.end_of(second).state == "succeeded"
    assert [u.key for u in place.usage()] == [first, second]


def test_a_start_that_died_before_the_shim_is_completed_by_the_next(place):
    work = place.work("print('ran')")
    python, how = sandbox.interpreter(None), place.site.settings["sandbox"]
    settings = {**place.site.settings, "sandbox": how}
    assert folder.create(folder.Site.of(place.site), work, settings, python.as_dict())
    assert place.check(work.key).state == "waiting"
    assert place.engine.start(place.site, work).already
    assert place.end_of(work.key).state == "succeeded"


def test_a_job_outlives_whoever_started_it(place, tmp_path):
    work = place.work("import time; time.sleep(0.5); print('ran')")
    script = f"""
        import os, signal
        from pathlib import Path
        from marketplace.engines import get
        from marketplace.engines.base import SiteRef, Work
        site = SiteRef("s", "local", {dict(place.site.settings)!r})
        get("local").start(site, Work({work.key!r}, "jiangnan", Path({str(work.program)!r}), memory_mb=128))
        os.killpg(0, signal.SIGKILL)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=sandbox.PROJECT,
        start_new_session=True,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    assert place.end_of(work.key).state == "succeeded"
    assert place.log(work.key) == "ran\n"


@pytest.mark.parametrize("after", ["ending", "record"])
def test_a_death_between_the_steps_of_an_ending_is_repaired(place, after):
    key = place.start("print(1)")
    place.end_of(key)
    job = folder.Site.of(place.site).job(key)
    (job.path / "status.json").unlink()
    if after == "ending":
        job.site.journal.unlink()
    status = place.end_of(key)
    assert status.state == "succeeded"
    assert [u.key for u in place.usage()] == [key]
    assert place.check(key) == status


def test_a_half_written_record_is_overwritten(place):
    place.run("print(1)")
    with folder.Site.of(place.site).journal.open("ab") as f:
        f.write(b'{"seq": 2, "key": "alc_torn')
    assert len(place.usage()) == 1
    place.run("print(1)")
    assert [u.seq for u in place.usage()] == [1, 2]


def test_a_shim_that_does_not_listen_is_killed_by_stop(place, monkeypatch):
    monkeypatch.setattr("marketplace.engines.local.engine.STOP_WAIT_S", 0.5)
    key = place.start("import time; print('up', flush=True); time.sleep(60)")
    place.until_it_says(key, "up")
    os.kill(shim_of(place, key), signal.SIGSTOP)
    status = place.engine.stop(place.site, key)
    assert (status.state, status.reason) == ("stopped", "stopped")
    assert place.engine.living(place.site) == []
    assert len(place.usage()) == 1


def test_a_sandbox_that_cannot_be_built_is_not_the_works_fault(place, tmp_path):
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    place.site.settings["runtime"] = str(home / "bin" / "python")
    first = place.start("import time; print('up', flush=True); time.sleep(60)", cores=2)
    place.until_it_says(first, "up")
    key = place.start("print(1)")
    shutil.rmtree(home / "lib")
    place.engine.stop(place.site, first)
    status = place.end_of(key)
    assert (status.state, status.reason, status.exit_code) == ("failed", "sandbox", None)
    assert place.usage()[-1].cpu_ms == 0
    assert place.engine.capacity(place.site).cores_free == 2


def test_mending_what_has_ended_changes_nothing(place):
    key = place.start("print(1)")
    ended = place.end_of(key)
    ending.mend(folder.Site.of(place.site).job(key))
    assert place.check(key) == ended
    assert len(place.usage()) == 1


def test_no_control_group_is_left_behind(any_place):
    key = any_place.start("import time; print('up', flush=True); time.sleep(60)")
    any_place.until_it_says(key, "up")
    begun = json.loads((any_place.root / "jobs" / key / "begun.json").read_text())
    os.kill(shim_of(any_place, key), signal.SIGKILL)
    assert until(lambda: any_place.check(key).final)
    any_place.run("print(1)")
    paths = [Path(p) for p in (begun["group"] or {"paths": {}})["paths"].values()]
    assert [p for p in paths if p.exists()] == []
